"""The watchdog frees the thread from code that holds it, and says where it was."""

import asyncio
import threading
import time

import pytest

from asgi_conformance.clock import VirtualLoop
from asgi_conformance.watchdog import guard


async def spin():
    while True:
        pass


async def sleep_for_real():
    time.sleep(60)


async def spin_on():
    """Resists the first attempts."""
    stubborn = 3
    while True:
        try:
            while True:
                pass
        except BaseException:
            stubborn -= 1
            if not stubborn:
                raise


@pytest.mark.parametrize("held", [spin, sleep_for_real, spin_on])
def test_code_that_holds_the_loop_is_freed_and_named(held):
    loop = VirtualLoop()
    begun = time.monotonic()
    with guard(loop, held=0.5) as watched:
        loop.run_until_complete(asyncio.wait({loop.create_task(held())}))
    loop.close()
    assert watched.fired == "the event loop was held for more than 0.5 s"
    assert held.__name__ in watched.place
    assert "test_watchdog.py" in watched.place
    assert time.monotonic() - begun < 30


def test_a_loop_that_turns_is_left_alone():
    async def turn():
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            await asyncio.sleep(0)

    loop = VirtualLoop()
    with guard(loop, held=0.4) as watched:
        loop.run_until_complete(turn())
    loop.close()
    assert watched.fired is None


def test_waiting_for_a_thread_is_not_holding_the_loop():
    async def wait():
        await asyncio.to_thread(time.sleep, 1.0)

    loop = VirtualLoop()
    with guard(loop, held=0.4) as watched:
        loop.run_until_complete(wait())
    loop.close()
    assert watched.fired is None


def test_the_total_is_bounded_as_well():
    with guard(None, total=0.5) as watched:
        time.sleep(60)
    assert watched.fired == "it took more than 0.5 s"


def test_it_works_outside_the_main_thread():
    seen = []

    def work():
        with guard(None, total=0.5) as watched:
            while True:
                pass
        seen.append(watched.fired)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert seen == ["it took more than 0.5 s"]
