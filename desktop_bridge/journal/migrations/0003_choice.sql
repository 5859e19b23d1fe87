-- Which chats the owner wants to be read, titles as keyed hashes: `wanted` is the owner's word, `applied` what the list was looked over with.
CREATE TABLE choices (
    slot TEXT PRIMARY KEY CHECK (slot IN ('wanted', 'applied')),
    mode TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE choice_titles (
    slot TEXT NOT NULL REFERENCES choices (slot),
    title_key BLOB NOT NULL,
    PRIMARY KEY (slot, title_key)
);

-- How much was unread in a row when its chat was taken in: written before that, so it is history.
CREATE TABLE unread_before (
    title_key BLOB NOT NULL,
    unread INTEGER NOT NULL,
    PRIMARY KEY (title_key, unread)
);

-- By what a chat that was left out, and whose title is forgotten, is known to a later choice.
ALTER TABLE chats ADD COLUMN choice_key BLOB;
