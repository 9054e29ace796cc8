"""Lifespan: nothing is left once the application has stopped."""

import asyncio

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.leaks import growth, snapshot, threads, told
from asgi_conformance.spec import PRACTICES

from .runs import cycle, cycle_again, left

CLAUSE = PRACTICES["lifespan-leaks"]
CYCLES = 5
JOIN = 0.5  # real seconds for a thread that was told to end


@check("lifespan.leaks.tasks", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_no_task_is_left(probe: Probe) -> None:
    """No task that the lifespan started should be left after shutdown.

    It works on closed resources, and is cut off at an arbitrary place when the process ends.

    Usual cause: `asyncio.create_task` in startup, and no word of it in shutdown.
    Usual mend: cancel and await it after the `yield`, or start it in a task group around the `yield`.
    """
    before = snapshot()
    await cycle(probe)
    if leaks := await left(before, "task"):
        raise Violation(expected="no task after shutdown", observed=told(leaks))


@check("lifespan.leaks.generators", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_no_generator_is_left(probe: Probe) -> None:
    """No asynchronous generator that the lifespan began should be left unclosed after shutdown.

    Its `finally` has not run: what it holds is still open.

    Usual cause: `await anext(dependency())` in startup, to get at what a generator dependency opens.
    Usual mend: `contextlib.asynccontextmanager` around the generator, and `async with` around the `yield`.
    """
    before = snapshot()
    await cycle(probe)
    if leaks := await left(before, "asynchronous generator"):
        raise Violation(expected="no unclosed generator after shutdown", observed=told(leaks))


@check("lifespan.leaks.threads", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_threads_do_not_pile_up(probe: Probe) -> None:
    """Each start and stop of the application should leave no thread more than the one before.

    A thread that is left holds the end of the process up, unless it is a daemon; then it is cut off.

    Usual cause: `threading.Thread(...).start()` in startup, and no word of it in shutdown.
    Usual mend: tell the thread to stop, and join it.
    """
    await cycle(probe)
    before = snapshot()
    for _ in range(CYCLES):
        await cycle_again(probe)
    suspects = [thread for thread in threads() if thread not in before.threads]
    for thread in suspects:
        await asyncio.to_thread(thread.join, JOIN)
    leaks = growth(before, "thread")
    if len(leaks) >= CYCLES:
        raise Violation(expected=f"no more threads after {CYCLES} starts and stops", observed=told(leaks))


@check("lifespan.leaks.descriptors", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_descriptors_do_not_pile_up(probe: Probe) -> None:
    """Each start and stop of the application should leave no file or socket open.

    Usual cause: a file, a database or a client is opened in startup, and not closed in shutdown.
    Usual mend: `async with` or an `AsyncExitStack` around the `yield`.
    """
    await cycle(probe)
    before = snapshot()
    for _ in range(CYCLES):
        await cycle_again(probe)
    leaks = growth(before, "descriptor", "child process")
    if len(leaks) >= CYCLES:
        raise Violation(expected=f"no more open files after {CYCLES} starts and stops", observed=told(leaks))
