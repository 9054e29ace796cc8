"""ASGI WebSocket: the ``websocket.disconnect`` event, and a client that is gone."""

from asgi_conformance import MUST, PRACTICE, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.base import Ending
from asgi_conformance.drivers.call import describe
from asgi_conformance.drivers.http import type_of
from asgi_conformance.faults import Faults
from asgi_conformance.protocol.types import Message
from asgi_conformance.spec import ASGI_WEBSOCKET

from .conversation import (
    CONNECT,
    ENDS_WITHIN,
    LOSS,
    accepted,
    drain,
    end,
    is_departure,
    lost_at,
    patience,
    quiet,
    rehearse,
    scope_for,
    text_for,
    text_message,
)

CLAUSE = ASGI_WEBSOCKET["disconnect-receive-event-ws"]
SCOPE = ASGI_WEBSOCKET["websocket-connection-scope"]

QUEUED, QUEUED_TIMES = 5, 4
CODES = (1000, 1001, 1005, 1006, 1011, 1012, 4000)
REASONS: tuple[tuple[str, Message], ...] = (
    ("with a reason", {"reason": "going"}),
    ("with an empty reason", {"reason": ""}),
    ("with None as its reason", {"reason": None}),
    ("without a reason", {}),
)


def _ended(ending: Ending, within: float, after: str) -> None:
    if ending.how == "running":
        raise Violation(expected=f"an end of the call within {within:g} s {after}", observed="a call that goes on")


@check("websocket.disconnect.ends", level=PRACTICE, clause=SCOPE, needs={"websocket"})
async def test_call_ends_when_client_closes(probe: Probe) -> None:
    """A call should end when its client has closed the connection.

    Each call that does not keeps its memory, its tasks and its place in every registry, for as long as the
    process lives. The bound is a minute of virtual time, and 15 seconds on a server.

    Usual cause: a loop that only sends and swallows what `send` raises; a `receive` whose disconnect is
    taken for a message; a background task that the handler waits for.
    """
    for code, reason in ((1000, ""), (1001, "going"), (None, ""), (4000, "")):
        async with probe.websocket() as exchange:
            await accepted(probe, exchange)
            await exchange.close(code, reason)
            _ended(await exchange.ending(patience(probe)), patience(probe), "of a close")


@check("websocket.disconnect.loss-ends", level=PRACTICE, clause=SCOPE, needs={"websocket"})
async def test_call_ends_when_connection_is_lost(probe: Probe) -> None:
    """A call should end when its connection is lost without a closing handshake.

    Phones leave the network and laptops are shut: this is how most connections end.
    """
    for messages in ((), (text_for(probe),)):
        async with probe.websocket() as exchange:
            await accepted(probe, exchange)
            for message in messages:
                await exchange.send(message)
            await exchange.disconnect("reset")
            _ended(await exchange.ending(patience(probe)), patience(probe), "of the loss")


@check("websocket.disconnect.no-error", level=PRACTICE, clause=CLAUSE, needs={"websocket"})
async def test_leaving_is_no_error(probe: Probe) -> None:
    """A call should end without an exception when its client closes the connection.

    Every connection ends, and a server logs each exception that leaves the application as an error, with a
    traceback. Only the server's own error from `send`, an OSError, is taken back in silence.

    Usual cause: `receive_text()` in a loop that nobody wrapped in `except WebSocketDisconnect`.
    Usual mend: catch it around the loop, or iterate with `async for text in websocket.iter_text()`.
    """
    async with probe.websocket() as exchange:
        await accepted(probe, exchange)
        await drain(probe, exchange)
        await exchange.close(1000)
        ending = await exchange.ending(patience(probe))
    own = isinstance(ending.exception, OSError) or ending.error.startswith("ClientDisconnected")
    if ending.how == "raised" and not own:
        raise Violation(expected="a return when the client closes", observed=ending.error)


@check("websocket.disconnect.every-form", level=MUST, clause=CLAUSE, needs={"websocket", "script"})
async def test_every_form_of_disconnect_is_understood(probe: Probe) -> None:
    """An application must understand a `websocket.disconnect` with any code, and with any reason or none.

    `reason` came with version 2.5; below it the key is absent, and None counts as empty text. A code of 1005
    or 1006 is what a server says for a close without a code, and for a lost connection.

    Usual cause: `message["reason"]`; a table of codes without a default.
    """
    await probe.start()
    for code in CODES:
        for how, reason in REASONS:
            farewell: Message = {"type": "websocket.disconnect", "code": code, **reason}
            call = await probe.call(scope_for(probe), ({"type": "websocket.connect"},), farewell)
            await call.until(lambda call=call: bool(call.sent), ENDS_WITHIN)  # type: ignore[misc]
            if type_of(next(iter(call.sent), None)) != "websocket.accept":
                raise NotApplicable("the handshake is not accepted")
            call.leave()
            ending = await call.ending(ENDS_WITHIN)
            if ending.how == "running" and (code, reason) == (CODES[0], REASONS[0][1]):
                await call.stop(ENDS_WITHIN)
                raise Blocked("the call does not end whatever it is told")
            _ended(ending, ENDS_WITHIN, f"of a disconnect with code {code} {how}")
            if ending.how == "raised" and not is_departure(ending.exception):
                raise Violation(expected=f"an end without an error after code {code} {how}", observed=ending.error)


@check("websocket.disconnect.at-every-await", level=PRACTICE, clause=CLAUSE, needs={"websocket", "script"})
async def test_call_ends_wherever_it_waits(probe: Probe) -> None:
    """A call should end, without an error of its own, wherever it is when its connection is lost.

    The client may be gone before the accept, between a message and its answer, in the middle of a loop. Each
    of these places is tried in turn; `send` raises an OSError there, and `receive` gives the disconnect.

    Usual cause: cleanup that supposes that everything before it has happened, such as `remove()` from a list
    that the connection had not joined yet.
    """
    rehearsal = await rehearse(probe)
    for index in range(1, rehearsal.awaits):
        call = await lost_at(probe, rehearsal, index, Faults(leave_at=index, after_disconnect="raise"))
        where = f"when the client leaves at await {index} of {rehearsal.awaits}"
        ending = call.ended()
        _ended(ending, ENDS_WITHIN, where)
        if ending.how != "returned" and not is_departure(ending.exception):
            raise Violation(expected=f"an end without an error {where}", observed=f"the application {describe(ending)}")


@check("websocket.disconnect.nothing-sent-after", level=PRACTICE, clause=CLAUSE, needs={"websocket", "script"})
async def test_nothing_is_sent_after_disconnect(probe: Probe) -> None:
    """An application should send nothing once it has received `websocket.disconnect`.

    Nobody is there to get it. The specification lets `send` raise then, and servers do: some an OSError, some
    a RuntimeError, which ends the handler with an error in the log.

    Usual cause: `finally: await websocket.close()`; a farewell to everybody that includes the one who left.
    Usual mend: close in an `else`, or only where the application itself decided to end.
    """
    rehearsal = await rehearse(probe)
    for code in (1000, 1006):
        farewell = {**LOSS, "code": code}
        call = await probe.call(scope_for(probe), rehearsal.inbox, farewell, faults=Faults(after_disconnect="ignore"))
        await call.until(lambda: False, quiet(probe))
        told_before = call.sends_when_told is not None
        call.leave()
        await call.ending(ENDS_WITHIN)
        told = call.sends_when_told
        if told is not None and not told_before and call.sends > told:
            late = [str(message.get("type")) for message in call.sent_after_disconnect[told - call.sends :]]
            raise Violation(expected="nothing after websocket.disconnect", observed=", ".join(late))


@check("websocket.disconnect.nothing-received-after", level=PRACTICE, clause=CLAUSE, needs={"websocket", "script"})
async def test_nothing_is_received_after_disconnect(probe: Probe) -> None:
    """An application should not receive again once it has received `websocket.disconnect`.

    What comes then is not specified: some servers say it again, others let the call wait for ever, and it
    stays in memory.

    Usual cause: a loop that takes the disconnect for a message without content.
    """
    rehearsal = await rehearse(probe)
    call = await probe.call(scope_for(probe), rehearsal.inbox, LOSS)
    await call.until(lambda: False, quiet(probe))
    call.leave()
    await end(call)
    if call.receives_when_told is not None and call.receives > call.receives_when_told:
        observed = f"{call.receives - call.receives_when_told} more calls of receive"
        raise Violation(expected="no receive after websocket.disconnect", observed=observed)


@check(
    "websocket.disconnect.queued-messages",
    level=PRACTICE,
    clause=CLAUSE,
    needs={"websocket", "websocket.echo", "script"},
)
async def test_queued_messages_have_one_fate(probe: Probe) -> None:
    """Messages that come right before a disconnect should have the same fate each time.

    They may be processed or dropped, but a client that has sent an order and left has to know which of the two.

    Usual cause: a reader and a worker that race: the reader's disconnect cancels a worker that is more or
    less far behind.
    """
    fates = set()
    for _ in range(QUEUED_TIMES):
        inbox = (CONNECT, *(text_message(f"{text_for(probe)} {number}") for number in range(QUEUED)))
        await probe.start()
        call = await probe.call(scope_for(probe), inbox, LOSS, faults=Faults(leave_at=2, after_disconnect="ignore"))
        await end(call)
        fates.add(sum(type_of(message) == "websocket.send" for message in call.sent_after_disconnect))
    if len(fates) > 1:
        observed = f"{' or '.join(map(str, sorted(fates)))} of {QUEUED} answered"
        raise Violation(expected="the same fate each time", observed=observed)
