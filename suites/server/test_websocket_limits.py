"""Servers: messages that are too large, with a limit that the server was told."""

import zlib

from websockets.frames import BINARY, Opcode

from asgi_conformance import PRACTICE, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.server import ServerOptions
from asgi_conformance.spec import RFC_6455

from .peer import client_frame, delivered, ending, peer, serving

CLAUSE = RFC_6455["section-10.4"]
NEEDS = {"wire", "messages", "server.echo"}
LIMIT = 65_536
DEFLATE = ((b"sec-websocket-extensions", b"permessage-deflate"),)


async def _refused(probe: Probe, what: str, data: bytes, *, compressed: bool = False) -> None:
    headers = DEFLATE if compressed else ()
    limit = ServerOptions(websocket_max_size=LIMIT)
    async with serving(probe, limit) as limited, peer(limited, headers=headers) as client:
        extensions = [v for n, v in (await client.opened()).headers if n.lower() == b"sec-websocket-extensions"]
        if compressed and not any(b"permessage-deflate" in value for value in extensions):
            raise NotApplicable("the server does not agree to compression")
        await client.wire.inject(data)
        closed = await client.closed(f"after {what}")
        await client.told(f"after {what}")
        found = delivered(await client.call())
    if found:
        raise Violation(expected=f"nothing delivered of {what}", observed="a message")
    if closed.code != 1009:
        raise Violation(expected=f"a close with 1009 after {what}", observed=ending(closed))


@check("server.websocket-limit.message", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_message_above_the_limit_is_refused(probe: Probe) -> None:
    """A message above the server's limit should end the connection with 1009, and not reach the application."""
    await _refused(probe, "a message of twice the limit", client_frame(bytes(2 * LIMIT), BINARY))


@check("server.websocket-limit.fragments", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_limit_holds_for_the_whole_message(probe: Probe) -> None:
    """The limit should hold for a message as a whole, not for each of its fragments."""
    part = bytes(LIMIT // 4)
    parts = [client_frame(part, BINARY, fin=False), *(client_frame(part, Opcode.CONT, fin=False) for _ in range(7))]
    await _refused(probe, "fragments of twice the limit", b"".join(parts))


@check("server.websocket-limit.declared", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_declared_length_is_no_promise(probe: Probe) -> None:
    """A frame that declares more than the limit should be refused by its head, or when the limit has come of it.

    Else a client makes the server put aside as much as it likes: the frame need never end.
    """
    head = bytes([0x82, 0xFF]) + (1 << 40).to_bytes(8, "big") + bytes(4)
    await _refused(probe, "a part of a frame of a tebibyte", head + bytes(LIMIT + 1))


@check("server.websocket-limit.inflated", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_limit_holds_after_inflation(probe: Probe) -> None:
    """The limit should hold for what a compressed message inflates to: 8 KiB become 8 MiB."""
    deflate = zlib.compressobj(wbits=-9)
    data = (deflate.compress(bytes(8 << 20)) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    await _refused(probe, "8 MiB in 8 KiB", client_frame(data, BINARY, rsv1=True), compressed=True)
