"""What every driver offers: the same calls, whatever lies between the check and the application.

A driver plays the client (and, in process, the server). It opens *exchanges*: one HTTP request and its
response, or one websocket connection. It judges nothing; where a wait ends without what was waited for it
raises :class:`Unanswered`, and the check that is about that answer turns it into a finding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, Self

from asgi_conformance.protocol.types import Message

Headers = tuple[tuple[bytes, bytes], ...]

PATIENCE = 10.0  # seconds on the driver's clock: the default bound of every wait


class Ability(StrEnum):
    """What a driver can do; a check that depends on one names it in its `needs`."""

    MESSAGES = "messages"  # the ASGI messages that the application sent can be read
    LIFECYCLE = "lifecycle"  # the application can be started and stopped
    SCRIPT = "script"  # every message, every await and the scope can be chosen
    VIRTUAL_TIME = "virtual-time"  # waiting costs nothing
    WIRE = "wire"  # real bytes on a real socket, correct ones and others
    PROCESS = "process"  # signals, exit codes, logs
    BROWSER = "browser"  # a browser can be pointed at it


class Unanswered(Exception):
    """A wait ended without what was waited for. The text is a noun phrase for `observed`."""


class Unreachable(Exception):
    """The target cannot be started or connected to; the text says why, for the person who named it."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, or a websocket handshake, before it is sent.

    `path` is percent-encoded and may have a query. `headers` are sent as they are, names in lower case;
    drivers add ``host`` and framing headers that are missing.
    """

    method: str = "GET"
    path: str = "/"
    headers: Headers = ()
    body: bytes = b""
    subprotocols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """The start of a response: status, and headers in the order sent (names as sent)."""

    status: int
    headers: Headers

    def get_all(self, name: str) -> list[str]:
        """The values of every header of that name (lower case), decoded as Latin-1."""
        wanted = name.encode("latin-1")
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]

    def get(self, name: str) -> str | None:
        """The first value of the header, or None."""
        values = self.get_all(name)
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a response body as it arrived, with the driver's time in seconds since the request."""

    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """How one call of the application ended, as far as the driver can see.

    ``running``: it had not ended within the bound. ``unknown``: the driver cannot see the application.
    """

    how: Literal["returned", "raised", "cancelled", "running", "unknown"]
    error: str = ""  # "ValueError: no such row", when it raised
    exception: BaseException | None = field(default=None, compare=False)  # in process only


@dataclass(frozen=True, slots=True)
class Response:
    """A response that was read to its end, or of an endless stream the beginning.

    `complete` is False when the connection, or the application, ended before the response did, and when the
    client left first, which `left` tells. `messages` are what the application sent, where the driver can see
    them.
    """

    status: int
    headers: Headers
    body: bytes
    complete: bool
    pieces: tuple[Piece, ...] = ()
    messages: tuple[Message, ...] = ()
    ending: Ending = Ending("unknown")
    left: bool = False

    @property
    def head(self) -> Head:
        """Status and headers, with lookups by name."""
        return Head(self.status, self.headers)


class HTTPExchange(Protocol):
    """One request and its response, while it happens."""

    async def head(self, within: float = PATIENCE) -> Head:
        """The status line and headers, as soon as they are there.

        Raises Unanswered when they do not come: the bound is over, the connection is closed, or (in process)
        the application ended. A server answers 500 for an application that raised; in process nothing
        is made up.
        """
        ...

    async def piece(self, within: float = PATIENCE) -> Piece | None:
        """The next non-empty part of the body; None once the body has ended, completely or not.

        Parts are body messages in process, and reads of the socket (without transfer coding) on the wire.
        Raises Unanswered when the bound is over and the response still open.
        """
        ...

    @property
    def complete(self) -> bool:
        """Whether the response came to the end that its framing promised."""
        ...

    async def send(self, data: bytes, *, more: bool) -> None:
        """Send a part of the request body (for exchanges opened with ``streaming=True``)."""
        ...

    async def disconnect(self, how: Literal["close", "reset", "half"] = "close") -> None:
        """Go away: close the connection, reset it, or close the sending half and go on reading."""
        ...

    async def ending(self, within: float = PATIENCE) -> Ending:
        """Wait for the application's call to end, at most `within` seconds, and say how it ended."""
        ...

    @property
    def messages(self) -> Sequence[Message]:
        """What the application has sent so far (needs ``messages``; empty elsewhere)."""
        ...


@dataclass(frozen=True, slots=True)
class Handshake:
    """The answer to a websocket handshake.

    A refusal has the HTTP status that a client sees (403 for a close before accept) and, for a denial
    response, its headers and body.
    """

    accepted: bool
    status: int = 101
    subprotocol: str | None = None
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of a websocket as the client sees it; 1006 when the connection just ended, 1005 without a code."""

    code: int
    reason: str = ""


class WebSocketExchange(Protocol):
    """One websocket connection, from the handshake to its end, seen from the client."""

    async def opened(self, within: float = PATIENCE) -> Handshake:
        """The answer to the handshake. Raises Unanswered when there is none."""
        ...

    async def send(self, data: str | bytes) -> None:
        """Send one text or binary message."""
        ...

    async def receive(self, within: float = PATIENCE) -> str | bytes | Closed:
        """The next message, or how the connection ended (again on each further call).

        Raises Unanswered when the bound is over.
        """
        ...

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Begin the closing handshake. None sends a close without a code (the application sees 1005)."""
        ...

    async def disconnect(self, how: Literal["close", "reset"] = "reset") -> None:
        """Lose the connection without a closing handshake (the application sees 1006)."""
        ...

    async def ending(self, within: float = PATIENCE) -> Ending:
        """Wait for the application's call to end, at most `within` seconds, and say how it ended."""
        ...

    @property
    def messages(self) -> Sequence[Message]:
        """What the application has sent so far (needs ``messages``; empty elsewhere)."""
        ...


class Driver(Protocol):
    """A way to reach one application, for the length of one check.

    Used as an async context manager: entering starts the application (or connects to it), leaving
    stops it. Entering raises Unreachable when the application does not start.
    """

    name: str
    abilities: frozenset[Ability]

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def http(self, request: Request, *, streaming: bool = False) -> HTTPExchange:
        """Send a request; with `streaming`, its body follows by :meth:`HTTPExchange.send`."""
        ...

    async def websocket(self, request: Request) -> WebSocketExchange:
        """Send a websocket handshake."""
        ...
