"""Server-sent events without I/O: the parser, the linter, the framer, and the client with its reconnections."""

from asgi_conformance.sse.eventsource import EventSource, Failure, ReadyState, Reconnection, mime_essence
from asgi_conformance.sse.frame import frame
from asgi_conformance.sse.lint import EventStreamLinter, lint_stream
from asgi_conformance.sse.parser import Event, EventStreamParser, EventTooLarge
from asgi_conformance.sse.rules import RULES, Finding, Rule, Severity

__all__ = [
    "RULES",
    "Event",
    "EventSource",
    "EventStreamLinter",
    "EventStreamParser",
    "EventTooLarge",
    "Failure",
    "Finding",
    "ReadyState",
    "Reconnection",
    "Rule",
    "Severity",
    "frame",
    "lint_stream",
    "mime_essence",
]
