"""Servers: frames of the client, right ones and wrong ones, and what the application gets of them."""

import zlib

from websockets.frames import Opcode

from asgi_conformance import MUST, PRACTICE, SHOULD, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed
from asgi_conformance.spec import ASGI_WEBSOCKET, RFC_6455, RFC_7692

from .peer import SOON, Peer, client_frame, delivered, ending, peer, release

NEEDS = {"wire", "messages", "server.echo"}
DEFLATE = ((b"sec-websocket-extensions", b"permessage-deflate"),)
TEXT, BINARY, CLOSE, PING, PONG, CONT = (
    Opcode.TEXT, Opcode.BINARY, Opcode.CLOSE, Opcode.PING, Opcode.PONG, Opcode.CONT,
)  # fmt: skip


def _close(code: int, reason: bytes = b"") -> bytes:
    return client_frame(code.to_bytes(2, "big") + reason, CLOSE)


async def _fails(probe: Probe, *breaches: tuple[str, bytes]) -> None:
    """Each of them fails the connection, and the application is told that it is over."""
    for what, data in breaches:
        async with peer(probe) as client:
            await client.wire.inject(data)
            closed = await client.closed(f"after {what}")
            if closed.code == 1000:
                raise Violation(expected=f"a failed connection after {what}", observed=ending(closed))
            await client.told(f"after {what}")
            found = delivered(await client.call())
            if found:
                raise Violation(expected=f"nothing delivered of {what}", observed=repr(found[0])[:80])


# One function for each kind of breach; the codes that a server gives for them are the affair of the case set of
# RFC 6455, and what the application learns is the affair of these.


@check("server.websocket-frames.mask", level=MUST, clause=RFC_6455["section-5.1"], needs=NEEDS)
async def test_unmasked_frame_fails(probe: Probe) -> None:
    """A frame of the client without a mask must fail the connection, and the application must be told of its end.

    The mask keeps scripts from writing bytes of their choice through a proxy.
    """
    await _fails(probe, ("an unmasked frame", client_frame(b"text", mask=False)))


@check("server.websocket-frames.reserved", level=MUST, clause=RFC_6455["section-5.2"], needs=NEEDS)
async def test_reserved_bits_and_opcodes_fail(probe: Probe) -> None:
    """A reserved bit or opcode must fail the connection, and the application must be told of its end."""
    text = client_frame(b"text")
    await _fails(
        probe,
        ("the opcode 3", bytes([0x83]) + text[1:]),
        ("the opcode 11", bytes([0x8B]) + text[1:]),
        ("a reserved bit", client_frame(b"text", rsv1=True)),
        ("a length with its highest bit set", bytes([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])),
    )


@check("server.websocket-frames.control", level=MUST, clause=RFC_6455["section-5.5"], needs=NEEDS)
async def test_bad_control_frames_fail(probe: Probe) -> None:
    """A control frame in fragments, or of more than 125 bytes, must fail the connection; the application is told."""
    long = bytes([0x89, 0xFE, 0, 126]) + bytes(4 + 126)
    await _fails(
        probe,
        ("a ping of 126 bytes", long),
        ("a ping in fragments", client_frame(b"ping", PING, fin=False)),
    )


@check("server.websocket-frames.fragments", level=MUST, clause=RFC_6455["section-5.4"], needs=NEEDS)
async def test_bad_fragments_fail(probe: Probe) -> None:
    """Fragments that do not belong together must fail the connection, and the application must be told of its end."""
    begun = client_frame(b"one", fin=False)
    await _fails(
        probe,
        ("a continuation of nothing", client_frame(b"more", CONT)),
        ("a new message inside of another", begun + client_frame(b"two")),
    )


@check("server.websocket-frames.close-payload", level=MUST, clause=RFC_6455["section-5.5.1"], needs=NEEDS)
async def test_bad_close_payloads_fail(probe: Probe) -> None:
    """A close frame whose payload cannot be one must fail the connection, and the application must be told of its end.

    One byte, a reason that is no UTF-8, a code that must not be sent: 1005, 1006, 1015.
    """
    await _fails(
        probe,
        ("a close payload of one byte", client_frame(b"\x03", CLOSE)),
        ("a close reason that is no UTF-8", _close(1000, b"\xff\xff")),
        *((f"a close with {code}", _close(code)) for code in (1005, 1006, 1015)),
    )


@check("server.websocket-frames.utf-8", level=MUST, clause=RFC_6455["section-8.1"], needs=NEEDS)
async def test_invalid_text_fails(probe: Probe) -> None:
    """Text that is no UTF-8 must fail the connection; the application must not get it, and be told of the end."""
    await _fails(
        probe,
        ("text that is no UTF-8", client_frame(b"\xff\xfe\xfd")),
        ("text that ends inside of a character", client_frame("世".encode()[:2])),
    )


@check("server.websocket-frames.split-character", level=MUST, clause=RFC_6455["section-8.1"], needs=NEEDS)
async def test_character_may_be_split(probe: Probe) -> None:
    """A character that is split over two fragments must arrive whole."""
    world = "世界".encode()
    await _echoed(probe, "世界", client_frame(world[:2], fin=False) + client_frame(world[2:], CONT))


@check("server.websocket-frames.whole-message", level=MUST, clause=RFC_6455["section-5.4"], needs=NEEDS)
async def test_fragments_are_put_together(probe: Probe) -> None:
    """A message in fragments must be delivered as one."""
    parts = client_frame(b"one ", fin=False) + client_frame(b"two ", CONT, fin=False) + client_frame(b"three", CONT)
    await _echoed(probe, "one two three", parts)


@check("server.websocket-frames.empty", level=MUST, clause=ASGI_WEBSOCKET["receive-receive-event"], needs=NEEDS)
async def test_empty_messages_are_messages(probe: Probe) -> None:
    """An empty text and an empty binary message must be delivered, each as its kind, with one key that is not None."""
    await _echoed(probe, "", client_frame(b""))
    await _echoed(probe, b"", client_frame(b"", BINARY))


async def _echoed(probe: Probe, wanted: str | bytes, data: bytes) -> None:
    async with peer(probe) as client:
        await client.wire.inject(data)
        if not await client.seen(delivered):
            raise Violation(expected=f"{wanted!r} delivered", observed="nothing")
        message = delivered(await client.call())[0]
        found = [message[key] for key in ("text", "bytes") if message.get(key) is not None]
        if found != [wanted]:
            raise Violation(expected=f"{wanted!r} delivered, alone", observed=repr(message)[:80])
        answer = await client.text()
        if answer != wanted:
            raise Violation(expected=f"{wanted!r} returned", observed=repr(answer)[:80])


@check(
    "server.websocket-send.kinds",
    level=MUST,
    clause=ASGI_WEBSOCKET["send-send-event"],
    needs={"wire", "messages", "server.kinds"},
)
async def test_each_form_of_send_arrives(probe: Probe) -> None:
    """Each form of `websocket.send` must arrive as what it is: empty ones, and those whose other key is None."""
    async with peer(probe) as client:
        found = [await client.text() for _ in range(4)]
    if found != ["", b"", "t", b"b"]:
        raise Violation(expected="'', b'', 't', b'b'", observed=repr(found)[:80])


# Liveness.


async def _ponged(client: Peer, payload: bytes) -> bool:
    for _ in range(20):
        if payload in client.wire.pongs:
            return True
        await client.wire.connection.change(SOON / 20)
    return payload in client.wire.pongs


@check("server.websocket-ping.answered", level=MUST, clause=RFC_6455["section-5.5.2"], needs=NEEDS)
async def test_ping_is_answered(probe: Probe) -> None:
    """A ping must be answered with a pong of the same payload, and the application should not see either."""
    async with peer(probe) as client:
        await client.wire.frame(PING, b"conformance")
        if not await _ponged(client, b"conformance"):
            raise Violation(expected="a pong", observed=f"none within {SOON:g} s")
        await client.wire.frame(PONG, b"unasked")
        await client.wire.send("after")
        if await client.text() != "after":
            raise Violation(expected="the text that follows an unasked pong", observed="something else")
        if len(delivered(await client.call())) != 1:
            raise Violation(expected="one message for the application", observed=repr(delivered(await client.call())))


@check("server.websocket-ping.inside-message", level=MUST, clause=RFC_6455["section-5.4"], needs=NEEDS)
async def test_ping_inside_a_message_is_answered(probe: Probe) -> None:
    """A ping between the fragments of a message must be answered, and leave the message whole."""
    async with peer(probe) as client:
        await client.wire.inject(client_frame(b"one ", fin=False) + client_frame(b"inside", PING))
        if not await _ponged(client, b"inside"):
            raise Violation(expected="a pong before the message has ended", observed=f"none within {SOON:g} s")
        await client.wire.inject(client_frame(b"two", CONT))
        answer = await client.text()
        if answer != "one two":
            raise Violation(expected="'one two'", observed=repr(answer)[:80])


@check(
    "server.websocket-ping.busy",
    level=SHOULD,
    clause=RFC_6455["section-5.5.2"],
    needs={"wire", "messages", "server.busy"},
)
async def test_ping_is_answered_while_messages_are_unread(probe: Probe) -> None:
    """A ping should be answered soon also while the application does not receive.

    RFC 6455 asks for the answer as soon as is practical. A slow handler is no reason for a client to take the
    server for dead, and clients do so, by their own keepalive.
    """
    async with peer(probe) as client:
        await client.wire.send("unread 1")
        await client.wire.send("unread 2")
        await client.taken_in()
        await client.wire.frame(PING, b"alive?")
        if not await _ponged(client, b"alive?"):
            raise Violation(expected="a pong while messages are unread", observed=f"none within {SOON:g} s")


@check(
    "server.websocket-close.busy",
    level=SHOULD,
    clause=RFC_6455["section-5.5.1"],
    needs={"wire", "messages", "server.busy"},
)
async def test_close_is_answered_while_messages_are_unread(probe: Probe) -> None:
    """A close frame should be answered soon also while the application does not receive.

    RFC 6455 asks for the answer as soon as is practical. Until it comes the client cannot end in order.
    """
    async with peer(probe) as client:
        await client.wire.send("unread")
        await client.taken_in()
        await client.wire.close(1000)
        try:
            closed = await client.wire.receive(SOON)
        except Unanswered:
            raise Violation(
                expected="a close frame while a message is unread", observed=f"none within {SOON:g} s"
            ) from None
    if isinstance(closed, Closed) and closed.code == 1006:
        raise Violation(expected="a close frame while a message is unread", observed=ending(closed))


@check(
    "server.websocket-receive.after-pause",
    level=MUST,
    clause=ASGI_WEBSOCKET["receive-receive-event"],
    needs={"wire", "messages", "server.busy"},
)
async def test_unread_messages_are_kept(probe: Probe) -> None:
    """Messages that nobody has received yet must be there, whole and in order, when somebody does."""
    sent = [f"unread {number}" for number in range(50)]
    async with peer(probe) as client:
        for text in sent:
            await client.wire.send(text)
        await release(probe)
        await client.seen(lambda call: len(delivered(call)) >= len(sent))
        found = [message.get("text") for message in delivered(await client.call())]
    if found != sent:
        raise Violation(expected=f"{len(sent)} messages in order", observed=f"{len(found)}: {found[:3]}…")


# Compression, as far as the application is concerned.


@check("server.websocket-deflate.text", level=MUST, clause=RFC_7692["section-7.2.2"], needs=NEEDS)
async def test_compressed_message_is_delivered(probe: Probe) -> None:
    """A message that was compressed as agreed must reach the application as the text that it is."""
    async with peer(probe, headers=DEFLATE) as client:
        await _agreed(client)
        client.listen()  # the answer may be compressed, too
        await client.wire.inject(client_frame(_deflated(b"conformance" * 20), rsv1=True))
        if not await client.seen(delivered):
            raise Violation(expected="the text delivered", observed="nothing")
        text = delivered(await client.call())[0].get("text")
        if text != "conformance" * 20:
            raise Violation(expected="the text delivered", observed=repr(text)[:80])


@check("server.websocket-deflate.garbage", level=PRACTICE, clause=RFC_7692["section-7.2.2"], needs=NEEDS)
async def test_compressed_garbage_fails(probe: Probe) -> None:
    """A payload that cannot be inflated should fail the connection, and the application should be told of its end."""
    async with peer(probe, headers=DEFLATE) as client:
        await _agreed(client)
        await client.wire.inject(client_frame(b"\xff" * 20, rsv1=True))
        await client.closed("after garbage")
        await client.told("after garbage")
        if delivered(await client.call()):
            raise Violation(expected="nothing delivered of garbage", observed="a message")


async def _agreed(client: Peer) -> None:
    extensions = [v for n, v in (await client.opened()).headers if n.lower() == b"sec-websocket-extensions"]
    if not any(b"permessage-deflate" in value for value in extensions):
        raise NotApplicable("the server does not agree to compression")


def _deflated(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-9)
    return (deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
