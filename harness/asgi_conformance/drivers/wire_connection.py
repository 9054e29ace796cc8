"""A client's TCP (or TLS) connection: any bytes out, timed reads in, and every way to end it."""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from asgi_conformance.drivers.base import PATIENCE, Unanswered, Unreachable

End = Literal["open", "closed", "reset"]

HIGH_WATER = 4 << 20  # bytes that were read and not taken, at which the connection stops reading

_LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Read:
    """What one read of the socket gave; `at` is the time on the system's monotonic clock."""

    at: float
    data: bytes


class Connection(asyncio.Protocol):
    """One connection, from its opening to its end; made by :func:`connect`.

    Reads are kept, each with its time, until :meth:`read` takes them, or handed to the receiver named by
    :meth:`deliver` as they come.

    Attributes:
        end: ``open`` until the peer ends it: ``closed`` in order (FIN), or ``reset``. Its first end counts.
            After an end by this side (:attr:`gone`) it becomes ``closed``, too.
        port: of this side.
        gone: whether this side has ended it.
    """

    def __init__(self) -> None:
        self.end: End = "open"
        self.port = 0
        self.gone = False
        self._reads: deque[Read] = deque()
        self._kept = 0  # bytes in reads, and what a receiver says that it keeps
        self._held = False
        self._paused = False
        self._receiver: Callable[[Read | None], None] | None = None
        self._change = asyncio.Event()
        self._lost = False
        self._half_closed = False  # by this side
        self._room = asyncio.Event()
        self._room.set()
        self._transport: asyncio.Transport

    # The event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"a stream is needed, not {transport!r}")
        self._transport = transport
        # What `send` has returned from is with the kernel: a check that counts bytes wants to know.
        transport.set_write_buffer_limits(high=0)
        self.port = transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        """The peer has sent something."""
        read = Read(time.monotonic(), data)
        if self._receiver is not None:
            self._receiver(read)
        else:
            self._reads.append(read)
            self._kept += len(data)
            self._flow()
        self.wake()

    def eof_received(self) -> bool:
        """The peer has ended its half; ours stays, except over TLS, which does not know halves."""
        self._ended("closed")
        return self._transport.get_extra_info("ssl_object") is None

    def connection_lost(self, error: Exception | None) -> None:
        """There is no connection any more."""
        if error is not None and not self.gone:
            self._last_words()
        self._lost = True
        self._room.set()
        self._ended("closed" if error is None else "reset")

    def _last_words(self) -> None:
        """Read what came before the end: a write that fails must not lose the bytes that say why."""
        raw = self._transport.get_extra_info("socket")
        if raw is None or raw.fileno() < 0 or self._transport.get_extra_info("ssl_object") is not None:
            return
        with socket.socket(fileno=os.dup(raw.fileno())) as copy, contextlib.suppress(OSError):
            while data := copy.recv(1 << 16):
                self.data_received(data)

    def pause_writing(self) -> None:
        """The kernel takes no more."""
        self._room.clear()

    def resume_writing(self) -> None:
        """The kernel takes bytes again."""
        self._room.set()

    def _ended(self, how: End) -> None:
        if self.end == "open":
            self.end = how
            if self._receiver is not None and not self.gone:
                self._receiver(None)
        self.wake()

    # The user's side

    @property
    def tls(self) -> ssl.SSLObject | None:
        """This end of the TLS connection; None for plain TCP."""
        secure: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return secure

    async def send(self, data: bytes, within: float = PATIENCE) -> None:
        """Hand bytes to the kernel. On a connection that has ended they vanish, as they do in a network.

        Raises Unanswered when the kernel does not take them all within the bound, because the peer does not read.
        """
        if self.gone or self._lost or self._half_closed:
            return
        self._transport.write(data)
        try:
            async with asyncio.timeout(within):
                await self._room.wait()
        except TimeoutError:
            waiting = self._transport.get_write_buffer_size()
            raise Unanswered(f"a peer that does not read: {waiting} bytes not taken within {within:g} s") from None

    def send_now(self, data: bytes) -> None:
        """Send without waiting for room; for small answers such as a websocket pong."""
        if not self.gone and not self._lost and not self._half_closed:
            self._transport.write(data)

    async def read(self, within: float = PATIENCE) -> Read | None:
        """The next read; None when the connection has ended (:attr:`end` says how). Raises Unanswered."""
        deadline = time.monotonic() + within
        while not self._reads:
            if self.over:
                return None
            if not await self.change(deadline - time.monotonic()):
                raise Unanswered(f"nothing within {within:g} s, the connection still open")
        read = self._reads.popleft()
        self.kept(-len(read.data))
        return read

    def unread(self, data: bytes) -> None:
        """Put bytes back in front: they belong to what comes next."""
        if data:
            self._reads.appendleft(Read(time.monotonic(), data))
            self.kept(len(data))

    async def read_all(self, within: float = PATIENCE) -> bytes:
        """Everything up to the end of the connection. Raises Unanswered when it does not end."""
        deadline = time.monotonic() + within
        parts = []
        while (read := await self.read(max(0, deadline - time.monotonic()))) is not None:
            parts.append(read.data)
        return b"".join(parts)

    async def ended(self, within: float = PATIENCE) -> End:
        """Wait for the peer to end the connection; how it did, or ``open`` when it does not within the bound.

        Data that comes before the end stays to be read.
        """
        deadline = time.monotonic() + within
        while not self.over and await self.change(deadline - time.monotonic()):
            pass
        return self.end

    @property
    def over(self) -> bool:
        """Nothing more will come."""
        return self.end != "open" or self._lost

    async def change(self, within: float) -> bool:
        """Wait for data or an end; False when the bound is over."""
        change = self._change
        try:
            async with asyncio.timeout(max(0, within)):
                await change.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Let whoever waits for a change look again."""
        self._change.set()
        self._change = asyncio.Event()

    def deliver(self, receiver: Callable[[Read | None], None]) -> None:
        """Hand every read to `receiver` as it comes, those that wait at once, and None at the end."""
        self._receiver = receiver
        while self._reads:
            read = self._reads.popleft()
            self.kept(-len(read.data))
            receiver(read)
        if self.over:
            receiver(None)

    def kept(self, size: int) -> None:
        """Note that so many more bytes (fewer, if negative) wait to be taken; reading stops at the high water."""
        self._kept += size
        self._flow()

    def hold(self) -> None:
        """Stop reading: the peer finds a client that does not take its data."""
        self._held = True
        self._flow()

    def release(self) -> None:
        """Read again."""
        self._held = False
        self._flow()

    def _flow(self) -> None:
        pause = self._held or self._kept > HIGH_WATER
        if pause == self._paused or self._transport.is_closing():
            return
        self._paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # Ending it

    def half_close(self) -> None:
        """End the sending half (FIN), and go on reading."""
        if not self._transport.is_closing() and self._transport.can_write_eof():
            self._half_closed = True
            self._transport.write_eof()

    def close(self) -> None:
        """Close in order, after what was sent."""
        self.gone = True
        self._transport.close()

    def reset(self) -> None:
        """Break off with a reset (RST), whatever is under way."""
        self.gone = True
        raw = self._transport.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()

    async def dispose(self) -> None:
        """Be rid of it: close at once, without waiting for what was not taken yet."""
        self.gone = True
        self._transport.abort()
        while not self._lost:
            await self._change.wait()


async def connect(
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | None = None,
    receive_buffer: int | None = None,
    within: float = PATIENCE,
) -> Connection:
    """A new connection to a server.

    Args:
        host: name or address.
        port: of the server.
        tls: how to speak TLS; None for plain TCP.
        receive_buffer: bytes of the kernel's receive buffer, for a client that is to be slow soon.
        within: seconds for all of it.

    Raises Unreachable, in the user's terms, when there is no connection to be had.
    """
    loop = asyncio.get_running_loop()
    raw: socket.socket | None = None
    try:
        async with asyncio.timeout(within):
            if receive_buffer is None:
                _, connection = await loop.create_connection(Connection, host, port, ssl=tls)
                return connection
            family, kind, proto, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
            raw = socket.socket(family, kind, proto)
            raw.setblocking(False)
            # Before connecting, or the window has been promised already.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            await loop.sock_connect(raw, address)
            _, connection = await loop.create_connection(
                Connection, sock=raw, ssl=tls, server_hostname=host if tls else None
            )
            return connection
    except BaseException as error:
        if raw is not None:
            raw.close()
        if isinstance(error, OSError):  # TimeoutError, ssl.SSLError and socket.gaierror are among them
            raise Unreachable(_why(error, host, port, within)) from error
        raise


def _why(error: OSError, host: str, port: int, within: float) -> str:
    template = next((text for kind, text in _REASONS if isinstance(error, kind)), "no connection to {where}: {error}")
    return template.format(where=f"{host} port {port}", host=host, within=within, error=error.strerror or error)


_REASONS: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, "nothing accepts connections at {where}"),
    (ConnectionResetError, "{where} breaks connections off at once"),
    (TimeoutError, "no connection to {where} within {within:g} s"),
    (socket.gaierror, "there is no host named {host!r}"),
    (ssl.SSLCertVerificationError, "the certificate of {where} is not accepted: {error}"),
    (ssl.SSLError, "{where} does not speak TLS as expected: {error}"),
)
