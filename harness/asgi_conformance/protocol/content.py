"""The content of a response against what its status and its headers promise.

The server counts too, and truncates, waits for more or drops the connection; the client then sees a damaged
response. See RFC 9110, sections 6.4.1 (status codes without content) and 8.6 (``content-length``).
"""

from collections.abc import Mapping
from typing import Any

from asgi_conformance.protocol.headers import values_of
from asgi_conformance.protocol.problem import NONE, Problem, Problems, show

NO_CONTENT = frozenset({*range(100, 200), 204, 205, 304})
NO_LENGTH = frozenset({*range(100, 200), 204})


_LENGTH = b"content-length"


class ResponseContent:
    """What was promised, and how much of it was sent.

    To be fed with messages of the right shape in the right order: nothing else is known before the start.
    """

    __slots__ = ("_headers", "_left", "_method", "_status")

    _headers: Any
    _left: int | None  # how many bytes are still to come; None when nothing was promised, or nobody can tell
    _status: int

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._method = scope.get("method")

    def start(self, message: Mapping[str, Any]) -> Problems:
        """What is wrong with a response start."""
        self._status = status = message["status"]
        self._headers = headers = message.get("headers", ())
        self._left = None
        if not 100 <= status <= 599:
            return [Problem("http.response-start.status-range", "a status of 100 to 599", show(status))]
        lengths = values_of(headers, _LENGTH)
        if status in NO_CONTENT:
            return self._start_without_content(lengths)
        # A server strips the content of an answer to HEAD, whose length is that of an answer to GET.
        if not lengths or self._method == "HEAD":
            return NONE
        length = lengths[0]
        if len(lengths) == 1 and (length.isdigit() or length.strip(b" \t").isdigit()):
            self._left = int(length)
            return NONE
        observed = ", ".join(map(show, lengths))
        return [Problem("http.content-length.valid", "one content-length of digits", observed)]

    def _start_without_content(self, lengths: list[bytes] | None) -> Problems:
        if self._method != "HEAD":
            self._left = 0
        if not lengths or self._status not in NO_LENGTH:
            return NONE
        expected = f"no content-length with status {int(self._status)}"
        return [Problem("http.content-length.forbidden", expected, show(lengths[0]))]

    def body(self, message: Mapping[str, Any]) -> Problems:
        """What is wrong with a part of the body."""
        if self._left is None:
            return NONE
        size = len(message.get("body", b""))
        left = self._left - size
        if left == 0 or (left > 0 and message.get("more_body")):
            self._left = left
            return NONE
        self._left = None
        if self._status in NO_CONTENT:
            expected = f"no content with status {int(self._status)}"
            return [Problem("http.response-body.forbidden", expected, f"{size} bytes")]
        observed = f"{-left} bytes more" if left < 0 else f"{left} bytes less"
        return [Problem("http.content-length.exact", "as many bytes as content-length says", observed)]

    def file(self, _message: Mapping[str, Any]) -> Problems:
        """A zero-copy send: from here on nobody can count, as the length is that of a file when it is read."""
        self._left = None
        return NONE

    def path(self, _message: Mapping[str, Any]) -> Problems:
        """What is wrong with sending a path."""
        for name in (b"content-type", b"content-length"):
            if values_of(self._headers, name) != []:
                return NONE
        expected = "the content headers of the file in the response start"
        return [Problem("http.pathsend.content-headers", expected, "neither content-type nor content-length")]

    def trailers(self, message: Mapping[str, Any]) -> Problems:
        """What is wrong with trailers."""
        announced = values_of(self._headers, b"trailer")
        trailers = message["headers"]
        if announced is None or values_of(trailers, b"") is None:
            return NONE
        names = {name.strip().lower() for value in announced for name in value.split(b",")}
        missing = sorted({bytes(name) for name, _ in trailers if name not in names})
        if not missing:
            return NONE
        expected = "a trailer header that names every trailer"
        return [Problem("http.trailers.names", expected, f"{show(missing[0])} without it")]
