"""What the websocket checks of a server have in common: its client, and what the application on it was told."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields

from websockets.frames import Opcode

from asgi_conformance import Blocked, NotApplicable, Probe, Unanswered, Violation
from asgi_conformance.drivers.base import Closed, Handshake, Headers, Request
from asgi_conformance.drivers.server import ServerDriver, ServerOptions
from asgi_conformance.drivers.server.adapters import find_variant
from asgi_conformance.drivers.server.calls import Call
from asgi_conformance.drivers.wire_websocket import WireWebSocket
from asgi_conformance.protocol.types import Message

SOON = 3.0  # real seconds for what a server does at once; long, because the machine may be busy
RECEIVES = 3.0  # the application's own bound for a `receive` that should not wait, and some more


class Peer:
    """A client of one websocket endpoint, and the call of the application for it."""

    def __init__(self, wire: WireWebSocket, server: ServerDriver) -> None:
        self.wire = wire
        self.server = server

    async def opened(self) -> Handshake:
        """The answer to the handshake. Raises Blocked without one: another check is about that."""
        try:
            return await self.wire.opened(SOON)
        except Unanswered as silence:
            raise Blocked(str(silence)) from None

    async def call(self) -> Call:
        """The application's call. Raises Blocked when there is none."""
        port = self.wire.connection.port
        call = await self.server.call(lambda call: call.port == port and call.type == "websocket", SOON)
        if call is None:
            raise Blocked("the application was not called")
        return call

    async def seen(self, what: Callable[[Call], object], within: float = SOON) -> bool:
        """Whether `what` becomes true of the application's call within the bound."""
        own = await self.call()
        return await self.server.call(lambda call: call is own and what(call), within) is not None

    async def told(self, after: str, within: float = SOON) -> Message:
        """The application's ``websocket.disconnect``. Raises Violation when it does not come."""
        if not await self.seen(disconnects, within):
            raise Violation(
                expected=f"websocket.disconnect within {within:g} s {after}",
                observed=f"{_last(await self.call())}, and then nothing",
            )
        return disconnects(await self.call())[0]

    async def taken_in(self) -> None:
        """Wait until the server has looked at everything that was sent so far."""
        # The loop answers between two steps; in the step after the first answer it has read the socket.
        for _ in range(2):
            await self.server.snapshot()

    def listen(self) -> list[bytes]:
        """What comes from here on, read by read; the client itself is deaf from here on."""
        raw: list[bytes] = []
        self.wire.connection.deliver(lambda read: raw.append(read.data) if read is not None else None)
        return raw

    async def text(self, within: float = SOON) -> str | bytes:
        """The next message. Raises Violation when something else comes, or nothing."""
        try:
            message = await self.wire.receive(within)
        except Unanswered as silence:
            raise Violation(expected="a message", observed=str(silence)) from None
        if isinstance(message, Closed):
            raise Violation(expected="a message", observed=ending(message))
        return message

    async def closed(self, after: str, within: float = SOON) -> Closed:
        """How the connection ends; messages before it are dropped. Raises Violation when it does not."""
        try:
            while not isinstance(message := await self.wire.receive(within), Closed):
                pass
        except Unanswered as silence:
            raise Violation(expected=f"an end of the connection {after}", observed=str(silence)) from None
        return message


def disconnects(call: Call) -> list[Message]:
    """Every ``websocket.disconnect`` that the application was given."""
    return [message for message in call.received if message.get("type") == "websocket.disconnect"]


def delivered(call: Call) -> list[Message]:
    """Every message of the client that the application was given."""
    return [message for message in call.received if message.get("type") == "websocket.receive"]


def ending(closed: Closed) -> str:
    """An end of a connection, in words."""
    if closed.code == 1006:
        return "the end of the TCP connection, without a close frame"
    return f"a close with {'no code' if closed.code == 1005 else closed.code}"


def _last(call: Call) -> str:
    kinds = [str(message.get("type")) for message in call.received]
    return kinds[-1] if kinds else "no event"


def claims(call: Call, *version: int) -> bool:
    """Whether the scope claims this version of the websocket specification, or a later one."""
    claimed = str(call.scope.get("asgi", {}).get("spec_version", "2.0"))
    return tuple(int(part) for part in claimed.split(".")) >= version


@asynccontextmanager
async def peer(
    probe: Probe,
    *,
    headers: Headers = (),
    subprotocols: tuple[str, ...] = (),
    path: str | None = None,
    accepted: bool = True,
) -> AsyncIterator[Peer]:
    """A client of the route, or of `path`; with `accepted`, when its handshake is."""
    await probe.start()
    route = probe.route
    request = Request("GET", path or route.path, route.headers + headers, subprotocols=subprotocols)
    found = Peer(await probe.driver_as(ServerDriver).websocket(request), probe.driver_as(ServerDriver))
    try:
        if accepted and not (handshake := await found.opened()).accepted:
            raise Blocked(f"the handshake was refused with status {handshake.status}")
        yield found
    finally:
        # The end of the call is not waited for: some applications are busy, and the process ends anyway.
        await found.wire.disconnect()


def client_frame(
    data: bytes, opcode: int = Opcode.TEXT, *, fin: bool = True, mask: bool = True, rsv1: bool = False
) -> bytes:
    """The bytes of one frame of a client, legal or not."""
    first = opcode | (0x80 if fin else 0) | (0x40 if rsv1 else 0)
    flag, size = (0x80 if mask else 0), len(data)
    if size < 126:
        length = bytes([flag | size])
    else:
        length = (
            bytes([flag | 126]) + size.to_bytes(2, "big")
            if size < 65_536
            else bytes([flag | 127]) + size.to_bytes(8, "big")
        )
    if not mask:
        return bytes([first]) + length + data
    key = os.urandom(4)
    mask_of_all = int.from_bytes((key * (size // 4 + 1))[:size], "big")
    return bytes([first]) + length + key + (int.from_bytes(data, "big") ^ mask_of_all).to_bytes(size, "big")


def frames_of(data: bytes) -> list[tuple[int, bytes]]:
    """The frames of a server in these bytes, as opcode and payload; a piece of one at the end is left out.

    A sans-I/O client stops reading at a close frame, and what comes behind it is of interest.
    """
    found, at = [], 0
    while len(data) - at >= 2:
        short, head = data[at + 1] & 127, {126: 4, 127: 10}.get(data[at + 1] & 127, 2)
        size = short if head == 2 else int.from_bytes(data[at + 2 : at + head], "big")
        if len(data) < at + head + size:
            break
        found.append((data[at] & 15, data[at + head : at + head + size]))
        at += head + size
    return found


async def release(probe: Probe) -> None:
    """Let the endpoints go on that wait to be released."""
    async with peer(probe, path="/release", accepted=False) as door:
        await door.opened()


@asynccontextmanager
async def serving(probe: Probe, options: ServerOptions) -> AsyncIterator[Probe]:
    """A probe of the same route on a server that was started with these options.

    Raises NotApplicable where the server has no such option.
    """
    driver = probe.driver_as(ServerDriver)
    default = ServerOptions()
    asked = [field.name for field in fields(options) if getattr(options, field.name) != getattr(default, field.name)]
    missing = [name for name in asked if name not in find_variant(driver.name).adapter.supports]
    if missing:
        raise NotApplicable(f"the server has no option for: {', '.join(missing)}")
    own = ServerDriver(driver.name, driver.process.app, options=options, leaving="kill", transcript=probe.transcript)
    inner = Probe(own, probe.route, probe.transcript)
    await inner.start()
    try:
        yield inner
    finally:
        await inner.stop()
