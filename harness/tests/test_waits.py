"""Waits with two bounds."""

import asyncio
import socket
import time

import pytest

from asgi_conformance import VirtualLoop, waits
from asgi_conformance.drivers.base import Request, Unanswered
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.waits import Limit


async def quiet(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("HTTP only")
    await send({"type": "http.response.start", "status": 200})
    await asyncio.Event().wait()


def run(coroutine):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


def test_an_hour_of_virtual_time_passes_at_once() -> None:
    async def hour():
        begun = asyncio.get_running_loop().time()
        await waits.pause(limit := Limit(3600.0, 5.0))
        return asyncio.get_running_loop().time() - begun, limit.cut_short

    elapsed, cut_short = run(hour())
    assert elapsed == pytest.approx(3600.0)
    assert not cut_short


def test_an_open_socket_leaves_the_real_bound() -> None:
    async def hour():
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            held.listen()
            asyncio.get_running_loop().add_reader(held.fileno(), lambda: None)
            begun = time.monotonic()
            await waits.pause(limit := Limit(3600.0, 0.2))
            asyncio.get_running_loop().remove_reader(held.fileno())
            return time.monotonic() - begun, limit.cut_short

    elapsed, cut_short = run(hour())
    assert 0.2 <= elapsed < 60.0
    assert cut_short


def test_silence_is_told_with_the_whole_wait() -> None:
    async def silence():
        async with InProcess(quiet) as client:
            exchange = await client.http(Request("GET", "/"))
            head = await waits.head(exchange, Limit(30.0, 5.0))
            try:
                with pytest.raises(Unanswered, match="no further part of the body within 30 s"):
                    await waits.piece(exchange, Limit(30.0, 5.0))
            finally:
                running = await waits.ending(exchange, Limit(30.0, 5.0))
            reached = await waits.until(exchange.call, lambda: len(exchange.messages) > 1, Limit(30.0, 5.0))
            return head.status, running.how, reached

    assert run(silence()) == (200, "running", False)
