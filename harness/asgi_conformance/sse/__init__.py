"""Server-sent events without I/O: the parser, the linter, the framer, and the client's reconnection."""

from asgi_conformance.sse.parser import Event, EventStreamParser, EventTooLarge

__all__ = ["Event", "EventStreamParser", "EventTooLarge"]
