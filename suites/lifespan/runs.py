"""A lifespan that a check starts itself, and what it leaves behind."""

import asyncio
from collections.abc import Callable

from asgi_conformance import Blocked, Faults, NotApplicable, Probe, VirtualLoop
from asgi_conformance.drivers.lifespan import Answer, LifespanRun, Phase
from asgi_conformance.faults import NO_FAULTS
from asgi_conformance.leaks import Leak, Origins, Snapshot, growth
from asgi_conformance.protocol.types import Message, Receive, Scope, Send

STARTUP = 60.0  # seconds; the bound of the in-process driver as well
SHUTDOWN = 60.0
GRACE = 5.0  # for what was told to end


def watched(probe: Probe, on_send: Callable[[Message], None], *, faults: Faults = NO_FAULTS) -> LifespanRun:
    """A lifespan whose messages are shown to `on_send` in the moment in which they are sent."""
    app = probe.inprocess.app

    async def watching(scope: Scope, receive: Receive, send: Send) -> None:
        async def showing(message: Message) -> None:
            on_send(message)
            await send(message)

        await app(scope, receive, showing)

    run = LifespanRun(watching, state={}, faults=faults, transcript=probe.transcript)
    probe.inprocess.calls.append(run.call)
    return run


async def started(run: LifespanRun) -> Phase:
    """Deliver startup; Blocked unless it is answered with complete, which another check is about."""
    phase = await run.startup(STARTUP)
    if phase.answer is not Answer.COMPLETE:
        raise Blocked(f"startup: {phase.answer.value} {phase.message[:200]}".strip())
    return phase


async def stopped(run: LifespanRun) -> Phase:
    """Deliver shutdown; Blocked unless it is answered."""
    phase = await run.shutdown(SHUTDOWN)
    if phase.answer not in {Answer.COMPLETE, Answer.FAILED}:
        raise Blocked(f"shutdown: {phase.answer.value} {phase.message[:200]}".strip())
    await run.ending(GRACE)
    return phase


async def cycle(probe: Probe) -> None:
    """Start the application and stop it."""
    run = probe.lifespan(state={})
    await started(run)
    await stopped(run)
    forget(probe, run)


async def cycle_again(probe: Probe) -> None:
    """Start and stop it once more; NotApplicable where it does not start a second time, as it may."""
    try:
        await cycle(probe)
    except Blocked as reason:
        raise NotApplicable(f"the application does not start again: {reason}") from None


def forget(probe: Probe, run: LifespanRun) -> None:
    """Let go of a lifespan that has ended: what it raised holds its frames, and with them all that they hold."""
    probe.inprocess.calls.remove(run.call)


def waiting_at(run: LifespanRun) -> str:
    """Where it waits, as the end of a phrase; empty when it does not."""
    return f", at {run.call.place}" if run.call.place else ""


async def left(before: Snapshot, *kinds: str, origins: Origins | None = None) -> list[Leak]:
    """What has come since `before` and is still there when it had time to go, of these kinds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + GRACE
    while growth(before, *kinds, collect=False) and loop.time() < deadline:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(GRACE / 10)
    return growth(before, *kinds, origins=origins)


def a_while() -> float:
    """Seconds in which nothing should happen: ten minutes, or two seconds where they would really pass.

    A thread or a socket of the application keeps the virtual clock at wall speed.
    """
    loop = asyncio.get_running_loop()
    return 600.0 if isinstance(loop, VirtualLoop) and not loop.outside_work() else 2.0
