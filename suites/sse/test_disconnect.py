"""Server-sent events: the client goes away, as every client of an endless stream does in the end."""

import asyncio
import gc
from collections.abc import Container, Sequence

from asgi_conformance import PRACTICE, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.call import Call
from asgi_conformance.drivers.http import payload, type_of
from asgi_conformance.judging import ended, http_call
from asgi_conformance.leaks import growth, snapshot, told
from asgi_conformance.spec import ASGI_HTTP, PRACTICES

RECEIVED = ASGI_HTTP["disconnect-receive-event"]
RAISED = ASGI_HTTP["disconnected-client-send-exception"]
GONE = {"type": "http.disconnect"}
BOUND = 300.0  # seconds that a stream may go on for; a poll every minute is found in time
QUIET = 0.37  # seconds into the pause after an event; no whole number, or the next event would come in that instant
KINDS = ("task", "asynchronous generator")
ENDED = frozenset({"returned", "raised", "cancelled"})
PLACES = (0, 1, 2, 3, 7)  # messages that were sent when the client leaves, the start of the response included


async def _left(probe: Probe, place: int, version: str, *, idle: bool, tells: bool = True) -> Call:
    """A call whose client leaves after `place` messages: inside of a `send`, or in the pause behind it."""
    farewell = GONE if tells else None
    window = None if idle else max(0, place - 1)
    call = await http_call(probe, spec_version=version, farewell=farewell, window=window)
    if place:
        await call.until(lambda: len(call.sent) >= place, 60.0)
    if idle:
        await asyncio.sleep(QUIET)
    call.leave()
    return call


@check("sse.disconnect.ends", level=PRACTICE, clause=RECEIVED, needs={"sse", "script"})
async def test_stream_ends_with_its_client(probe: Probe) -> None:
    """A stream should end soon after its client has left, at whatever event, waiting or sending.

    Browsers come back after each interruption, so every stream that stays behind has a successor: tasks,
    subscriptions and connections to the database grow without anybody who reads.

    Usual cause: a producer that looks for the client in some states only; an `except` that keeps the loop going.
    Usual mend: wait for `http.disconnect` beside the producer, in one task group.
    """
    for version in ("2.3", "2.4"):
        for idle in (False, True):
            for place in PLACES:
                call = await _left(probe, place, version, idle=idle)
                if ended(call.sent):
                    break
                ending = await call.ending(BOUND)
                # From 2.4 on an application may rely on the error alone; without a send there is none.
                deaf = version == "2.4" and not call.sent_after_disconnect
                if ending.how == "running" and not deaf:
                    raise Violation(
                        expected=f"the call to end after the client has left at message {place}",
                        observed=f"a call that goes on for {BOUND:g} s (spec_version {version})",
                    )
                if ending.how == "running" or len(call.sent) < place:
                    break


@check("sse.disconnect.idle-ends", level=PRACTICE, clause=RAISED, needs={"sse", "script"})
async def test_quiet_stream_ends_with_its_client(probe: Probe) -> None:
    """A stream with nothing to send should still find out that its client has left.

    From spec_version 2.4 on an application may wait for the error that `send` raises, but then it has to send:
    a stream that waits for the next event, for hours, stays with each client that was ever there.

    Usual cause: Starlette's `StreamingResponse`, which from 2.4 on does not listen for `http.disconnect`, around a
    generator that waits for a queue.
    Usual mend: a comment every 15 seconds, or a task that waits for `http.disconnect`.
    """
    quiet = False
    for place in (1, 2, 4):
        call = await _left(probe, place, "2.4", idle=True)
        if ended(call.sent):
            break
        ending = await call.ending(BOUND)
        quiet = True
        if ending.how == "running" and not call.sent_after_disconnect:
            raise Violation(
                expected="the call to end although there is nothing to send",
                observed=f"a call that waits for {BOUND:g} s without a word to the client, nor from it",
            )
    if not quiet:
        raise NotApplicable("the stream is over before the client can leave")


@check("sse.disconnect.nothing-sent-after", level=PRACTICE, clause=RECEIVED, needs={"sse", "script"})
async def test_little_is_sent_after_disconnect(probe: Probe) -> None:
    """An application that was told that its client has left should not go on with the events.

    They are produced for nobody, and a server may take them for the defect that they are. Two of them are allowed,
    for those that were on their way.

    Usual cause: `http.disconnect` is noted and looked at after the whole batch; a `finally` that sends what is
    left.
    """
    heard = False
    for place in PLACES[1:]:
        call = await _left(probe, place, "2.3", idle=True)
        if ended(call.sent):
            break
        await call.ending(BOUND)
        if call.sends_when_told is None:
            continue
        heard = True
        begun = len(call.sent) + len(call.sent_after_disconnect) - (call.sends - call.sends_when_told)
        late = [*call.sent, *call.sent_after_disconnect][max(0, begun) :]
        pieces = [message for message in late if type_of(message) == "http.response.body" and payload(message)]
        if len(pieces) > 2:
            raise Violation(
                expected="no events after http.disconnect", observed=f"{len(pieces)} pieces of the body", at=pieces[2]
            )
    if not heard:
        raise NotApplicable("an application that hears of it")


@check("sse.disconnect.nothing-left", level=PRACTICE, clause=PRACTICES["cleanup"], needs={"sse", "script"})
async def test_generator_is_closed(probe: Probe) -> None:
    """When a stream has ended with its client, its generator should be closed, and no task be left.

    The `finally` of the generator is where subscriptions are taken back and connections returned. A generator that
    somebody keeps, suspended, never gets there.

    Usual cause: a list of all generators or responses; a reader task that outlives its stream; a generator
    that is iterated by hand and not closed.
    Usual mend: `async with contextlib.aclosing(generator)`; a task group around the stream.
    """
    await _come_and_go(probe, 1)  # a task that is started once, at the first stream, is no leak
    before = snapshot()
    await _come_and_go(probe, 2, 4)
    if growth(before, *KINDS, collect=False):
        gc.collect()  # which only asks for a generator to be closed; the loop does it
        await _turns()
        await asyncio.sleep(BOUND)
        if leaks := growth(before, *KINDS, collect=False):
            raise Violation(expected="closed generators and no tasks", observed=told(leaks))


@check("sse.disconnect.without-collector", level=PRACTICE, clause=PRACTICES["cleanup"], needs={"sse", "script"})
async def test_generator_needs_no_collector(probe: Probe) -> None:
    """The generator of a stream that has ended should be closed at once, without the garbage collector.

    The collector comes when it comes: after thousands of further objects, and not at all where it is switched off
    for speed. Until then the subscription is there, and the connection to the database is taken.

    Usual cause: an object that refers to itself by way of its generator, such as a source with its own bound method
    in it.
    Usual mend: `async with contextlib.aclosing(generator)`.
    """

    async def come_and_go(*places: int) -> None:
        # An exception refers to itself by way of its frames, which is Python's affair: so only where there is none.
        await _come_and_go(probe, *places, versions=("2.3",), ways={"returned"})

    await come_and_go(1)
    enabled = gc.isenabled()
    gc.disable()
    try:
        before = snapshot()
        await come_and_go(2, 4, 7)
        leaks = growth(before, *KINDS, collect=False)
        if leaks:
            await asyncio.sleep(BOUND)
            leaks = growth(before, *KINDS, collect=False)
    finally:
        if enabled:
            gc.enable()
    if leaks:
        gc.collect()
        await _turns()
        if not growth(before, *KINDS, collect=False):  # what stays even then is for another check
            raise Violation(expected="closed generators without a collection", observed=told(leaks))


async def _come_and_go(
    probe: Probe, *places: int, versions: Sequence[str] = ("2.3", "2.4"), ways: Container[str] = ENDED
) -> None:
    for version in versions:
        for place in places:
            call = await _left(probe, place, version, idle=True)
            how = (await call.ending(BOUND)).how
            if how not in ways:
                raise NotApplicable("a stream that ends with its client")
            # An exception that ended the call holds its frames, and with them the generator.
            probe.inprocess.calls.remove(call)
            del call
            await _turns()


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
