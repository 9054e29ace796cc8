import asyncio
import contextlib
import os
import subprocess
import sys
import threading

import anyio
import pytest

from asgi_conformance import InProcess, VirtualLoop, leaks


def run(main):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


async def worker():
    await asyncio.sleep(1000)


def here(function, line):
    """The place of the line that many below the function's first one."""
    return f"test_leaks.py:{function.__code__.co_firstlineno + line} in {function.__name__}"


def test_pending_task_is_named_with_the_place_where_it_waits():
    async def main():
        before = leaks.snapshot()
        task = asyncio.create_task(worker())
        await asyncio.sleep(0)
        found = leaks.growth(before)
        task.cancel()
        return found

    assert run(main) == [leaks.Leak("task", "worker", here(worker, 1))]


def test_task_in_a_librarys_wait_is_placed_in_its_own_code():
    async def outer():
        await asyncio.Event().wait()

    async def main():
        before = leaks.snapshot()
        task = asyncio.create_task(outer())
        await asyncio.sleep(0)
        (leak,) = leaks.growth(before)
        task.cancel()
        return leak

    assert run(main).place == here(outer, 1)


def test_what_was_there_before_and_what_has_ended_is_no_leak():
    async def main():
        kept = asyncio.create_task(worker())
        before = leaks.snapshot()
        done = asyncio.create_task(asyncio.sleep(0))
        cancelled = asyncio.create_task(worker())
        cancelled.cancel()
        await asyncio.wait({done, cancelled})
        found = leaks.growth(before)
        kept.cancel()
        return found

    assert run(main) == []


def test_suspended_generator_is_a_leak_and_a_closed_one_is_not():
    async def numbers():
        yield 1
        yield 2

    async def main():
        before = leaks.snapshot()
        kept, closed, ended = numbers(), numbers(), numbers()
        await anext(kept)
        await anext(closed)
        await closed.aclose()
        _ = [number async for number in ended]
        found = leaks.growth(before)
        await kept.aclose()
        return found, leaks.growth(before)

    found, after = run(main)
    assert [(leak.kind, leak.place) for leak in found] == [("asynchronous generator", here(numbers, 1))]
    assert found[0].name.endswith("numbers")
    assert after == []


def test_generator_that_nobody_holds_is_closed_before_it_is_called_a_leak():
    async def numbers():
        yield 1
        yield 2

    async def main():
        before = leaks.snapshot()
        cycle = [numbers()]
        cycle.append(cycle)
        await anext(cycle[0])
        del cycle
        return leaks.growth(before, "asynchronous generator")

    assert run(main) == []


def test_thread_is_named_with_its_place():
    stop = threading.Event()

    def waits():
        stop.wait(10)

    async def main():
        before = leaks.snapshot()
        thread = threading.Thread(target=waits, name="mine")
        thread.start()
        found = leaks.growth(before)
        stop.set()
        thread.join()
        return found, leaks.growth(before)

    found, after = run(main)
    assert found == [leaks.Leak("thread", "mine", here(waits, 1))]
    assert after == []


def test_idle_workers_of_pools_are_no_leak():
    async def main():
        before = leaks.snapshot()
        await asyncio.to_thread(int)
        await anyio.to_thread.run_sync(int)
        return leaks.growth(before, "thread")

    assert run(main) == []


def test_busy_worker_of_a_pool_is_a_leak():
    stop, busy = threading.Event(), threading.Event()

    def works():
        busy.set()
        stop.wait(10)

    async def main():
        before = leaks.snapshot()
        calls = [asyncio.ensure_future(asyncio.to_thread(works))]
        while not busy.is_set():
            await asyncio.sleep(0)
        found = leaks.growth(before, "thread")
        stop.set()
        await asyncio.wait(calls)
        return found

    (leak,) = run(main)
    assert leak.place == here(works, 2)


@pytest.mark.skipif(not any(path.is_dir() for path in leaks.DESCRIPTORS), reason="the system does not tell")
def test_open_file_is_a_leak(tmp_path):
    path = tmp_path / "open"
    path.touch()

    async def main():
        before = leaks.snapshot()
        descriptors = [os.open(path, os.O_RDONLY) for _ in range(2)]
        found = leaks.growth(before)
        for descriptor in descriptors:
            os.close(descriptor)
        return found, leaks.growth(before)

    found, after = run(main)
    assert found == [leaks.Leak("descriptor", str(path))] * 2
    assert after == []


@pytest.mark.skipif(not leaks.CHILDREN.is_dir(), reason="the system does not tell")
def test_child_process_is_a_leak():
    async def main():
        before = leaks.snapshot()
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            return child.pid, leaks.growth(before, "child process")

    pid, found = run(main)
    assert found == [leaks.Leak("child process", str(pid))]


def test_calls_that_the_driver_runs_are_its_own_affair():
    async def app(scope, receive, send):
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})

    async def main():
        before = leaks.snapshot()
        async with InProcess(app):
            await asyncio.sleep(0)
            return leaks.growth(before)

    assert run(main) == []


def test_kinds_choose():
    async def main():
        before = leaks.snapshot()
        task = asyncio.create_task(worker())
        found = leaks.growth(before, "thread", "descriptor"), leaks.growth(before, "task")
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return found

    none, one = run(main)
    assert none == []
    assert len(one) == 1


def test_equal_leaks_are_told_once_with_their_number():
    several = [leaks.Leak("task", "tick", "main.py:3 in tick")] * 3 + [leaks.Leak("thread", f"t{n}") for n in range(6)]
    assert leaks.told(several, most=2) == "3 × task tick at main.py:3 in tick; thread t0; and 5 more"
