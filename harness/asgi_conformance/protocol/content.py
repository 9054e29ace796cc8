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


class ResponseContent:
    """What was promised, and how much of it was sent. To be fed with messages of the right shape only."""

    # Defaults of the class: most instances live through two messages only.
    _headers: Any = ()
    _status = 200
    _left: int | None = None  # how many bytes are still to come; None when nobody can tell
    _idle = True  # nothing is to be judged about body messages

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._method = scope.get("method")

    def sent(self, message: Mapping[str, Any]) -> Problems:
        """What is wrong with a message in the light of the ones before it."""
        kind = message["type"]
        if kind == "http.response.body":
            return NONE if self._idle else self._body(message)
        if kind == "http.response.start":
            return self._start(message)
        if kind == "http.response.pathsend":
            return self._path()
        if kind == "http.response.trailers":
            return self._trailers(message)
        if kind == "http.response.zerocopysend":
            self._left = None  # the length is that of a file, at the time when it is read
        return NONE

    def _start(self, message: Mapping[str, Any]) -> Problems:
        self._status = status = message["status"]
        self._headers = message.get("headers", ())
        if not 100 <= status <= 599:
            return [Problem("http.response-start.status-range", "a status of 100 to 599", show(status))]
        lengths = values_of(self._headers, b"content-length")
        # A server strips the content of an answer to HEAD, whose length is that of an answer to GET.
        if self._method == "HEAD" or not (lengths or status in NO_CONTENT):
            return NONE
        self._idle = False
        if not lengths:
            return NONE
        if len(lengths) > 1 or not lengths[0].strip(b" \t").isdigit():
            observed = ", ".join(map(show, lengths))
            return [Problem("http.content-length.valid", "one content-length of digits", observed)]
        if status in NO_LENGTH:
            expected = f"no content-length with status {int(status)}"
            return [Problem("http.content-length.forbidden", expected, show(lengths[0]))]
        if status not in NO_CONTENT:
            self._left = int(lengths[0])
        return NONE

    def _body(self, message: Mapping[str, Any]) -> Problems:
        size = len(message.get("body", b""))
        if self._status in NO_CONTENT:
            if not size:
                return NONE
            self._idle = True
            expected = f"no content with status {int(self._status)}"
            return [Problem("http.response-body.forbidden", expected, f"{size} bytes")]
        if self._left is None:
            return NONE
        self._left -= size
        if self._left >= 0 and (message.get("more_body") or self._left == 0):
            return NONE
        self._idle = True
        observed = f"{-self._left} bytes more" if self._left < 0 else f"{self._left} bytes less"
        return [Problem("http.content-length.exact", "as many bytes as content-length says", observed)]

    def _path(self) -> Problems:
        for name in (b"content-type", b"content-length"):
            if values_of(self._headers, name) != []:
                return NONE
        expected = "the content headers of the file in the response start"
        return [Problem("http.pathsend.content-headers", expected, "neither content-type nor content-length")]

    def _trailers(self, message: Mapping[str, Any]) -> Problems:
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
