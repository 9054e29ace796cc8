"""ASGI HTTP: the client goes away before the response is complete."""

from collections.abc import Iterable

from asgi_conformance import MUST, PRACTICE, Blocked, Ending, Faults, Probe, Unanswered, Violation, check, waits
from asgi_conformance.drivers.base import Ability
from asgi_conformance.drivers.call import Call
from asgi_conformance.drivers.http import ends_body, type_of
from asgi_conformance.judging import BODY, START, ended, http_call
from asgi_conformance.protocol.types import Message
from asgi_conformance.spec import ASGI_HTTP
from asgi_conformance.waits import Limit

EVENT = ASGI_HTTP["disconnect-receive-event"]
ERROR = ASGI_HTTP["disconnected-client-send-exception"]
GONE = {"type": "http.disconnect"}
PLACES = 6  # the first so many messages of a response: its start, some of its body


def _bound() -> Limit:
    """What may run on for a while after a disconnect is not judged: background work, a poll every minute."""
    return Limit(300.0, 20.0)


@check("asgi.disconnect.stream-ends", level=PRACTICE, clause=EVENT, needs={"http.stream"})
async def test_stream_ends_with_its_client(probe: Probe) -> None:
    """A stream should end soon after its client has left.

    Every client that goes away leaves one behind otherwise: a task, a subscription, a connection to the
    database, until the memory is full. Servers may let `send` pass silently, so `http.disconnect` has to be
    looked for.

    Usual cause: an endless loop around `send` that never calls `receive`; middleware that hides `receive`; an
    `except` that keeps the loop going.
    Usual mend: wait for `http.disconnect` beside the loop, as Starlette's `StreamingResponse` does, or ask
    `await request.is_disconnected()` in each round.
    """
    for place in range(4 if Ability.VIRTUAL_TIME in probe.driver.abilities else 2):
        async with probe.exchange() as exchange:
            try:
                await exchange.head()
                for _ in range(place):
                    if await waits.piece(exchange, Limit(10.0, 3.0)) is None:
                        break
            except Unanswered:
                pass  # a quiet stream has to end as well
            await exchange.disconnect()
            _has_ended(await waits.ending(exchange, _bound()))


@check("asgi.disconnect.request-ends", level=PRACTICE, clause=EVENT, needs={"http", "script"})
async def test_request_ends_with_its_client(probe: Probe) -> None:
    """A request whose client leaves before the response has begun should end all the same.

    Finishing the work is fine; waiting for ever for something that only the client could have caused is not.

    Usual cause: a long poll without a time limit; a loop around `receive` that does not look for
    `http.disconnect`.
    Usual mend: `asyncio.timeout`, and an end at `http.disconnect`.
    """
    body = probe.route.body
    parts = [{"type": "http.request", "body": body[:1], "more_body": True}] if body else []
    for inbox in (None, [], parts):
        call = await http_call(probe, inbox=inbox, farewell=GONE)
        call.leave()
        ending = await waits.ending(call, _bound())
        if not ended([*call.sent, *call.sent_after_disconnect]):
            _has_ended(ending)


def _has_ended(ending: Ending) -> None:
    if ending.how == "running":
        raise Violation(expected="the call to end after the client has left", observed="a call that goes on")


@check("asgi.disconnect.legal-messages", level=MUST, clause=EVENT, needs={"http", "script"})
async def test_messages_stay_legal(probe: Probe) -> None:
    """What is sent after the client has left must still be in order: no second start, nothing after the end.

    A disconnect is no reason to forget what was sent already: servers raise on a message that is out of order,
    and the log fills with errors that nobody caused.

    Usual cause: an `except` around the response that answers with an error, although the response had begun.
    Usual mend: note whether `http.response.start` has been sent, and re-raise if it has.
    """
    await _orderly(probe)
    for version, raises in (("2.3", False), ("2.4", True)):
        # Whether a start that raised counts as sent is not said, so there the start is let through.
        for place in range(int(raises), PLACES):
            call = await _left_at(probe, place, version, raises=raises, told=True)
            _in_order(call)
            if len(call.sent) < place:
                break


@check("asgi.send-error.legal-messages", level=PRACTICE, clause=ERROR, needs={"http", "script"})
async def test_messages_stay_legal_after_send_error(probe: Probe) -> None:
    """When `send` raises `OSError`, an application should not begin another response.

    The client is gone, and nobody can be answered any more. The documents do not say whether a start that raised
    counts as sent, so this is no rule of theirs; but what is sent now is a second start to most servers.

    Usual cause: an error handler that takes the `OSError` for a defect of the endpoint, and answers 500.
    Usual mend: let `OSError` from `send` pass, or return.
    """
    await _orderly(probe)
    for place in range(PLACES):
        call = await _left_at(probe, place, "2.4", raises=True, told=False)
        _in_order(call)
        if len(call.sent) < place:
            break


@check("asgi.send-error.ends", level=PRACTICE, clause=ERROR, needs={"http", "script"}, hears_watchdog=True)
async def test_call_ends_after_send_error(probe: Probe) -> None:
    """A call should end once `send` has raised `OSError`, at whatever message.

    From version 2.4 on that is how a server says that the client is gone.

    Usual cause: an `except Exception` around `send` in a loop; a producer that waits for a consumer that has
    died of the error.
    Usual mend: leave the loop, and use a task group so that one part takes the other with it.
    """
    for place in range(PLACES):
        call = await _left_at(probe, place, "2.4", raises=True, told=False)
        if call.sent_after_disconnect and not ended([*call.sent, *call.sent_after_disconnect]):
            _has_ended(await waits.ending(call, _bound()))
        if len(call.sent) < place:
            break


async def _left_at(probe: Probe, place: int, version: str, *, raises: bool, told: bool) -> Call:
    """A call whose client left when it had sent `place` messages, after its end or a while.

    `raises` says what `send` does from then on, `told` whether `receive` gives ``http.disconnect``.
    """
    faults = Faults(after_disconnect="raise" if raises else "ignore")
    # The application waits in its last `send` before the client leaves, so that it gets no further.
    window = max(0, place - 1)
    call = await http_call(probe, spec_version=version, farewell=GONE if told else None, faults=faults, window=window)
    if place:
        await waits.until(call, lambda: len(call.sent) >= place, Limit(30.0, 2.0))
    call.leave()
    await waits.ending(call, Limit(60.0, 2.0))
    return call


async def _orderly(probe: Probe) -> None:
    """Blocked where the messages are out of order although nobody leaves: there are checks about that."""
    if _first_fault((await probe.request()).messages) is not None:
        raise Blocked("the messages are out of order without that")


def _in_order(call: Call) -> None:
    fault = _first_fault([*call.sent, *call.sent_after_disconnect])
    if fault is not None:
        raise Violation(expected="messages in order", observed=f"{fault} after the client had left")


def _first_fault(messages: Iterable[Message]) -> str | None:
    started = over = False
    for message in messages:
        kind = type_of(message)
        if kind == START and started:
            return "a second response start"
        if kind == BODY and not started:
            return "a body before the response start"
        if kind == BODY and over:
            return "a body behind the final one"
        started = started or kind == START
        over = over or ends_body(message)
    return None
