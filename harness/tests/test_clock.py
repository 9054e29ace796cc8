"""The virtual loop jumps over timers, and never over what happens outside."""

import asyncio
import concurrent.futures
import queue
import socket
import threading
import time

import anyio
import anyio.to_thread
import pytest

from asgi_conformance.clock import Deadlock, VirtualLoop


def run(main):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def test_an_hour_of_one_second_timers_takes_less_than_a_second_of_wall_time():
    async def main():
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(3600):
            await asyncio.sleep(1)
        return loop.time() - begun

    begun = time.monotonic()
    assert run(main()) == pytest.approx(3600)
    assert time.monotonic() - begun < 1.0


def test_timers_fire_in_order_at_their_times():
    async def main():
        loop, fired = asyncio.get_running_loop(), []
        begun = loop.time()
        for delay in (5, 1, 3):
            loop.call_later(delay, lambda delay=delay: fired.append((delay, round(loop.time() - begun, 6))))
        await asyncio.sleep(10)
        return fired

    assert run(main()) == [(1, 1), (3, 3), (5, 5)]


@pytest.mark.parametrize(
    "in_thread",
    [
        pytest.param(asyncio.to_thread, id="asyncio"),
        pytest.param(anyio.to_thread.run_sync, id="anyio"),
        pytest.param(lambda f: anyio.to_thread.run_sync(f, limiter=anyio.CapacityLimiter(1)), id="anyio-own-limiter"),
    ],
)
def test_a_call_in_a_worker_thread_is_not_cut_short_by_a_virtual_timeout(in_thread):
    def slow():
        time.sleep(0.2)
        return "done"

    async def main():
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.timeout(0.05):
            result = await in_thread(slow)
        return result, loop.time() - begun

    assert run(main()) == ("done", 0.0)


def test_an_applications_own_pool_is_not_cut_short_either():
    def slow():
        time.sleep(0.2)
        return "done"

    async def main():
        with concurrent.futures.ThreadPoolExecutor() as pool:
            async with asyncio.timeout(5):
                return await asyncio.wrap_future(pool.submit(slow))

    assert run(main()) == "done"


def test_time_runs_at_wall_speed_while_a_thread_of_the_applications_own_is_at_work():
    async def main():
        loop, heard = asyncio.get_running_loop(), asyncio.Event()

        def announce():
            time.sleep(0.2)
            loop.call_soon_threadsafe(heard.set)

        threading.Thread(target=announce).start()
        async with asyncio.timeout(5):
            await heard.wait()

    run(main())


def test_time_runs_at_wall_speed_while_a_socket_is_open():
    async def main():
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        threading.Thread(target=lambda: (time.sleep(0.2), theirs.sendall(b"x"), theirs.close())).start()
        async with asyncio.timeout(5):
            assert await reader.read(1) == b"x"
        writer.close()

    run(main())


def test_a_child_process_is_waited_for():
    async def main():
        process = await asyncio.create_subprocess_exec("sleep", "0.2")
        async with asyncio.timeout(5):
            return await process.wait()

    assert run(main()) == 0


def test_an_idle_worker_thread_does_not_stop_the_clock_from_jumping():
    async def main():
        await asyncio.to_thread(int)
        await anyio.to_thread.run_sync(int)
        await asyncio.sleep(3600)

    begun = time.monotonic()
    run(main())
    assert time.monotonic() - begun < 5.0


def test_an_applications_own_thread_that_waits_to_be_woken_does_not_stop_the_clock_either():
    async def main():
        jobs, answers = queue.Queue(), asyncio.Queue()
        loop = asyncio.get_running_loop()

        def serve():
            while (job := jobs.get()) is not None:
                time.sleep(0.05)
                loop.call_soon_threadsafe(answers.put_nowait, job)

        thread = threading.Thread(target=serve)
        thread.start()
        await asyncio.sleep(3600)
        for number in range(20):
            jobs.put(number)
            async with asyncio.timeout(1):
                assert await answers.get() == number
        jobs.put(None)
        thread.join()

    begun = time.monotonic()
    run(main())
    assert time.monotonic() - begun < 30.0


def test_waiting_for_what_cannot_come_is_told_at_once():
    async def main():
        await asyncio.Event().wait()

    loop = VirtualLoop()
    try:
        with pytest.raises(Deadlock):
            loop.run_until_complete(main())
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
