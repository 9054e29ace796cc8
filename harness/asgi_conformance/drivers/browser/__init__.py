"""A real browser as a client: its process, its pages, and what lies between it and a server."""
