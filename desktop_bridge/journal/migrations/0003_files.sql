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

-- The rows of the list as they stood when they were last dealt with, from the top: a row that moved up had news.
CREATE TABLE list_order (
    place INTEGER PRIMARY KEY,
    title_key BLOB NOT NULL
);
