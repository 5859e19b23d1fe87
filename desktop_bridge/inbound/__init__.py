"""From the page into the journal, and from the journal to whoever wants to know."""
