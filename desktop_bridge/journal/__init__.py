"""The encrypted store of the bridge: what it has seen, what it owes the server, and how far each send has come."""
