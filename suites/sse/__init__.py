"""Server-sent events: the stream, its response head, its clients' comings and goings."""
