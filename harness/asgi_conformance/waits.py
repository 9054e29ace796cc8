"""Waits with two bounds: long on a clock that jumps, short where somebody has to sit through it.

In process, time is virtual, and an hour costs nothing. It stops being virtual when the application holds a socket
open (a database, a broker), which nobody can know before; real servers have a real clock anyway. So a wait is
cut into steps, and ends with whichever bound is over first.
"""

import asyncio
import time
from collections.abc import Callable

from asgi_conformance.drivers.base import Ending, Head, HTTPExchange, Piece, Unanswered
from asgi_conformance.drivers.call import Call

STEP, LONGEST = 1.0, 30.0  # virtual seconds; steps grow as long as they cost nothing


class Limit:
    """So many seconds of the loop's clock, and so many real ones, from now on."""

    def __init__(self, virtual: float, real: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._virtual_end = self._loop.time() + virtual
        self._real_end = time.monotonic() + real
        self._begun = self._loop.time()
        self._step, self._last = STEP, time.monotonic()

    @property
    def step(self) -> float:
        """How long to wait before the bounds are looked at again."""
        now = time.monotonic()
        self._step = min(2 * self._step, LONGEST) if now - self._last < 0.1 else STEP
        self._last = now
        left = self._real_end - now
        return max(0.0, min(self._step, self._virtual_end - self._loop.time())) if left > 0 else 0.0

    @property
    def over(self) -> bool:
        """Whether one of the bounds is over."""
        return time.monotonic() >= self._real_end or self._loop.time() >= self._virtual_end

    @property
    def cut_short(self) -> bool:
        """Whether the real bound came first, so that less was waited for than was meant."""
        return self.over and self._loop.time() < self._virtual_end

    @property
    def passed(self) -> str:
        """How long was waited, for a finding: "300 s"."""
        return f"{self._loop.time() - self._begun:.0f} s"


async def until(call: Call, ready: Callable[[], bool], limit: Limit) -> bool:
    """Wait until `ready()`, the end of the call or the limit; the last value of `ready()`."""
    while not ready() and not call.done and not limit.over:
        await call.until(ready, limit.step)
    return ready()


async def ending(of: Call | HTTPExchange, limit: Limit) -> Ending:
    """How the call ended; ``running`` when it had not within the limit."""
    how = await of.ending(0.0)
    while how.how == "running" and not limit.over:
        how = await of.ending(limit.step)
    return how


async def head(exchange: HTTPExchange, limit: Limit) -> Head:
    """The response's head. Raises Unanswered."""
    while True:
        try:
            return await exchange.head(limit.step)
        except Unanswered as reason:
            if limit.over:
                raise Unanswered(f"no response start within {limit.passed}") from reason
            if (await exchange.ending(0.0)).how != "running":
                raise


async def piece(exchange: HTTPExchange, limit: Limit) -> Piece | None:
    """The next piece of the body, None at the end. Raises Unanswered."""
    while True:
        try:
            return await exchange.piece(limit.step)
        except Unanswered as reason:
            if limit.over:
                raise Unanswered(f"no further part of the body within {limit.passed}") from reason


async def pause(limit: Limit) -> None:
    """Let time pass."""
    while not limit.over:  # noqa: ASYNC110 - it is time that is waited for
        await asyncio.sleep(limit.step)
