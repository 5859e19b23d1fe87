-- When a message was written by WhatsApp's own account, for reading offline; none where the page shows no time.
ALTER TABLE messages ADD COLUMN wa_at TEXT;
