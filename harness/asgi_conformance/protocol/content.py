"""The content of a response against what its status and its headers promise.

The server counts too, and truncates, waits for more or drops the connection; the client then sees a damaged
response. See RFC 9110, sections 6.4.1 (status codes without content) and 8.6 (``content-length``).
"""

from collections.abc import Mapping
from typing import Any, Protocol

from asgi_conformance.protocol.headers import values_of
from asgi_conformance.protocol.problem import NONE, Problem, Problems, show

NO_CONTENT = frozenset({*range(100, 200), 204, 205, 304})
NO_LENGTH = frozenset({*range(100, 200), 204})
_CONTENT = frozenset(range(200, 600)) - NO_CONTENT


class Memory(Protocol):
    """What a conversation remembers: the scope, the response start, and how many bytes are still to come.

    The start is None when there was none that could be understood, and the number is None when nothing was
    promised or nobody can tell.
    """

    scope: Mapping[str, Any]
    opening: Mapping[str, Any] | None
    left: int | None


def start(memory: Memory, message: Mapping[str, Any]) -> Problems:
    """What is wrong with a response start of the right shape."""
    memory.opening = message
    headers = message.get("headers")
    # Nearly every start is this one; whatever is unusual about it is told below.
    if message["status"] in _CONTENT and type(headers) is list:
        length = None
        try:
            for pair in headers:
                if pair[0] == b"content-length":
                    if length is not None:
                        break
                    length = pair[1]
            else:
                if length is None:
                    return NONE
                if length.isdigit():
                    memory.left = int(length)
                    return NONE
        except TypeError:
            return NONE  # a pair that can be read only once is for the server to read
    return _unusual_start(memory, message["status"], values_of(() if headers is None else headers, b"content-length"))


def _unusual_start(memory: Memory, status: int, lengths: list[bytes] | None) -> Problems:
    if not 100 <= status <= 599:
        return [Problem("http.response-start.status-range", "a status of 100 to 599", show(status))]
    if status in NO_CONTENT:
        memory.left = 0
        if not lengths or status not in NO_LENGTH:
            return NONE
        expected = f"no content-length with status {int(status)}"
        return [Problem("http.content-length.forbidden", expected, show(lengths[0]))]
    if not lengths:
        return NONE
    if len(lengths) == 1 and lengths[0].strip(b" \t").isdigit():
        memory.left = int(lengths[0])
        return NONE
    observed = ", ".join(map(show, lengths))
    return [Problem("http.content-length.valid", "one content-length of digits", observed)]


def body(memory: Memory, message: Mapping[str, Any]) -> Problems:
    """What is wrong with a part of the body, of the right shape and at the right time."""
    promised = memory.left
    if promised is None:
        return NONE
    memory.left = left = promised - len(message.get("body", b""))
    if left == 0 or (left > 0 and message.get("more_body")):
        return NONE
    memory.left = None
    # A server strips the content of an answer to HEAD, whose length is that of an answer to GET.
    if memory.opening is None or memory.scope.get("method") == "HEAD":
        return NONE
    status = memory.opening["status"]
    if status in NO_CONTENT:
        expected = f"no content with status {int(status)}"
        return [Problem("http.response-body.forbidden", expected, f"{-left} bytes")]
    observed = f"{-left} bytes more" if left < 0 else f"{left} bytes less"
    return [Problem("http.content-length.exact", "as many bytes as content-length says", observed)]


def file(memory: Memory, _message: Mapping[str, Any]) -> Problems:
    """A zero-copy send: from here on nobody can count, as the length is that of a file when it is read."""
    memory.left = None
    return NONE


def path(memory: Memory, _message: Mapping[str, Any]) -> Problems:
    """What is wrong with sending a path."""
    headers = () if memory.opening is None else memory.opening.get("headers", ())
    if (
        memory.opening is None
        or values_of(headers, b"content-type") != []
        or values_of(headers, b"content-length") != []
    ):
        return NONE
    expected = "the content headers of the file in the response start"
    return [Problem("http.pathsend.content-headers", expected, "neither content-type nor content-length")]


def trailers(memory: Memory, message: Mapping[str, Any]) -> Problems:
    """What is wrong with trailers of the right shape."""
    announced = None if memory.opening is None else values_of(memory.opening.get("headers", ()), b"trailer")
    sent = message["headers"]
    if announced is None or values_of(sent, b"") is None:
        return NONE
    names = {name.strip().lower() for value in announced for name in value.split(b",")}
    missing = sorted({bytes(name) for name, _ in sent if name not in names})
    if not missing:
        return NONE
    expected = "a trailer header that names every trailer"
    return [Problem("http.trailers.names", expected, f"{show(missing[0])} without it")]
