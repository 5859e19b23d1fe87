-- Rows that were opened and not yet read to the end: how many messages were unread before the opening took the number away.
CREATE TABLE opening (
    title_key BLOB PRIMARY KEY,
    unread INTEGER NOT NULL
);
