"""A websocket client over a connection of its own, with the frames by the `websockets` library, without its I/O."""

import base64
import hashlib
import os
import time
from collections import deque
from collections.abc import Sequence
from typing import Literal

from websockets.exceptions import InvalidState, ProtocolError
from websockets.frames import BINARY, CLOSE, CONT, TEXT, Close, Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from asgi_conformance.drivers.base import PATIENCE, Closed, Ending, Handshake, Request, Unanswered
from asgi_conformance.drivers.wire_connection import Connection, Read
from asgi_conformance.drivers.wire_http1 import Data, Event, ResponseParser, Start
from asgi_conformance.drivers.wire_sight import Note, Sight
from asgi_conformance.protocol.types import Message

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


def handshake(request: Request, target: str, authority: str) -> tuple[bytes, bytes]:
    """The key and the bytes of a handshake; headers of the request replace those that would be made up."""
    key = base64.b64encode(os.urandom(16))
    made_up = [
        (b"host", authority.encode("latin-1")),
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-key", key),
        (b"sec-websocket-version", b"13"),
    ]
    if request.subprotocols:
        made_up.append((b"sec-websocket-protocol", ", ".join(request.subprotocols).encode("latin-1")))
    given = {name.lower(): value for name, value in request.headers}
    headers = [(name, value) for name, value in made_up if name not in given] + list(request.headers)
    lines = [f"{request.method} {target} HTTP/1.1".encode("latin-1"), *(n + b": " + v for n, v in headers)]
    return given.get(b"sec-websocket-key", key), b"\r\n".join(lines) + b"\r\n\r\n"


class WireWebSocket:
    """One websocket connection as its client sees it.

    Pings are answered as they come, fragments are put together. Nothing else is done unasked: an extension is
    not offered, and nothing that comes is repaired.

    `connection` is there for what the interface has no word for: bytes that are no frames, a client that
    stops reading.
    """

    def __init__(
        self,
        connection: Connection,
        key: bytes,
        sight: Sight,
        note: Note,
    ) -> None:
        self.connection = connection
        self._accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - as RFC 6455 has it
        self._sight = sight
        self._note = note
        self._parser = ResponseParser()
        self._answer: list[Event] = []
        self._frames = Protocol(CLIENT, max_size=None)
        self._partial: list[bytes] = []
        self._opcode: Opcode = TEXT
        self._inbox: deque[str | bytes] = deque()
        self._closed: Closed | None = None
        self._left = False
        self._breach = ""  # how the server broke the websocket protocol
        self.pongs: list[bytes] = []  # the payloads of the pongs that came
        self.pings: list[bytes] = []  # and of the pings
        self.answers = True  # pings and closes; a client that has hung up silently does not

    async def begin(self, head: bytes) -> None:
        """Send the handshake."""
        self._note(">", head.partition(b"\r\n")[0].decode("latin-1"))
        self.connection.deliver(self._arrived)
        await self.connection.send(head)

    async def opened(self, within: float = PATIENCE) -> Handshake:
        """See :class:`~asgi_conformance.drivers.base.WebSocketExchange`."""
        deadline = time.monotonic() + within
        while not self._parser.over:
            if self.connection.over or self._left:
                break
            if not await self.connection.change(deadline - time.monotonic()):
                raise Unanswered(f"no answer to the handshake within {within:g} s")
        start = next((event for event in self._answer if isinstance(event, Start) and not event.interim), None)
        if start is None:
            why = self._parser.fault or f"the connection was {self.connection.end}"
            raise Unanswered(f"no answer to the handshake: {why}")
        values = {name.lower(): value.decode("latin-1") for name, value in start.headers}
        if start.status == 101 and values.get(b"sec-websocket-accept", "").encode("latin-1") != self._accept:
            raise Unanswered("a 101 whose sec-websocket-accept does not belong to the key")
        return Handshake(
            accepted=start.status == 101,
            status=start.status,
            subprotocol=values.get(b"sec-websocket-protocol"),
            headers=start.headers,
            body=b"".join(event.data for event in self._answer if isinstance(event, Data)),
        )

    async def send(self, data: str | bytes) -> None:
        """See :class:`~asgi_conformance.drivers.base.WebSocketExchange`.

        A client may not speak before the handshake is answered, so that is waited for; :meth:`inject` does not.
        """
        await self.opened()
        self._note(">", f"{'text' if isinstance(data, str) else 'binary'} {data!r}")
        try:
            if isinstance(data, str):
                self._frames.send_text(data.encode())
            else:
                self._frames.send_binary(data)
        except InvalidState:  # closed or closing: what is sent now goes nowhere
            return
        await self._flush()

    async def frame(self, opcode: Opcode, data: bytes = b"", *, fin: bool = True, mask: bool = True) -> None:
        """Send one frame as told, legal or not; see :meth:`inject` for what is no frame at all."""
        frame = Frame(opcode, data, fin)
        self._note(">", f"frame {frame}")
        await self.connection.send(frame.serialize(mask=mask))

    async def inject(self, data: bytes) -> None:
        """Send any bytes."""
        self._note(">", repr(data))
        await self.connection.send(data)

    async def receive(self, within: float = PATIENCE) -> str | bytes | Closed:
        """See :class:`~asgi_conformance.drivers.base.WebSocketExchange`.

        Raises Unanswered also for a server that breaks the websocket protocol, with what it did.
        """
        deadline = time.monotonic() + within
        while not self._inbox:
            if self._breach:
                raise Unanswered(self._breach)
            if self._closed is None and (self.connection.over or self._left):
                self._closed = Closed(1006)
            if self._closed is not None:
                return self._closed
            if not await self.connection.change(deadline - time.monotonic()):
                raise Unanswered(f"no message within {within:g} s, the connection still open")
        message = self._inbox.popleft()
        self.connection.kept(-len(message))
        return message

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """See :class:`~asgi_conformance.drivers.base.WebSocketExchange`. Codes that nobody may send are sent, too."""
        await self.opened()
        self._note(">", "close without a code" if code is None else f"close {code} {reason}".rstrip())
        try:
            self._frames.send_close(code, reason)
        except InvalidState:
            return
        except ProtocolError:
            payload = b"" if code is None else code.to_bytes(2, "big") + reason.encode()
            await self.connection.send(Frame(CLOSE, payload).serialize(mask=True))
            return
        await self._flush()

    async def disconnect(self, how: Literal["close", "reset"] = "reset") -> None:
        """See :class:`~asgi_conformance.drivers.base.WebSocketExchange`."""
        self._note("note", f"the client {how}s the connection without a closing handshake")
        self._left = True
        if how == "close":
            self.connection.close()
        else:
            self.connection.reset()
        self.connection.wake()

    async def ending(self, within: float = PATIENCE) -> Ending:
        """See :class:`~asgi_conformance.drivers.base.WebSocketExchange`."""
        answered = self._parser.over or (self.connection.over and not self._left)
        return await self._sight.ending(0 if answered and not self._sight.called else within)

    @property
    def answered(self) -> bool:
        """Whether the answer to the handshake is there, as a whole."""
        return self._parser.over

    @property
    def messages(self) -> Sequence[Message]:
        """What the application has sent so far (needs ``messages``; empty elsewhere)."""
        return self._sight.messages

    def _arrived(self, read: Read | None) -> None:
        if read is None:
            self._note("note", f"the connection is {self.connection.end} by the server")
            if not self._parser.over and self.connection.end == "closed":
                self._answer += self._parser.finish()
            self.connection.half_close()  # as every client does; a server may be waiting for it
            return
        data = read.data
        if not self._parser.over:
            self._note("<", data.partition(b"\r\n")[0].decode("latin-1"))
            self._answer += self._parser.feed(data)
            data, self._parser.rest = (self._parser.rest, b"") if self._parser.over else (b"", self._parser.rest)
        if data and not self._left:
            self._unframe(data)

    def _unframe(self, data: bytes) -> None:
        self._frames.receive_data(data)
        for event in self._frames.events_received():
            if isinstance(event, Frame):
                self._take(event)
        if self._frames.parser_exc is not None and not self._breach:
            self._breach = f"a frame that breaks the websocket protocol: {self._frames.parser_exc}"
        answers = self._frames.data_to_send()
        if self.answers:
            for answer in answers:
                self.connection.send_now(answer)

    def _take(self, frame: Frame) -> None:
        self._note("<", str(frame))
        match frame.opcode:
            case Opcode.CLOSE:
                close = self._frames.close_rcvd or Close(1005, "")
                self._closed = self._closed or Closed(int(close.code), close.reason)
            case Opcode.PING:
                self.pings.append(bytes(frame.data))
            case Opcode.PONG:
                self.pongs.append(bytes(frame.data))
            case _:
                self._opcode = self._opcode if frame.opcode is CONT else frame.opcode
                self._partial.append(bytes(frame.data))
                if frame.fin:
                    self._deliver(b"".join(self._partial))
                    self._partial.clear()

    def _deliver(self, payload: bytes) -> None:
        if self._opcode is BINARY:
            self._inbox.append(payload)
        else:
            try:
                self._inbox.append(payload.decode())
            except UnicodeDecodeError as error:
                self._breach = f"a text message that is no UTF-8: {error.reason} at byte {error.start}"
                return
        self.connection.kept(len(self._inbox[-1]))

    async def _flush(self) -> None:
        for data in self._frames.data_to_send():
            await self.connection.send(data)
