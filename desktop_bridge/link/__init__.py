"""Who decides about a send: the server over HTTP and WebSocket, or a local stand-in for work by hand."""
