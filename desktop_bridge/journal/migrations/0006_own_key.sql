-- The owner's own AI key, sealed under a master password (AES-256-GCM, Argon2id). The file around it is the second lock.
CREATE TABLE own_key (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    address TEXT NOT NULL,
    derivation TEXT NOT NULL,
    sealed BLOB NOT NULL,
    made_at TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    failed_at TEXT
);

-- Suggestions that were made with it: they are on this computer only, until the owner approves them.
CREATE TABLE own_suggestions (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    made_at TEXT NOT NULL
);
