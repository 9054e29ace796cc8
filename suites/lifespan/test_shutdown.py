"""Lifespan: the answer to `lifespan.shutdown`, and what has to be done by then."""

import asyncio
from typing import Any

from asgi_conformance import MUST, PRACTICE, Probe, Violation, check
from asgi_conformance.drivers.call import describe
from asgi_conformance.drivers.lifespan import Answer
from asgi_conformance.leaks import Leak, task_leak, tasks, told
from asgi_conformance.protocol.types import Message
from asgi_conformance.spec import ASGI_LIFESPAN, PRACTICES

from .runs import GRACE, SHUTDOWN, a_while, started, stopped, waiting_at, watched

CLAUSE = ASGI_LIFESPAN["shutdown-complete-send-event"]
ANSWERS = {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}
TURNS = 10
BOUND = 30.0  # what process supervisors commonly give before they kill


@check("lifespan.shutdown.answered-once", level=MUST, clause=CLAUSE, needs={"lifespan", "script"})
async def test_shutdown_is_answered_once(probe: Probe) -> None:
    """Shutdown must be answered once: with `shutdown.complete` or with `shutdown.failed`.

    Without an answer the server cannot know whether everything is saved and closed, and waits, or goes
    without. An application that raises instead of answering leaves it in doubt as well.

    Usual cause: an application that returns, or raises, when it gets the event.
    Usual mend: `shutdown.failed` with a message where cleaning up fails, `shutdown.complete` otherwise.
    """
    run = probe.lifespan(state={})
    await started(run)
    phase = await run.shutdown(SHUTDOWN)
    await run.ending(GRACE)
    answers = [message["type"] for message in run.messages if message.get("type") in ANSWERS]
    if len(answers) != 1:
        observed = ", ".join(answers) or f"none: {phase.answer.value} {phase.message[:200]}".strip()
        raise Violation(expected="one answer to shutdown", observed=observed)
    if not str(run.messages[-1].get("type")).startswith("lifespan.shutdown"):
        raise Violation(expected="an answer to shutdown", observed=str(run.messages[-1].get("type")))


@check("lifespan.shutdown.not-before-event", level=MUST, clause=CLAUSE, needs={"lifespan", "script"})
async def test_nothing_is_sent_between_startup_and_shutdown(probe: Probe) -> None:
    """Nothing must be sent between the answer to startup and `lifespan.shutdown`.

    A server that hears of a shutdown that it did not ask for stops, or reports an error.

    Usual cause: an application that answers both events at once; a cleanup that runs too early.
    Usual mend: wait for `lifespan.shutdown`, then clean up, then answer.
    """
    run = probe.lifespan(state={})
    await started(run)
    answered = len(run.messages)
    await run.call.until(lambda: len(run.messages) > answered, a_while())
    if early := run.messages[answered:]:
        raise Violation(expected="no message before shutdown", observed=", ".join(str(m.get("type")) for m in early))


@check(
    "lifespan.shutdown.bounded",
    level=PRACTICE,
    clause=PRACTICES["lifespan-bounded-shutdown"],
    needs={"lifespan", "script"},
)
async def test_shutdown_is_bounded(probe: Probe) -> None:
    """Shutdown should be over within 30 seconds when there is nothing left to do.

    Supervisors kill after that time, commonly; what has not been saved then is lost.

    Usual cause: waiting for a task that was never told to stop, or for a queue that nobody empties.
    Usual mend: cancel the task before awaiting it; a timeout around every wait of the shutdown.
    """
    run = probe.lifespan(state={})
    await started(run)
    phase = await run.shutdown(BOUND)
    if phase.answer is Answer.SILENT:
        raise Violation(
            expected=f"an end of shutdown within {BOUND:g} s", observed=f"shutdown still under way{waiting_at(run)}"
        )


@check("lifespan.shutdown.cleanup-first", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_shutdown_is_answered_after_the_cleanup(probe: Probe) -> None:
    """The tasks of the application should have ended when it says that shutdown is complete.

    The server may end the process at once; a task that is still cleaning up then is cut off in the middle.

    Usual cause: `task.cancel()` without awaiting the task: cancelling only asks.
    Usual mend: `task.cancel()`, then `await asyncio.gather(task, return_exceptions=True)`; or a task group.
    """
    told_to_end: list[Leak] = []
    pending: list[asyncio.Task[Any]] = []

    def look(message: Message) -> None:
        if message.get("type") == "lifespan.shutdown.complete":
            pending.extend(task for task in tasks() if task not in before)
            told_to_end.extend(task_leak(task) for task in pending if task.cancelling())

    before = tasks()
    run = watched(probe, look)
    await started(run)
    await stopped(run)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    # A task that only passes the answer on needs some turns of the loop; one that cleans up needs more.
    if busy := told_to_end or [task_leak(task) for task in pending if not task.done()]:
        raise Violation(expected="no task of the application at shutdown.complete", observed=told(busy))


@check(
    "lifespan.shutdown.call-ends",
    level=PRACTICE,
    clause=ASGI_LIFESPAN["scope"],
    needs={"lifespan", "script"},
)
async def test_call_ends_after_shutdown(probe: Probe) -> None:
    """The lifespan call should end soon after shutdown was answered.

    Usual cause: a loop around `receive` that goes on after `lifespan.shutdown`, where no message comes any more.
    Usual mend: `return` after the answer.
    """
    run = probe.lifespan(state={})
    await started(run)
    await stopped(run)
    ending = await run.ending(GRACE)
    if ending.how == "running":
        raise Violation(expected="the end of the lifespan call", observed=f"the application {describe(ending)}")
