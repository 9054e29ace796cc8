"""A client on one connection: a handshake, frames out, and what they bring about in."""

import base64
import hashlib
import os
import time
from dataclasses import dataclass, field
from typing import Self

from asgi_conformance import Blocked, Probe
from asgi_conformance.drivers.remote import RemoteDriver
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.drivers.wire_connection import Connection, Read
from asgi_conformance.drivers.wire_http1 import Data, ResponseParser, Start
from asgi_conformance.websocket.deflate import Agreement, Inflater
from asgi_conformance.websocket.frames import (
    CLOSE,
    NO_CODE,
    PONG,
    TEXT,
    Frame,
    Message,
    MessageReader,
    close_payload,
    encode,
    parse_close,
)

from .case import Said, shown

WITHIN = 10.0  # seconds that a server has for an answer, or for ending the connection
HEAVY_WITHIN = 40.0  # and where many bytes have to be moved
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


@dataclass(slots=True)
class Heads:
    """The start of the server's answer to a handshake, and its body if it refuses."""

    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    version: str = ""
    fault: str = ""
    complete: bool = False

    def all(self, name: bytes) -> list[str]:
        """The values of all headers of that name."""
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == name]


@dataclass(slots=True)
class Seen:
    """What the server has sent once the handshake was done."""

    messages: list[Said] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    code: int | None = None  # of its close frame
    reason: bytes = b""
    breach: str = ""
    compressed: int = 0  # messages


def accept_of(key: bytes) -> str:
    """The value of ``sec-websocket-accept`` that belongs to a key."""
    return base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()  # noqa: S324 - as RFC 6455 has it


def fresh_key() -> bytes:
    """A key for a handshake."""
    return base64.b64encode(os.urandom(16))


class Wire:
    """A client on one connection: bytes out, and what they bring about in.

    Use it as a context manager: the connection is gone afterwards.
    """

    def __init__(self, probe: Probe, *, answers: bool = True) -> None:
        self._probe = probe
        self._answers = answers
        self._parser = ResponseParser()
        self._reader: MessageReader | None = None
        self._inflater: Inflater | None = None
        self._early = b""
        self._held: list[bytes] | None = None  # answers that wait for the end of a frame under way
        self.head = Heads()
        self.seen = Seen()
        self.closing = False  # a close frame was sent
        self.connection: Connection

    async def __aenter__(self) -> Self:
        await self._probe.start()
        driver = self._probe.driver
        if not isinstance(driver, ServerDriver | RemoteDriver):
            raise Blocked("this check needs a driver that sends bytes")
        self.connection = await driver.raw()
        self.connection.deliver(self._arrived)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self.head.status == 101 and not self.closing and self.seen.code is None:
            self.connection.send_now(encode(CLOSE, close_payload(1000)))  # a farewell, which nobody waits for
        await self.connection.dispose()

    def place(self, query: str | None = None) -> tuple[str, str]:
        """The value of ``host`` and the target, with a query for the application that does as it is told."""
        driver = self._probe.driver
        if not isinstance(driver, ServerDriver | RemoteDriver):
            raise Blocked("this check needs a driver that sends bytes")
        path = self._probe.route.path
        return driver.place(f"{path}?{query}" if query else path)

    async def shake(self, offer: str = "", query: str | None = None, headers: tuple[str, ...] = ()) -> None:
        """A correct handshake. Raises Blocked when it is refused."""
        host, target = self.place(query)
        key = fresh_key()
        lines = [
            f"GET {target} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key.decode()}", "Sec-WebSocket-Version: 13", *headers,
        ]  # fmt: skip
        lines += [f"{name.decode()}: {value.decode('latin-1')}" for name, value in self._probe.route.headers]
        if offer:
            lines.append(f"Sec-WebSocket-Extensions: {offer}")
        await self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n", lines[0])
        await self.answered()
        if self.head.status != 101:
            raise Blocked(f"the handshake was refused with status {self.head.status or 'none'}")
        if self.head.all(b"sec-websocket-accept") != [accept_of(key)]:
            raise Blocked("the handshake was answered with a key that does not belong to it")

    async def answered(self) -> bool:
        """Wait for the answer to the handshake; False when the connection ends without one. Raises Blocked."""
        deadline = time.monotonic() + WITHIN
        while not self.head.complete and not self.connection.over:
            if not await self.connection.change(deadline - time.monotonic()):
                raise Blocked(f"no answer to the handshake within {WITHIN:g} s")
        return self.head.complete

    def speak(self, agreement: Agreement | None = None) -> None:
        """From now on what comes are frames, compressed as agreed."""
        self._inflater = None if agreement is None else Inflater(agreement)
        self._reader = MessageReader(self._inflater)
        early, self._early = self._early, b""
        self._frames(early)

    async def hello(self) -> bool:
        """Whether a plain text message comes back; the handshake has been done."""
        self.speak()
        await self.send(encode(TEXT, b"hello"), "text b'hello'")
        deadline = time.monotonic() + WITHIN
        while not self.seen.messages and not self.ended:
            if not await self.connection.change(deadline - time.monotonic()):
                break
        return self.seen.messages == [Said(TEXT, b"hello")]

    def note(self, direction: str, what: object) -> None:
        """Note what was said or done."""
        self._probe.transcript.add(direction, what)

    async def send(self, data: bytes, note: object = None) -> None:
        """Send bytes. Raises Unanswered when the server does not take them."""
        self.note(">", note if note is not None else f"{len(data)} bytes {data[:24]!r}")
        await self.connection.send(data, HEAVY_WITHIN)

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be expected: a close frame, a breach, or the end of TCP."""
        return self.seen.code is not None or bool(self.seen.breach) or self.connection.over

    def _arrived(self, read: Read | None) -> None:
        if read is None:
            self.note("note", f"the connection is {self.connection.end} by the server")
            if not self._parser.over and self.connection.end == "closed":
                self._answer(b"")
                self._parser.finish()
                self.head.complete = self.head.complete or (self.head.status != 0 and self._parser.complete)
            return
        if not self._parser.over:
            self._answer(read.data)
        elif self._reader is None:
            self._early += read.data
        else:
            self._frames(read.data)

    def _answer(self, data: bytes) -> None:
        for event in self._parser.feed(data):
            if isinstance(event, Start) and not event.interim:
                self.note("<", f"HTTP/{event.version} {event.status} {event.reason}".rstrip())
                self.head.status, self.head.headers, self.head.version = event.status, event.headers, event.version
            elif isinstance(event, Data):
                self.head.body += event.data
        self.head.fault = self._parser.fault
        if self._parser.over:
            self.head.complete = not self._parser.fault
            self._early += self._parser.rest

    def _frames(self, data: bytes) -> None:
        if self._reader is None or not data:
            return
        events, breach = self._reader.feed(data)
        for event in events:
            if isinstance(event, Message):
                self.note("<", f"{shown(Said(event.opcode, event.payload))}")
                self.seen.messages.append(Said(event.opcode, event.payload))
                self.seen.compressed += event.compressed
            else:
                self.note("<", str(event))
                self._control(event)
        if breach and not self.seen.breach:
            self.note("note", f"the server sent {breach}")
            self.seen.breach = breach

    def _control(self, frame: Frame) -> None:
        if frame.opcode == CLOSE:
            self.seen.code, self.seen.reason = parse_close(frame.payload)
            if self._answers and not self.closing:
                self.closing = True
                code = None if self.seen.code == NO_CODE else self.seen.code
                self._say(encode(CLOSE, close_payload(code)))
        elif frame.opcode == PONG:
            self.seen.pongs.append(frame.payload)
        elif self._answers and not self.closing:
            # Behind our own close it would meet a server that has gone, and the reset would cost what is on its way.
            self._say(encode(PONG, frame.payload))

    def _say(self, data: bytes) -> None:
        """Send an answer, though not into the middle of a frame."""
        if self._held is None:
            self.connection.send_now(data)
        else:
            self._held.append(data)

    def hold(self) -> None:
        """From now on a frame may be under way."""
        self._held = self._held or []

    def release(self) -> None:
        """No frame is under way any more."""
        held, self._held = self._held or [], None
        for data in held:
            self.connection.send_now(data)
