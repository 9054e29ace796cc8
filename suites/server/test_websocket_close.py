"""Servers: the end of a websocket, by the client, by the application, by neither."""

from websockets.frames import Opcode

from asgi_conformance import MUST, PRACTICE, SHOULD, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed
from asgi_conformance.spec import ASGI, ASGI_WEBSOCKET, RFC_6455

from .peer import RECEIVES, SOON, Peer, claims, client_frame, delivered, disconnects, ending, frames_of, peer

SCOPE = ASGI_WEBSOCKET["websocket-connection-scope"]
DISCONNECT = ASGI_WEBSOCKET["disconnect-receive-event-ws"]
CLOSE = ASGI_WEBSOCKET["close-send-event"]
FRAME = RFC_6455["section-5.5.1"]
NEEDS = {"wire", "messages", "server.echo"}

CODES = (1000, 1001, 3000, 4123)
GIVES_UP = 30.0  # real seconds for a client that never answers a close


# The client closes.


@check("server.websocket-close.answered", level=MUST, clause=FRAME, needs=NEEDS)
async def test_close_frame_is_answered(probe: Probe) -> None:
    """A close frame of the client must be answered with a close frame."""
    for code in (*CODES, None):
        async with peer(probe) as client:
            await client.wire.close(code)
            closed = await client.closed("after a close frame")
            if closed.code == 1006:
                raise Violation(expected=f"a close frame in answer to {_word(code)}", observed=ending(closed))


@check("server.websocket-close.code-echoed", level=SHOULD, clause=FRAME, needs=NEEDS)
async def test_code_is_echoed(probe: Probe) -> None:
    """The answer to a close frame should have the code of that frame."""
    for code in CODES:
        async with peer(probe) as client:
            await client.wire.close(code)
            closed = await client.closed("after a close frame")
            if closed.code not in {code, 1006}:
                raise Violation(expected=f"a close with {code}", observed=ending(closed))


@check("server.websocket-close.tcp", level=MUST, clause=RFC_6455["section-7.1.1"], needs=NEEDS)
async def test_server_closes_tcp(probe: Probe) -> None:
    """After the closing handshake the server must end the TCP connection, and not wait for the client to do so."""
    async with peer(probe) as client:
        await client.wire.close(1000)
        await client.closed("after a close frame")
        if await client.wire.connection.ended(SOON) == "open":
            raise Violation(expected="an end of the TCP connection by the server", observed=f"none within {SOON:g} s")


@check("server.websocket-disconnect.code", level=MUST, clause=DISCONNECT, needs=NEEDS)
async def test_code_is_told(probe: Probe) -> None:
    """The `code` of `websocket.disconnect` must be the one of the client's close frame.

    Applications tell a user who left from one who was cut off by it.
    """
    for code in CODES:
        async with peer(probe) as client:
            await client.wire.close(code)
            told = await client.told("after a close")
            if told.get("code") != code or not isinstance(told.get("code"), int):
                raise Violation(expected=f"code {code}", observed=repr(told))


@check("server.websocket-disconnect.no-code", level=SHOULD, clause=DISCONNECT, needs=NEEDS)
async def test_close_without_code_is_1005(probe: Probe) -> None:
    """The `code` of `websocket.disconnect` should be 1005 where the client's close frame had none."""
    async with peer(probe) as client:
        await client.wire.close(None)
        told = await client.told("after a close without a code")
        if told.get("code") != 1005:
            raise Violation(expected="code 1005", observed=repr(told))


@check("server.websocket-disconnect.reason", level=MUST, clause=ASGI_WEBSOCKET["spec-versions"], needs=NEEDS)
async def test_reason_is_told(probe: Probe) -> None:
    """From version 2.5 on the `reason` of `websocket.disconnect` must be that of the client's close frame."""
    async with peer(probe) as client:
        if not claims(await client.call(), 2, 5):
            raise NotApplicable("the server claims no version that has a reason")
        await client.wire.close(4123, "gründlich")
        told = await client.told("after a close")
        if told.get("reason") != "gründlich":
            raise Violation(expected="reason 'gründlich'", observed=repr(told))


@check("server.websocket-disconnect.loss", level=MUST, clause=DISCONNECT, needs=NEEDS)
async def test_loss_is_told(probe: Probe) -> None:
    """`websocket.disconnect` must come when the connection is lost, with code 1006 or 1005.

    RFC 6455 keeps 1006 for it; the ASGI page knows only 1005 for "no code". Phones leave the network and laptops
    are shut: this is how most connections end.
    """
    for how in ("reset", "close"):
        async with peer(probe) as client:
            await client.wire.send("conformance")
            await client.text()
            await client.wire.disconnect("reset" if how == "reset" else "close")
            told = await client.told(f"after a loss by {how}")
            if told.get("code") not in {1005, 1006}:
                raise Violation(expected=f"code 1006 or 1005 after a loss by {how}", observed=repr(told))


@check("server.websocket-disconnect.loss-code", level=SHOULD, clause=RFC_6455["section-7.1.5"], needs=NEEDS)
async def test_loss_is_1006(probe: Probe) -> None:
    """The `code` of `websocket.disconnect` should be 1006 when the connection is lost without a close frame.

    With 1005 an application cannot tell a client that was cut off from one that closed without a code. The ASGI
    page is silent about the difference, so this is no more than a warning.
    """
    for how in ("reset", "close"):
        async with peer(probe) as client:
            await client.wire.send("conformance")
            await client.text()
            await client.wire.disconnect("reset" if how == "reset" else "close")
            told = await client.told(f"after a loss by {how}")
            if told.get("code") != 1006:
                raise Violation(expected=f"code 1006 after a loss by {how}", observed=repr(told))


@check("server.websocket-close.data-after", level=SHOULD, clause=FRAME, needs={"wire", "messages", "server.late"})
async def test_data_after_close_is_ignored(probe: Probe) -> None:
    """What a client sends behind its close frame should be ignored: the application does not get it."""
    async with peer(probe) as client:
        frames = client_frame((1000).to_bytes(2, "big"), Opcode.CLOSE) + client_frame(b"late")
        await client.wire.inject(frames)
        await client.told("after a close")
        found = delivered(await client.call())
        if found:
            raise Violation(expected="nothing from behind the close frame", observed=repr(found[0])[:80])
        closed = await client.closed("after a close frame")
        if closed.code not in {1000, 1006}:
            raise Violation(expected="a close with 1000", observed=ending(closed))


@check(
    "server.websocket-close.data-before",
    level=PRACTICE,
    clause=DISCONNECT,
    needs={"wire", "messages", "server.late"},
)
async def test_data_before_close_is_delivered(probe: Probe) -> None:
    """Messages that come right before a close frame should be delivered before `websocket.disconnect`.

    No sentence of the specification says so. A client that sends an order and leaves takes it for delivered, as
    TCP has acknowledged it.
    """
    async with peer(probe) as client:
        frames = client_frame(b"one") + client_frame(b"two") + client_frame((1000).to_bytes(2, "big"), Opcode.CLOSE)
        await client.wire.inject(frames)
        await client.told("after a close")
        texts = [message.get("text") for message in delivered(await client.call())]
        if texts != ["one", "two"]:
            raise Violation(expected="['one', 'two'] before the disconnect", observed=repr(texts))


def _word(code: int | None) -> str:
    return "a close without a code" if code is None else f"a close with {code}"


# The application closes.


@check("server.websocket-close.by-application", level=MUST, clause=CLOSE, needs={"wire", "messages", "server.closes"})
async def test_close_of_application_arrives(probe: Probe) -> None:
    """The close of an application must reach the client with its code and reason, behind the messages before it."""
    async with peer(probe) as client:
        await client.wire.send("go")
        for _ in range(2):
            await client.text()
        closed = await client.closed("after the application's close")
    if closed.code != 4002:
        raise Violation(expected="a close with 4002", observed=ending(closed))
    if closed.reason != "grüß dich" and claims_reason(client):
        raise Violation(expected="the reason 'grüß dich'", observed=repr(closed.reason))


def claims_reason(client: Peer) -> bool:
    """Whether the server claims a version whose close has a reason."""
    return any(claims(call, 2, 3) for call in client.server.calls if call.type == "websocket")


@check(
    "server.websocket-close.default-code", level=MUST, clause=CLOSE, needs={"wire", "messages", "server.closes-plainly"}
)
async def test_close_without_code_is_1000(probe: Probe) -> None:
    """A close without a code must close the connection with 1000."""
    async with peer(probe) as client:
        await client.wire.send("go")
        closed = await client.closed("after the application's close")
    if closed.code != 1000:
        raise Violation(expected="a close with 1000", observed=ending(closed))


@check("server.websocket-close.once", level=MUST, clause=FRAME, needs={"wire", "messages", "server.closes"})
async def test_nothing_follows_the_close_frame(probe: Probe) -> None:
    """Nothing must be sent behind the close frame, whatever the application still says."""
    async with peer(probe) as client:
        raw = client.listen()
        await client.wire.send("go")
        await client.seen(lambda call: call.ending, RECEIVES)
        await client.taken_in()
        await client.wire.connection.change(0.2)
    opcodes = [opcode for opcode, _ in frames_of(b"".join(raw))]
    if Opcode.CLOSE not in opcodes:
        raise Blocked("there is no close frame")
    late = opcodes[opcodes.index(Opcode.CLOSE) + 1 :]
    if late:
        observed = ", ".join(Opcode(opcode).name for opcode in late)
        raise Violation(expected="nothing behind the close frame", observed=observed)


@check("server.websocket-close.receive", level=MUST, clause=DISCONNECT, needs={"wire", "messages", "server.closes"})
async def test_disconnect_after_own_close(probe: Probe) -> None:
    """`websocket.disconnect` must come also when it is the application that has closed."""
    async with peer(probe) as client:
        await client.wire.send("go")
        await client.closed("after the application's close")
        if not await client.seen(disconnects, RECEIVES):
            raise Violation(expected="websocket.disconnect after the own close", observed="a receive that waits")


@check(
    "server.websocket-close.unanswered",
    level=PRACTICE,
    clause=RFC_6455["section-7.1.1"],
    needs={"wire", "messages", "server.closes-plainly"},
    slow=True,
)
async def test_unanswered_close_is_given_up(probe: Probe) -> None:
    """A server should end the connection within 30 seconds when the client never answers the close.

    No sentence gives a bound. Without one a client that has gone silently keeps its descriptor for ever.
    """
    async with peer(probe) as client:
        client.wire.answers = False
        await client.wire.send("go")
        await client.closed("after the application's close")
        if await client.wire.connection.ended(GIVES_UP) == "open":
            raise Violation(expected=f"an end of the TCP connection within {GIVES_UP:g} s", observed="none")


# The application ends.


@check(
    "server.websocket-end.exception",
    level=MUST,
    clause=ASGI["error-handling"],
    needs={"wire", "messages", "server.raises"},
)
async def test_exception_closes(probe: Probe) -> None:
    """The connection must end when the application raises, and not with the code of a success, 1000."""
    async with peer(probe) as client:
        await client.wire.send("go")
        closed = await client.closed("after an exception")
    if closed.code == 1000:
        raise Violation(expected="a close that tells of a failure", observed=ending(closed))


@check(
    "server.websocket-end.exception-frame",
    level=SHOULD,
    clause=RFC_6455["section-7.4.1"],
    needs={"wire", "messages", "server.raises"},
)
async def test_exception_is_1011(probe: Probe) -> None:
    """The connection should end with a close frame and code 1011 when the application raises.

    Without a frame the client sees 1006 and takes it for a fault of the network.
    """
    async with peer(probe) as client:
        await client.wire.send("go")
        closed = await client.closed("after an exception")
    if closed.code != 1011:
        raise Violation(expected="a close with 1011", observed=ending(closed))


@check("server.websocket-end.return", level=SHOULD, clause=SCOPE, needs={"wire", "messages", "server.returns"})
async def test_return_closes(probe: Probe) -> None:
    """The connection should end when the application returns."""
    async with peer(probe) as client:
        await client.wire.send("go")
        await client.closed("after the return of the application")


@check(
    "server.websocket-end.return-frame",
    level=SHOULD,
    clause=RFC_6455["section-7.1.1"],
    needs={"wire", "messages", "server.returns"},
)
async def test_return_closes_with_a_frame(probe: Probe) -> None:
    """The connection should end with a close frame when the application returns without one of its own.

    Without it the client sees 1006 and takes it for a fault of the network.
    """
    async with peer(probe) as client:
        await client.wire.send("go")
        try:
            closed = await client.wire.receive(SOON)
        except Unanswered as silence:
            raise Blocked(str(silence)) from None
    if isinstance(closed, Closed) and closed.code == 1006:
        raise Violation(expected="a close frame", observed=ending(closed))
