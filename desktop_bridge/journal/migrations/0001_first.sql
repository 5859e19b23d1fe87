CREATE TABLE installation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    secret BLOB NOT NULL,
    made_at TEXT NOT NULL,
    linked_at TEXT,
    server_url TEXT,
    device_id TEXT,
    tenant_id TEXT,
    channel_id TEXT,
    token TEXT
);

-- A chat is our own id with evidence. Excluded ones (groups, not chosen by the owner) keep the keyed hash of their title only.
CREATE TABLE chats (
    id TEXT PRIMARY KEY,
    title_key BLOB NOT NULL,
    title TEXT,
    kind TEXT NOT NULL,
    excluded INTEGER NOT NULL DEFAULT 0,
    made_at TEXT NOT NULL
);
CREATE INDEX chats_by_title ON chats (title_key);

CREATE TABLE messages (
    external_id TEXT PRIMARY KEY,
    chat_id TEXT NOT NULL REFERENCES chats (id),
    place INTEGER NOT NULL,
    direction TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT,
    tick TEXT,
    edited INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    history INTEGER NOT NULL DEFAULT 0,
    seen_at TEXT NOT NULL
);
CREATE INDEX messages_in_chat ON messages (chat_id, place);

-- Which rows of the list were dealt with, as keyed hashes: a row is read again only when it changes.
CREATE TABLE list_rows (
    title_key BLOB NOT NULL,
    look BLOB NOT NULL,
    PRIMARY KEY (title_key, look)
);

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('chat', 'message', 'tick')),
    body TEXT NOT NULL
);

CREATE TABLE sends (
    send_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    chat_id TEXT NOT NULL,
    text TEXT NOT NULL,
    phase TEXT NOT NULL,
    tail TEXT,
    armed_at TEXT,
    deadline_at TEXT,
    outcome TEXT,
    report TEXT,
    begun_at TEXT NOT NULL,
    PRIMARY KEY (send_id, attempt)
);
CREATE INDEX sends_in_chat ON sends (chat_id);

CREATE TABLE send_steps (
    send_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    phase TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (send_id, attempt, phase)
);
