"""A watchdog on the wall clock: it frees the main thread from an application that holds the event loop.

Deadlines of checks are virtual, so they cannot end what never comes back to the loop. The watchdog can: it
notes where the code is, and raises :class:`LoopHeld` there, again and again until the loop turns.
"""

import contextlib
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

HELD = 3.0  # real seconds without a turn of the loop
TOTAL = 60.0  # real seconds for one case, waits for the outside included
_TICK = 0.25


class LoopHeld(BaseException):
    """Raised inside code that does not come back to the event loop. Not an Exception, so that few catch it."""


class Beating(Protocol):
    """A loop that can be watched: `beats` changes at each turn, `waiting` is true while it waits for the outside."""

    beats: int
    waiting: bool


@dataclass(slots=True)
class Guard:
    """What the watchdog did during one case."""

    loop: Beating | None
    held: float
    total: float
    thread_id: int
    can_signal: bool
    fired: str | None = None  # why, in words
    held_loop: bool = False  # whether that was because the loop did not turn
    place: str = ""  # where: "main.py:12 in ticks"
    begun: float = field(default_factory=time.monotonic)
    last_turn: float = field(default_factory=time.monotonic)
    beats: int = -1

    def look(self, now: float) -> str | None:
        """Why the code has to be freed, or None."""
        if self.loop is not None and (self.loop.beats != self.beats or self.loop.waiting):
            self.beats, self.last_turn = self.loop.beats, now
        if self.loop is not None and now - self.last_turn > self.held:
            self.held_loop = self.held_loop or self.fired is None
            return f"the event loop was held for more than {self.held:g} s"
        return f"it took more than {self.total:g} s" if now - self.begun > self.total else None


@contextlib.contextmanager
def guard(loop: Beating | None, *, held: float = HELD, total: float = TOTAL) -> Iterator[Guard]:
    """Watch the code of the block, which runs in this thread; `loop` None watches the total alone."""
    can_signal = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGVTALRM")
    watched = Guard(loop, held, total, threading.get_ident(), can_signal)
    before = signal.signal(signal.SIGVTALRM, _raise_held) if can_signal else None
    told_before = sys.unraisablehook
    # One that hits a destructor is dropped by Python, which tells everybody; the next one will do.
    sys.unraisablehook = lambda told: None if told.exc_type is LoopHeld else told_before(told)
    _WATCHDOG.watch(watched)
    try:
        yield watched
    except LoopHeld:
        if watched.fired is None:
            raise
    finally:
        # A last LoopHeld may be on its way; it must not arrive outside the block.
        with contextlib.suppress(LoopHeld):
            _WATCHDOG.forget(watched)
            for _ in range(100):
                pass
        sys.unraisablehook = told_before
        if can_signal:
            signal.signal(signal.SIGVTALRM, before if before is not None else signal.SIG_DFL)


class Watchdog:
    """One thread that looks at every guard a few times a second."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._guards: list[Guard] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, watched: Guard) -> None:
        """Look at the guard from now on. In a forked child the thread is missing, and begins anew."""
        if self._thread is not None and not self._thread.is_alive():
            self._reset()
        with self._lock:
            self._guards.append(watched)
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="asgi-conformance watchdog", daemon=True)
            self._thread.start()

    def forget(self, watched: Guard) -> None:
        """Do not fire any more once this has returned."""
        with self._lock:
            if watched in self._guards:
                self._guards.remove(watched)

    def _look(self) -> None:
        while True:
            time.sleep(_TICK)
            now = time.monotonic()
            with self._lock:
                for watched in self._guards:
                    why = watched.look(now)
                    if why is not None:
                        _fire(watched, why)


_WATCHDOG = Watchdog()


def _fire(watched: Guard, why: str) -> None:
    if watched.fired is None:
        watched.place = place_of(sys._current_frames().get(watched.thread_id))  # noqa: SLF001 - the documented way
        watched.fired = why
    if watched.can_signal:
        # A signal also ends blocking calls such as time.sleep().
        signal.pthread_kill(watched.thread_id, signal.SIGVTALRM)
    else:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(watched.thread_id), ctypes.py_object(LoopHeld))


def _raise_held(signum: int, frame: FrameType | None) -> None:
    raise LoopHeld


def place_of(frame: FrameType | None) -> str:
    """The innermost place that is neither ours nor the standard library's: "main.py:12 in ticks"."""
    here = __file__.rpartition("/")[0]
    library = contextlib.__file__.rpartition("/")[0]
    innermost = ""
    while frame is not None:
        code = frame.f_code
        where = f"{code.co_filename.rpartition('/')[2]}:{frame.f_lineno} in {code.co_name}"
        innermost = innermost or where
        own = code.co_filename.startswith(here) and "/fixtures/" not in code.co_filename
        standard = code.co_filename.startswith(library) and "site-packages" not in code.co_filename
        if not own and not standard and not code.co_filename.startswith("<frozen"):
            return where
        frame = frame.f_back
    return innermost
