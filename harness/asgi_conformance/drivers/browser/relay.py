"""The relay between a browser and a server: passes everything on, keeps a copy, and can cut a stream where it is told.

A browser does not say what it sends, and no connection of its can be broken at will. So it speaks to the relay, which
is its server, and which opens a connection to the real one for each request. Bytes go through as they come.
"""

import asyncio
import contextlib
import re
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from asgi_conformance.drivers.base import Head, Headers, Unanswered, Unreachable
from asgi_conformance.drivers.browser.coding import decoding
from asgi_conformance.drivers.wire import told
from asgi_conformance.drivers.wire_connection import Connection, Read
from asgi_conformance.drivers.wire_http1 import Data, Framing, ResponseParser, Start
from asgi_conformance.drivers.wire_sight import Note, silent
from asgi_conformance.sse import Event, EventStreamParser, mime_essence

MAX_HEAD = 1 << 16
QUIET = 3600.0  # seconds that a server may be silent; the check that waits has a bound of its own
BEYOND = 8  # bytes that are let through behind the last event: the beginning of the next one, if it is there

HOW = {"cut": "the connection is cut on the way to the browser", "left": "the browser closes the connection"}

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_HOST = re.compile(rb"\r\nhost:[^\r]*", re.IGNORECASE)


@dataclass(slots=True, eq=False)
class Relayed:
    """One request of the browser and its response, as far as it has come. Times are of the monotonic clock.

    Args:
        method: of the request.
        target: its path and query.
        headers: its headers, names in lower case.
        at: when it came.
        head: the response's.
        events: those in the body, if it is an event stream, with the ids that it has itself set.
        retry: the last reconnection time that the stream has set, in milliseconds.
        over: when the response was over, one way or the other.
        how: ``complete``; ``cut`` by the relay; ``left`` by the browser; ``broken`` by the server; ``open`` until then.
        readable: False where the stream has a content coding that only the browser knows.
        port: of the connection to the server.
    """

    method: str
    target: str
    headers: Headers
    at: float
    head: Head | None = None
    events: list[Event] = field(default_factory=list)
    retry: int | None = None
    over: float | None = None
    how: str = "open"
    readable: bool = True
    port: int = 0

    @property
    def last_event_id(self) -> str | None:
        """What the browser says that it has got."""
        found = [value for name, value in self.headers if name == b"last-event-id"]
        return found[0].decode("utf-8", "replace") if found else None

    @property
    def is_stream(self) -> bool:
        """Whether the response is an event stream."""
        return (
            self.head is not None
            and self.head.status == 200
            and mime_essence(self.head.headers) == b"text/event-stream"
        )


class Relay:
    """A server for a browser, in front of the real one. Used as an async context manager.

    Args:
        connect: opens a connection to the real server.
        place: what is to be said to the real server to reach a path: the value of ``host``, and the target.
        note: is told of what is said.

    Attributes:
        exchanges: what was asked and answered, in the order of the requests.
        holds: for the event streams to come, one after the other, the number of events that are let through, with the
            beginning of the next one; then nothing more comes. None lets all of it pass.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        place: Callable[[str], tuple[str, str]],
        note: Note = silent,
    ) -> None:
        self._connect = connect
        self._place = place
        self._note = note
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()
        self._change = asyncio.Event()
        self._cutting = asyncio.Event()
        self.exchanges: list[Relayed] = []
        self.holds: list[int | None] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, limit=MAX_HEAD)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def origin(self) -> str:
        """Where the browser finds it."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def until(self, known: Callable[[], object], within: float) -> bool:
        """Wait until something is true of the exchanges; False when the bound is over."""
        deadline = time.monotonic() + within
        while not known():
            change = self._change
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await change.wait()
            except TimeoutError:
                return bool(known())
        return True

    def cut(self) -> None:
        """Break off every response that is under way, wherever it is."""
        cutting, self._cutting = self._cutting, asyncio.Event()
        cutting.set()

    def _changed(self) -> None:
        self._change.set()
        self._change = asyncio.Event()

    # One connection of the browser

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, Unanswered, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # the browser has gone, or the relay is over; what was said is noted
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = b""  # of the next request
        while True:
            head = begun + await reader.readuntil(b"\r\n\r\n")
            exchange = _request(head, time.monotonic())
            length = _CONTENT_LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            self.exchanges.append(exchange)
            resuming = f", last-event-id {exchange.last_event_id!r}" if exchange.last_event_id is not None else ""
            self._note(">", f"the browser: {exchange.method} {exchange.target}{resuming}")
            self._changed()
            try:
                upstream = await self._connect()
            except Unreachable as error:
                self._note("note", str(error))
                self._finished(exchange, "broken", time.monotonic())
                return
            try:
                exchange.port = upstream.port
                await upstream.send(self._rewritten(head) + body)
                passing = _Passing(exchange, self._next_hold)
                goes_on, begun = await self._respond(passing, upstream, reader, writer)
            finally:
                upstream.close()
            if not goes_on:
                return

    def _rewritten(self, head: bytes) -> bytes:
        """The head for the real server: under its own name, and in its own place."""
        method, target, rest = head.split(b" ", 2)
        host, target = (told.encode("latin-1") for told in self._place(target.decode("latin-1")))
        return b" ".join((method, target, _HOST.sub(b"\r\nhost: " + host, rest, count=1)))

    def _next_hold(self) -> int | None:
        return self.holds.pop(0) if self.holds else None

    async def _respond(
        self, passing: "_Passing", upstream: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[bool, bytes]:
        """Pass the response on; whether the connection is good for another request, and what has come of it."""
        exchange = passing.exchange
        leaving = asyncio.ensure_future(reader.read(1))
        cutting = asyncio.ensure_future(self._cutting.wait())
        try:
            while True:
                reading = asyncio.ensure_future(_never() if passing.holds else upstream.read(QUIET))
                try:
                    await asyncio.wait({leaving, cutting, reading}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not reading.done():
                        await _stop(reading)
                # Before anything is passed on: what the browser does about it must not seem to be early.
                at = time.monotonic()
                if cutting.done():
                    self._finished(exchange, "cut", at)
                    return False, b""
                if not reading.done() or reading.cancelled():
                    if not _left(leaving):
                        raise EOFError("a second request before the first is answered")
                    self._finished(exchange, "left", at)
                    return False, b""
                ended = await self._pass(passing, reading.result(), upstream, writer)
                if ended is not None:
                    self._finished(exchange, ended, at)
                    again = ended == "complete" and passing.keeps_connection and not _left(leaving)
                    return again, leaving.result() if again and leaving.done() else b""
        finally:
            await _stop(leaving, cutting)

    async def _pass(
        self, passing: "_Passing", read: Read | None, upstream: Connection, writer: asyncio.StreamWriter
    ) -> str | None:
        """Pass on what was read; how the response is over with it, if it is."""
        if read is None:
            self._note("note", f"the connection is {upstream.end} by the server")
            if upstream.end == "reset":
                writer.transport.abort()
            return "complete" if upstream.end == "closed" and passing.finish() else "broken"
        data = passing.take(read.data)
        self._note("<", told(data))
        self._changed()
        writer.write(data)
        await writer.drain()
        return "complete" if passing.complete else "broken" if passing.fault else None

    def _finished(self, exchange: Relayed, how: str, at: float) -> None:
        exchange.over, exchange.how = at, how
        if how in HOW:
            self._note("note", HOW[how])
        self._changed()


class _Passing:
    """A response on its way: what it says so far, and how much of it is to be passed on."""

    def __init__(self, exchange: Relayed, next_hold: Callable[[], int | None]) -> None:
        self.exchange = exchange
        self._next_hold = next_hold
        self._response = ResponseParser(exchange.method)
        self._stream: EventStreamParser | None = None
        self._decode: Callable[[bytes], bytes] = bytes
        self._enough: int | None = None
        self.holds = False  # nothing more is to be passed on

    @property
    def complete(self) -> bool:
        return self._response.complete

    @property
    def fault(self) -> str:
        return self._response.fault

    @property
    def keeps_connection(self) -> bool:
        head = self.exchange.head
        closes = head is not None and "close" in (head.get("connection") or "").lower()
        return not closes and self._response.framing is not Framing.CLOSE

    def finish(self) -> bool:
        """The server has closed the connection in order; whether that completes the response."""
        self._response.finish()
        return self.complete

    def take(self, data: bytes) -> bytes:
        """Take in what the server has sent; what is to be passed on of it."""
        # Where to hold, if at all, is known with the head; then it is looked for byte by byte.
        passed = 0
        while passed < len(data) and self.exchange.head is None:
            self._feed(data[passed : passed + 1])
            passed += 1
        if self._enough is None:
            self._feed(data[passed:])
            return data
        while passed < len(data):
            self._feed(data[passed : passed + 1])
            passed += 1
            if len(self.exchange.events) >= self._enough:
                self.holds = True
                return data[: passed + BEYOND]
        return data

    def _feed(self, data: bytes) -> None:
        for event in self._response.feed(data):
            if isinstance(event, Start) and not event.interim:
                self._begin(Head(event.status, event.headers))
            elif isinstance(event, Data) and self._stream is not None and self.exchange.readable:
                try:
                    decoded = self._decode(event.data)
                except zlib.error:
                    self.exchange.readable = False
                    return
                self.exchange.events += self._stream.feed(decoded)
                self.exchange.retry = self._stream.retry

    def _begin(self, head: Head) -> None:
        self.exchange.head = head
        if not self.exchange.is_stream:
            return
        self._stream = EventStreamParser()
        decode = decoding(head)
        self._decode = decode or self._decode
        self.exchange.readable = decode is not None
        self._enough = self._next_hold()


def _request(head: bytes, at: float) -> Relayed:
    line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, _ = line.decode("latin-1").split(" ", 2)
    pairs = (line.partition(b":") for line in lines)
    return Relayed(method, target, tuple((name.lower(), value.strip()) for name, _, value in pairs), at)


def _left(leaving: "asyncio.Future[bytes]") -> bool:
    """Whether the browser has closed its connection, in order or not."""
    if not leaving.done() or leaving.cancelled():
        return False
    with contextlib.suppress(OSError):
        return not leaving.result()
    return True


async def _never() -> Read | None:
    """For what is not to be waited for."""
    return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]


async def _stop(*futures: "asyncio.Future[Any]") -> None:
    """Be rid of what is waited for no longer; a stream can be read by one at a time."""
    for future in futures:
        future.cancel()
    await asyncio.wait(futures)
