"""WebSocket: what an application owes to a connection, to the other connections, and to those that break."""
