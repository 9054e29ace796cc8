"""Servers: the end of the process by a signal, with work of every kind under way."""

import asyncio
from signal import SIGINT, SIGTERM, Signals

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Unanswered, Unreachable, Violation, check
from asgi_conformance.drivers.server import ServerDriver, ServerOptions
from asgi_conformance.drivers.server.adapters import find_variant
from asgi_conformance.drivers.wire import read_response
from asgi_conformance.drivers.wire_connection import connect
from asgi_conformance.spec import PRACTICES

from . import signals as end
from .signals import GRACE, SOON, Story, Work

CLAUSE = PRACTICES["server-shutdown"]
LONG = 4 * GRACE  # where the end comes long before, on a busy machine too; servers keep idle connections longer
NEEDS = {"server.working", "wire", "process"}


@check("server.signals.nothing", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_with_nothing_to_do(probe: Probe) -> None:
    """SIGTERM and SIGINT should run the lifespan's shutdown and end the process, when nothing is under way."""
    await _orderly(probe, end.NOTHING)


@check("server.signals.idle-connection", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_with_an_idle_connection(probe: Probe) -> None:
    """A connection that is merely kept open should not hold up the end of the process."""
    for story in await _orderly(probe, end.IDLE, grace=LONG):
        if _took(story) > LONG:
            raise Violation(expected="the end before the grace period is over", observed=f"none in {LONG} s")


@check("server.signals.request", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_with_a_request_that_ends(probe: Probe) -> None:
    """A request that ends within the grace period should be answered, and the lifespan's shutdown come after it."""
    for story in await _orderly(probe, end.REQUEST, grace=2 * GRACE):
        if story.client != "200, complete":
            raise Violation(expected="the response, complete", observed=story.client)


@check("server.signals.endless-request", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_with_a_request_that_does_not_end(probe: Probe) -> None:
    """A request that does not end should be cancelled after the grace period, and clean up before the shutdown.

    What it gives back then, a connection or a lock, belongs to what the lifespan closes.
    """
    await _orderly(probe, end.ENDLESS_REQUEST)


@check("server.signals.endless-stream", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_with_an_endless_stream(probe: Probe) -> None:
    """A stream without an end should be ended within the grace period, and clean up before the shutdown."""
    await _orderly(probe, end.STREAM)


@check("server.signals.websocket", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_with_an_open_websocket(probe: Probe) -> None:
    """A websocket that receives should be told to end, and clean up before the shutdown."""
    await _orderly(probe, end.WEBSOCKET)


@check("server.signals.busy-websocket", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_with_a_busy_websocket(probe: Probe) -> None:
    """A websocket that looks at no message should be cancelled after the grace period, and clean up first."""
    await _orderly(probe, end.BUSY_WEBSOCKET)


@check("server.signals.background", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_with_background_work_that_ends(probe: Probe) -> None:
    """Work after a response should be finished, if it ends within the grace period, before the lifespan's shutdown."""
    for story in await _orderly(probe, end.BACKGROUND, grace=2 * GRACE):
        if story.at("work returned") is None:
            raise Violation(expected="the work, done", observed=", ".join(moment.what for moment in story.moments))


@check("server.signals.endless-background", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_with_background_work_that_does_not_end(probe: Probe) -> None:
    """Work after a response that does not end should be cancelled after the grace period, and clean up first."""
    await _orderly(probe, end.ENDLESS_BACKGROUND)


@check("server.signals.startup", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_signals_during_startup(probe: Probe) -> None:
    """A signal during startup should end the process, and what startup has opened be closed all the same."""
    await _orderly(probe, end.STARTING)


@check("server.signals.second", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_second_interrupt_ends_at_once(probe: Probe) -> None:
    """A second SIGINT should end the process without waiting for the rest of the grace period.

    Whoever presses Ctrl-C twice is in a hurry. What is under way is cancelled, and the shutdown may be left out.
    """
    (story,) = await _stories(probe, end.ENDLESS_REQUEST, (SIGINT, SIGINT), grace=LONG)
    if story.exit_code is None or _took(story) > LONG:
        raise Violation(expected="the end before the grace period is over", observed=f"none in {LONG} s")


@check("server.signals.refuses-new", level=PRACTICE, clause=CLAUSE, needs=NEEDS, slow=True)
async def test_new_connections_are_refused(probe: Probe) -> None:
    """Once the signal has arrived no new connection should be served, while a request is still under way."""
    ours = _graceful(probe)
    options = ServerOptions(grace=LONG)
    own = ServerDriver(ours.name, ours.process.app, options=options, leaving="kill", transcript=probe.transcript)
    async with own:
        connection = await own.raw()
        await connection.send(b"GET /request HTTP/1.1\r\nhost: localhost\r\n\r\n")
        if await own.call(lambda call: call.port == connection.port, SOON) is None:
            raise Blocked("the application is not called")
        idle = await own.raw()
        own.signal(SIGTERM)
        # That it is closed is the sign that the signal has been seen.
        if await idle.ended(SOON) == "open":
            raise Blocked("an idle connection stays open after the signal")
        try:
            late = await connect(*own.process.address, within=GRACE)
        except (Unanswered, Unreachable):
            return
        await late.send(b"GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\n")
        if (await read_response(late, within=GRACE)).status:
            raise Violation(expected="no service after the signal", observed="a response on a new connection")


# How it ought to be.


async def _orderly(probe: Probe, work: Work, grace: int = GRACE) -> list[Story]:
    """The stories of the work with each of the two signals; Violation where the order is not kept."""
    stories = await _stories(probe, work, grace=grace)
    for story in stories:
        problem = end.disorder(story)
        if problem is not None:
            raise Violation(expected=problem[0], observed=problem[1])
    return stories


async def _stories(probe: Probe, work: Work, *signals: tuple[Signals, ...], grace: int = GRACE) -> list[Story]:
    ours = _graceful(probe)
    chosen = signals or ((SIGTERM,), (SIGINT,))
    # The transcript is the first one's; the second differs in its signal.
    transcripts = [probe.transcript, *[None] * (len(chosen) - 1)]
    return list(
        await asyncio.gather(
            *(
                end.story(ours.name, ours.process.app, work, sent, grace=grace, transcript=transcript)
                for sent, transcript in zip(chosen, transcripts, strict=True)
            )
        )
    )


def _graceful(probe: Probe) -> ServerDriver:
    ours = probe.driver_as(ServerDriver)
    if "grace" not in find_variant(ours.name).adapter.supports:
        raise NotApplicable("a server with a grace period")
    return ours


def _took(story: Story) -> float:
    return story.at("exit") or 0.0
