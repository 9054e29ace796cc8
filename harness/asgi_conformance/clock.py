"""An asyncio event loop whose clock jumps to the next timer instead of waiting for it.

Use it with ``asyncio.Runner(loop_factory=VirtualLoop)``. Where everything that can happen happens inside the
loop, an hour of one-second timers takes some milliseconds. Where something outside is under way, the clock
does not jump, because nobody can know when the outside will answer:

- a call in a worker thread (``asyncio.to_thread``, AnyIO's threads, any pool): time stands still until it
  is back, so that a slow machine cannot make a timeout fire. After `PATIENCE_FOR_THREADS` real seconds
  time runs at wall speed instead, for calls that never come back;
- a real socket or pipe, a child process, a thread of the application's own that does not just wait to be
  woken: time runs at wall speed.

``time.time()`` and ``time.monotonic()`` are not touched; only ``loop.time()`` is virtual.
"""

import asyncio
import selectors
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar, TypeVarTuple

PATIENCE_FOR_THREADS = 5.0  # real seconds

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Ready = list[tuple[selectors.SelectorKey, int]]


class Deadlock(RuntimeError):
    """Every task waits for something that cannot come: no timer, no thread, no socket is under way."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The event loop; `beats` counts its turns, so that a watchdog can tell that it is alive."""

    def __init__(self) -> None:
        self._now = 1000.0  # not zero: some libraries take a zero time for "not set"
        self._in_executor = 0
        self._threads_before = set(threading.enumerate())
        self.beats = 0
        self.waiting = False
        super().__init__(JumpingSelector(self))

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._now += seconds

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """As in asyncio; the call is counted until it is back."""
        future = super().run_in_executor(executor, func, *args)
        self._in_executor += 1
        future.add_done_callback(self._back_from_executor)
        return future

    def _back_from_executor(self, _: object) -> None:
        self._in_executor -= 1

    def _is_counted(self, thread: threading.Thread) -> bool:
        """Whether somebody keeps count of the thread's calls (`calls_in_threads`), or it is one of our own."""
        if thread.name.startswith("asgi-conformance") or type(thread).__module__.startswith("anyio."):
            return True
        executor = getattr(self, "_default_executor", None)
        return thread in getattr(executor, "_threads", ())

    def calls_in_threads(self) -> bool:
        """Whether a call is under way in a worker thread and will be back."""
        return self._in_executor > 0 or _anyio_threads_busy(self)

    def outside_work(self) -> bool:
        """Whether a socket, a child process or a thread that is not a pool's idle worker may still speak."""
        own_pipe = 1
        if len(self._selector.get_map()) > own_pipe:  # type: ignore[attr-defined]  # asyncio's own attribute
            return True
        threads = [
            thread
            for thread in threading.enumerate()
            if thread not in self._threads_before and not self._is_counted(thread)
        ]
        if not threads:
            return False
        if not all(_is_idle(thread) for thread in threads):
            return True
        # One of them may have been woken a moment ago and wait for Python's lock, which this thread holds. Give
        # the lock away; then the thread has gone on, or the system has it down as runnable.
        time.sleep(_MOMENT)
        return not all(_is_idle(thread) and not _is_runnable(thread) for thread in threads)


class JumpingSelector(selectors.DefaultSelector):
    """A selector that never waits for a timer alone."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Ready:
        """Events that are ready now; without any, jump, wait for the outside, or raise Deadlock."""
        loop = self._loop
        loop.beats += 1
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if loop.calls_in_threads():
            ready = self._wait(PATIENCE_FOR_THREADS)
            if ready or not loop.calls_in_threads():
                return ready
            return self._at_wall_speed(timeout)
        if loop.outside_work():
            return self._at_wall_speed(timeout)
        # A thread may have answered, and gone idle, since the first look.
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise Deadlock("every task waits for something that cannot come")
        loop.advance(timeout)
        return []

    def _at_wall_speed(self, timeout: float | None) -> Ready:
        """Wait a little: a thread may go idle without a word, and then the rest need not be waited for."""
        timeout = _SLICE if timeout is None else min(timeout, _SLICE)
        begun = time.monotonic()
        ready = self._wait(timeout)
        elapsed = time.monotonic() - begun
        # Without an event the whole bound has passed, whatever the rounding of the two clocks says.
        self._loop.advance(elapsed if ready else max(elapsed, timeout))
        return ready

    def _wait(self, timeout: float | None) -> Ready:
        self._loop.waiting = True
        try:
            return super().select(timeout)
        finally:
            self._loop.waiting = False
            self._loop.beats += 1


def _anyio_threads_busy(loop: VirtualLoop) -> bool:
    """Whether one of AnyIO's worker threads of this loop has a call.

    AnyIO keeps its workers in variables of the loop and offers no way to ask from outside a task; limiters
    alone do not tell, since every caller may bring one (FastAPI does for the exit of sync dependencies).
    """
    lowlevel = sys.modules.get("anyio.lowlevel")
    if lowlevel is None:
        return False
    variables: dict[Any, Any] = getattr(lowlevel, "_run_vars", {}).get(loop, {})
    named = {getattr(variable, "_name", ""): value for variable, value in variables.items()}
    workers, idle = named.get("_threadpool_workers", ()), named.get("_threadpool_idle_workers", ())
    return len(workers) > len(idle)


def _is_idle(thread: threading.Thread) -> bool:
    """Whether the thread does nothing unless somebody wakes it."""
    frame = _frame(thread)
    if frame is None:
        return True
    code = frame.f_code
    if code.co_name == "_worker" and code.co_filename.endswith("thread.py"):
        queue = frame.f_locals.get("work_queue")
        return queue is not None and queue.empty()
    return _waits(thread)


def _waits(thread: threading.Thread) -> bool:
    """Whether the thread waits, without a limit, for a condition, an event or a queue."""
    frame = _frame(thread)
    return frame is not None and frame.f_code is _WAIT and frame.f_locals.get("timeout") is None


def _is_runnable(thread: threading.Thread) -> bool:
    """Whether the system would run the thread if it had a core to spare; False where the system does not tell."""
    try:
        stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] == ["R"]


def _frame(thread: threading.Thread) -> FrameType | None:
    return sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the documented way to look at threads


_WAIT = threading.Condition.wait.__code__
_MOMENT = 0.0005  # real seconds
_SLICE = 0.05  # real seconds
