"""Lifespan: what is cancelled cleans up."""

from asgi_conformance import PRACTICE, Blocked, Faults, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.lifespan import Answer
from asgi_conformance.leaks import snapshot, told
from asgi_conformance.spec import PRACTICES

from .runs import GRACE, STARTUP, left, started

CLAUSE = PRACTICES["lifespan-cancelled"]
MOST = 20  # places at which startup is interrupted


@check("lifespan.cancelled.ends", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_cancelled_lifespan_ends(probe: Probe) -> None:
    """A lifespan that is cancelled should end.

    Servers cancel it when a shutdown takes too long, and event loops when the program is interrupted.

    Usual cause: `except BaseException` or `except CancelledError` in a loop that then goes on.
    Usual mend: let `CancelledError` pass after cleaning up.
    """
    run = probe.lifespan(state={})
    await started(run)
    run.call.cancel()
    if (await run.ending(GRACE)).how == "running":
        raise Violation(expected=f"the end of the lifespan within {GRACE:g} s", observed="it goes on")


@check("lifespan.cancelled.nothing-left", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_cancelled_lifespan_leaves_no_tasks(probe: Probe) -> None:
    """A lifespan that is cancelled while the application serves should take its tasks with it.

    Usual cause: the cleanup stands after the `yield` without `try`, so that it is skipped when anything but a
    regular shutdown ends the lifespan.
    Usual mend: `try: yield` and `finally:` around the cleanup, or `async with` for each resource.
    """
    before = snapshot()
    run = probe.lifespan(state={})
    await started(run)
    run.call.cancel()
    await run.ending(GRACE)
    if leaks := await left(before, "task", "asynchronous generator"):
        raise Violation(expected="nothing left of the lifespan", observed=told(leaks))


@check("lifespan.cancelled.startup-undone", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_interrupted_startup_leaves_no_tasks(probe: Probe) -> None:
    """A startup that is cancelled halfway should undo what it has begun.

    Usual cause: a task is started, and the next step of the startup waits and is interrupted, or fails.
    Usual mend: `try`/`finally` from the moment at which there is something to undo, or an `AsyncExitStack`.
    """
    for place in range(MOST):
        before = snapshot()
        run = probe.lifespan(state={}, faults=Faults(cancel_at=place))
        phase = await run.startup(STARTUP)
        if phase.answer is Answer.COMPLETE or run.call.suspensions <= place:
            await run.call.stop(GRACE)
            return
        await run.ending(GRACE)
        if leaks := await left(before, "task", "asynchronous generator"):
            observed = f"{told(leaks)}, after an interruption at its wait number {place + 1}"
            raise Violation(expected="nothing left of the startup", observed=observed)


@check("lifespan.cancelled.shutdown-finished", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_interrupted_shutdown_leaves_no_tasks(probe: Probe) -> None:
    """A shutdown that is cancelled halfway should still end what it can.

    Servers have limits for it, and people press Ctrl-C again.

    Usual cause: the steps of the shutdown stand below each other, so that an interrupted one leaves out the rest.
    Usual mend: an `AsyncExitStack` or nested `async with`, which close the rest whatever happens to one.
    """
    for place in range(MOST):
        before = snapshot()
        run = probe.lifespan(state={})
        begun = await run.startup(STARTUP)
        if begun.answer is not Answer.COMPLETE:
            how = f"{begun.answer.value} {begun.message[:200]}".strip()
            raise NotApplicable(f"a start for each place: {how}") if place else Blocked(f"startup: {how}")
        run.call.cancel_at(place)
        phase = await run.shutdown(STARTUP)
        interrupted = run.call.sent_before_cancel is not None
        await run.ending(GRACE)
        if leaks := await left(before, "task", "asynchronous generator"):
            if not interrupted:
                raise Blocked(f"a shutdown that leaves nothing: {told(leaks)}")
            observed = f"{told(leaks)}, after an interruption at its wait number {place + 1}"
            raise Violation(expected="nothing left of the lifespan", observed=observed)
        if not interrupted or phase.answer is Answer.SILENT:
            return
