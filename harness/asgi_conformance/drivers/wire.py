"""An HTTP/1.1 client that hides nothing: one connection for each request, and what came, when, how it ended."""

import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from asgi_conformance.drivers.base import PATIENCE, Ending, Head, Headers, Piece, Request, Unanswered
from asgi_conformance.drivers.wire_connection import Connection, Read, connect
from asgi_conformance.drivers.wire_http1 import Data, End, Event, ResponseParser, Start
from asgi_conformance.drivers.wire_sight import Note, Sight, Watch, silent, unwatched
from asgi_conformance.drivers.wire_websocket import WireWebSocket, handshake
from asgi_conformance.protocol.types import Message

# How many connections with a complete response are kept open, as a browser does, before the oldest is closed.
IDLE = 32

_WITH_BODY = {"POST", "PUT", "PATCH"}


class WireClient:
    """Opens exchanges with one server, and closes what is still open at the end.

    Args:
        host: name or address of the server.
        port: of the server.
        tls: how to speak TLS; None for plain TCP.
        base_path: put in front of every path.
        watch: gives the sight of the application for a request that is about to be sent.
        note: is told of what is said on the wire.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        base_path: str = "",
        watch: Watch = unwatched,
        note: Note = silent,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._base_path = base_path.rstrip("/")
        self._watch = watch
        self._note = note
        self._connections: list[Connection] = []
        self._complete: deque[Connection] = deque()

    @property
    def authority(self) -> str:
        """The value of a ``host`` header for this server."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return host if self._port == (443 if self._tls else 80) else f"{host}:{self._port}"

    def target(self, path: str) -> str:
        """The request target for a path of the application."""
        return self._base_path + path

    async def http(self, request: Request, *, streaming: bool = False) -> "WireExchange":
        """Send a request on a new connection; with `streaming`, its body follows."""
        connection = await self.raw()
        target = self._base_path + request.path
        sight = self._watch(connection.port, "http", decoded(target))
        exchange = WireExchange(connection, request.method, sight, self._note, self._completed)
        await exchange.begin(target, self._framed(request, streaming=streaming), None if streaming else request.body)
        return exchange

    async def websocket(self, request: Request, *, early: bytes = b"") -> WireWebSocket:
        """Send a websocket handshake on a new connection, and `early` bytes right behind it."""
        connection = await self.raw()
        target = self._base_path + request.path
        sight = self._watch(connection.port, "websocket", decoded(target))
        key, head = handshake(request, target, self.authority)
        exchange = WireWebSocket(connection, key, sight, self._note)
        await exchange.begin(head + early)
        return exchange

    async def raw(self, *, receive_buffer: int | None = None) -> Connection:
        """A new connection on which nothing was sent. Raises Unreachable."""
        connection = await connect(self._host, self._port, tls=self._tls, receive_buffer=receive_buffer)
        self._connections.append(connection)
        return connection

    async def close(self) -> None:
        """Close every connection that is still open."""
        while self._connections:
            await self._connections.pop().dispose()

    def _completed(self, connection: Connection) -> None:
        """A response is complete; its connection stays open for a while, unless there are too many."""
        self._complete.append(connection)
        if len(self._complete) > IDLE:
            oldest = self._complete.popleft()
            oldest.close()
            self._connections.remove(oldest)

    def _framed(self, request: Request, *, streaming: bool) -> Headers:
        """The headers with ``host`` and the framing of the body, where they are missing."""
        names = {name.lower() for name, _ in request.headers}
        added = []
        if b"host" not in names:
            added.append((b"host", self.authority.encode("latin-1")))
        framed = b"content-length" in names or b"transfer-encoding" in names
        if streaming and not framed:
            added.append((b"transfer-encoding", b"chunked"))
        elif not framed and (request.body or request.method in _WITH_BODY):
            added.append((b"content-length", str(len(request.body)).encode()))
        return (*added, *request.headers)


class WireExchange:
    """One HTTP request on a connection of its own, and its response as it comes.

    `connection` is there for what the interface has no word for, such as a client that stops reading.
    """

    def __init__(
        self,
        connection: Connection,
        method: str,
        sight: Sight,
        note: Note,
        completed: Callable[[Connection], None],
    ) -> None:
        self.connection = connection
        self._method = method
        self._sight = sight
        self._note = note
        self._completed = completed
        self._parser = ResponseParser(method)
        self._head: Head | None = None
        self._pieces: deque[Piece] = deque()
        self._chunked = False
        self._since = 0.0
        self._left = False  # this side has gone
        self.interim: list[Head] = []  # 1xx responses before the final one
        self.trailers: Headers = ()

    async def begin(self, target: str, headers: Headers, body: bytes | None) -> None:
        """Send the request line, the headers and the body; with None, the body follows by :meth:`send`."""
        self._chunked = body is None and any(
            name.lower() == b"transfer-encoding" and b"chunked" in value.lower() for name, value in headers
        )
        line = f"{self._method} {target} HTTP/1.1"
        lines = [line.encode("latin-1"), *(name + b": " + value for name, value in headers)]
        self._note(">", line)
        if body:
            self._note(">", f"body {body!r}")
        self._since = time.monotonic()
        self.connection.deliver(self._arrived)
        await self.connection.send(b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""))

    async def head(self, within: float = PATIENCE) -> Head:
        """See :class:`~asgi_conformance.drivers.base.HTTPExchange`."""
        deadline = time.monotonic() + within
        while self._head is None:
            if self._over:
                raise Unanswered(f"no response: {self._why()}")
            if not await self.connection.change(deadline - time.monotonic()):
                raise Unanswered(f"no response within {within:g} s")
        return self._head

    async def piece(self, within: float = PATIENCE) -> Piece | None:
        """See :class:`~asgi_conformance.drivers.base.HTTPExchange`."""
        deadline = time.monotonic() + within
        while not self._pieces:
            if self._over:
                return None
            if not await self.connection.change(deadline - time.monotonic()):
                raise Unanswered(f"no further part of the body within {within:g} s, the response still open")
        piece = self._pieces.popleft()
        self.connection.kept(-len(piece.data))
        return piece

    @property
    def complete(self) -> bool:
        """Whether the response came to the end that its framing promised."""
        return self._parser.complete

    @property
    def fault(self) -> str:
        """What cannot be read in the bytes that came, as a noun phrase; empty while nothing is wrong."""
        return self._parser.fault

    async def send(self, data: bytes, *, more: bool) -> None:
        """See :class:`~asgi_conformance.drivers.base.HTTPExchange`."""
        if data:
            self._note(">", f"body {data!r}")
        if self._chunked:
            data = (b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + (b"" if more else b"0\r\n\r\n")
        await self.connection.send(data)

    async def disconnect(self, how: Literal["close", "reset", "half"] = "close") -> None:
        """See :class:`~asgi_conformance.drivers.base.HTTPExchange`."""
        self._note("note", _DISCONNECTED[how])
        if how == "half":
            self.connection.half_close()
            return
        self._left = True
        if how == "close":
            self.connection.close()
        else:
            self.connection.reset()
        self.connection.wake()

    async def ending(self, within: float = PATIENCE) -> Ending:
        """See :class:`~asgi_conformance.drivers.base.HTTPExchange`."""
        # An application that has not been called when the answer is there will not be: the server has answered.
        answered = self._head is not None or (self.connection.over and not self._left)
        return await self._sight.ending(0 if answered and not self._sight.called else within)

    @property
    def messages(self) -> Sequence[Message]:
        """What the application has sent so far (needs ``messages``; empty elsewhere)."""
        return self._sight.messages

    @property
    def _over(self) -> bool:
        return self._left or self._parser.over or self.connection.over

    def _why(self) -> str:
        if self.fault:
            return self.fault
        if self._left:
            return "the client had gone"
        return f"the connection was {self.connection.end}"

    def _arrived(self, read: Read | None) -> None:
        if read is None:
            self._note("note", f"the connection is {self.connection.end} by the server")
            events = self._parser.finish() if self.connection.end == "closed" else []
            self._take(events, time.monotonic())
            self.connection.half_close()  # as every client does; a server may be waiting for it
            return
        if self._left:
            return
        self._note("<", told(read.data))
        self._take(self._parser.feed(read.data), read.at)

    def _take(self, events: list[Event], at: float) -> None:
        content = b"".join(event.data for event in events if isinstance(event, Data))
        for event in events:
            match event:
                case Start(interim=True):
                    self.interim.append(Head(event.status, event.headers))
                case Start():
                    self._head = Head(event.status, event.headers)
                case End():
                    self.trailers = event.trailers
                    self._completed(self.connection)
        if content:
            self._pieces.append(Piece(at - self._since, content))
            self.connection.kept(len(content))


_DISCONNECTED = {
    "close": "the client closes the connection",
    "reset": "the client resets the connection",
    "half": "the client closes its sending half",
}


@dataclass(frozen=True, slots=True)
class WireResponse:
    """A response on a connection where anything may have been sent, with how it ended.

    ``complete``: as its framing says. ``cut``: the connection was closed before that. ``reset``: it was reset.
    ``timeout``: neither. ``malformed``: `fault` says what the bytes are instead. `status` is 0 without a head.
    """

    end: Literal["complete", "cut", "reset", "timeout", "malformed"]
    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    interim: tuple[int, ...] = ()
    fault: str = ""


async def read_response(connection: Connection, method: str = "GET", within: float = PATIENCE) -> WireResponse:
    """Read one response; what comes after it stays on the connection, so that the next can be read.

    Whether the connection is then still open is for :meth:`Connection.ended` to say.
    """
    deadline = time.monotonic() + within
    parser = ResponseParser(method)
    events: list[Event] = []
    timed_out = False
    while not parser.over:
        try:
            read = await connection.read(max(0, deadline - time.monotonic()))
        except Unanswered:
            timed_out = True
            break
        if read is None:
            events += parser.finish() if connection.end == "closed" else []
            break
        events += parser.feed(read.data)
    connection.unread(parser.rest if parser.complete else b"")
    starts = [event for event in events if isinstance(event, Start)]
    final = next((start for start in starts if not start.interim), None)
    end: Literal["complete", "cut", "reset", "timeout", "malformed"] = (
        "complete"
        if parser.complete
        else "malformed"
        if parser.fault
        else "timeout"
        if timed_out
        else "reset"
        if connection.end == "reset"
        else "cut"
    )
    return WireResponse(
        end=end,
        status=final.status if final else 0,
        headers=final.headers if final else (),
        body=b"".join(event.data for event in events if isinstance(event, Data)),
        interim=tuple(start.status for start in starts if start.interim),
        fault=parser.fault,
    )


def decoded(target: str) -> str:
    """The path of a request target as the scope has it: decoded, without the query."""
    return unquote(target.partition("?")[0])


def told(data: bytes) -> str:
    """Bytes for a transcript: a head by its lines, anything else as it is."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if found and head.startswith(b"HTTP/"):
        lines = head.decode("latin-1").replace("\r\n", " · ")
        return f"{lines} · {rest!r}" if rest else lines
    return repr(data)
