-- News that the server refuses for good are put aside with the reason, so that what comes after them is handed over.
ALTER TABLE outbox ADD COLUMN refused TEXT;

-- Files that are still to be brought from the page to the server. Their bytes are never kept here.
CREATE TABLE files (
    external_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    chat_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due_at TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (external_id, position)
);
CREATE INDEX files_due ON files (due_at);

-- How the list stood when it was last dealt with, from the top, as keyed hashes of 16 bytes each: a row that moved up had news.
CREATE TABLE list_order (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    title_keys BLOB NOT NULL
);
