"""Serves the vectors, one path each; whoever comes back to a path is told to stop."""

from asgi_conformance.protocol.types import Receive, Scope, Send

from .vectors import VECTORS, Vector

SHORT = 3000  # bytes, up to which a stream is sent byte by byte
asked_for: set[str] = set()


def pieces(vector: Vector, how: str) -> list[bytes]:
    """The stream in one piece, or in the smallest that are reasonable."""
    if how == "whole":
        return [vector.stream]
    size = 1 if len(vector.stream) <= SHORT else 97
    return [vector.stream[start : start + size] for start in range(0, len(vector.stream), size)]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """``/7/whole`` or ``/7/bytes`` is the eighth vector."""
    if scope["type"] != "http":
        raise TypeError("only http here")
    path = scope["path"]
    if path in asked_for:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        return
    asked_for.add(path)
    _, number, how = path.split("/")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for piece in pieces(VECTORS[int(number)], how):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})
