"""Lifespan: nothing is left once the application has stopped."""

import asyncio
from collections.abc import Callable

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.leaks import Complaints, Leak, Origins, growing, snapshot, told
from asgi_conformance.leaks.complaints import COROUTINE, EXCEPTION, UNCLOSED
from asgi_conformance.spec import PRACTICES

from .runs import a_while, cycle, cycle_again, forget, left, started, stopped

CLAUSE = PRACTICES["lifespan-leaks"]


@check("lifespan.leaks.tasks", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_no_task_is_left(probe: Probe) -> None:
    """No task that the lifespan started should be left after shutdown.

    It works on closed resources, and is cut off at an arbitrary place when the process ends.

    Usual cause: `asyncio.create_task` in startup, and no word of it in shutdown.
    Usual mend: cancel and await it after the `yield`, or start it in a task group around the `yield`.
    """
    before = snapshot()
    with Origins() as origins:
        await cycle(probe)
        if leaks := await left(before, "task", origins=origins):
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


@check("lifespan.leaks.sync-generators", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_suspended_generators_do_not_pile_up(probe: Probe) -> None:
    """Each start and stop of the application should leave no generator suspended that was not there before.

    What stands in its `finally`, or after its `yield`, has not been done.

    Usual cause: `next(dependency())` in startup, to get at what a generator dependency opens; a context manager
    that is entered by hand, and never left.
    Usual mend: `contextlib.contextmanager` around the generator, and `with` around the `yield`.
    """
    await _nothing_piles_up(probe, "suspended generators", "generator")


@check("lifespan.leaks.threads", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_threads_do_not_pile_up(probe: Probe) -> None:
    """Each start and stop of the application should leave no thread, and no pool of threads, more than before.

    A thread that is left holds the end of the process up, unless it is a daemon; then it is cut off.

    Usual cause: `threading.Thread(...).start()` in startup, and no word of it in shutdown; a `ThreadPoolExecutor`
    that is not shut down.
    Usual mend: tell the thread to stop, and join it; `with ThreadPoolExecutor()` around the `yield`.
    """
    await _nothing_piles_up(probe, "threads", "thread", "thread pool")


@check("lifespan.leaks.descriptors", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_descriptors_do_not_pile_up(probe: Probe) -> None:
    """Each start and stop of the application should leave no file or socket open, and no temporary file behind.

    Usual cause: a file, a database or a client is opened in startup, and not closed in shutdown.
    Usual mend: `async with` or an `AsyncExitStack` around the `yield`.
    """
    await _nothing_piles_up(probe, "open files and sockets", "descriptor", "temporary file")


@check("lifespan.leaks.processes", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_child_processes_do_not_pile_up(probe: Probe) -> None:
    """Each start and stop of the application should leave no child process more than the one before.

    One that runs on outlives the server, and keeps what it has inherited: ports, files, a place in memory. One that
    has ended stays in the table of processes until somebody asks how.

    Usual cause: `subprocess.Popen` or a pool of processes in startup, and no word of it in shutdown; `kill()`
    without `wait()`.
    Usual mend: `terminate()` and `wait()` after the `yield`; `with` around a pool of processes.
    """
    await _nothing_piles_up(probe, "child processes", "child process")


@check("lifespan.leaks.timers", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_timers_do_not_pile_up(probe: Probe) -> None:
    """Each start and stop of the application should leave no timer more than the one before.

    Its callback comes when what it works on is closed, and one that sets itself anew never stops.

    Usual cause: `loop.call_later` in startup, and no word of it in shutdown.
    Usual mend: keep what `call_later` returns, and `cancel()` it after the `yield`.
    """
    await _nothing_piles_up(probe, "timers", "timer")


@check("lifespan.leaks.unheard", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_nothing_fails_unheard(probe: Probe) -> None:
    """No coroutine of a lifespan should be forgotten, and no task or thread of it fail without anybody hearing of it.

    The application serves on without what the worker did, and looks well. Python says something about it, at
    best when the garbage is collected, at worst when the process ends.

    Usual cause: a missing `await`; a worker task that is started and only cancelled in shutdown, so that nobody
    sees its exception.
    Usual mend: start workers in a task group around the `yield`; `add_done_callback` with one that logs the
    exception.
    """
    if leaks := await _complaints(probe, a_while, COROUTINE, EXCEPTION):
        raise Violation(expected="nothing forgotten and nothing unheard", observed=told(leaks))


@check("lifespan.leaks.unclosed", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_closing_is_not_left_to_the_garbage_collector(probe: Probe) -> None:
    """What startup opens should be closed by somebody, not by the garbage collector when nobody holds it any more.

    When that is nobody knows; a transport that is collected says no goodbye to its peer. Files that are merely
    read are not meant.

    Usual cause: a socket, a connection or a child process in a local variable of the startup.
    Usual mend: `async with` around the `yield`.
    """
    leaks = [leak for leak in await _complaints(probe, no_time, UNCLOSED) if not leak.name.startswith("unclosed file")]
    if leaks:
        raise Violation(expected="everything closed by the application", observed=told(leaks))


async def _nothing_piles_up(probe: Probe, what: str, *kinds: str) -> None:
    """Start and stop it again and again, and look at what becomes more each time."""
    first = True

    async def once() -> None:
        nonlocal first
        await (cycle(probe) if first else cycle_again(probe))
        first = False

    with Origins() as origins:
        if leaks := await growing(once, *kinds, origins=origins):
            raise Violation(expected=f"no more {what} with each start and stop", observed=told(leaks))


async def _complaints(probe: Probe, time: Callable[[], float], *kinds: str) -> list[Leak]:
    """What is said about a run with so many seconds in the middle, in which workers have their turns."""
    with Origins() as origins, Complaints(origins) as complaints:
        run = probe.lifespan(state={})
        await started(run)
        await asyncio.sleep(time())
        await complaints.heard()  # by now somebody should have heard; a shutdown that asks comes late
        await stopped(run)
        forget(probe, run)
        return [leak for leak in await complaints.heard() if leak.kind in kinds]


def no_time() -> float:
    """None: what is not closed need not run."""
    return 0.0
