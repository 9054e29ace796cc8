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

HELD = 5.0  # real seconds without a turn of the loop
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
    fired: str | None = None  # why, in words
    held_loop: bool = False  # whether that was because the loop did not turn
    place: str = ""  # where: "main.py:12 in ticks"
    thread_id: int = field(default_factory=threading.get_ident)
    done: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def guard(loop: Beating | None, *, held: float = HELD, total: float = TOTAL) -> Iterator[Guard]:
    """Watch the code of the block, which runs in this thread; `loop` None watches the total alone."""
    watched = Guard(loop, held, total)
    can_signal = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGVTALRM")
    before = signal.signal(signal.SIGVTALRM, _raise_held) if can_signal else None
    thread = threading.Thread(target=_watch, args=(watched, can_signal), name="asgi-conformance watchdog", daemon=True)
    thread.start()
    try:
        yield watched
    except LoopHeld:
        if watched.fired is None:
            raise
    finally:
        watched.done.set()
        # A last LoopHeld may be on its way; it must not arrive outside the block.
        with contextlib.suppress(LoopHeld):
            thread.join()
        if can_signal:
            signal.signal(signal.SIGVTALRM, before if before is not None else signal.SIG_DFL)


def _watch(watched: Guard, can_signal: bool) -> None:
    begun = last_turn = time.monotonic()
    beats = watched.loop.beats if watched.loop else 0
    while not watched.done.wait(_TICK):
        now = time.monotonic()
        if watched.loop is not None and (watched.loop.beats != beats or watched.loop.waiting):
            beats, last_turn = watched.loop.beats, now
        if watched.loop is not None and now - last_turn > watched.held:
            watched.held_loop = watched.held_loop or watched.fired is None
            _fire(watched, f"the event loop was held for more than {watched.held:g} s", can_signal)
        elif now - begun > watched.total:
            _fire(watched, f"it took more than {watched.total:g} s", can_signal)


def _fire(watched: Guard, why: str, can_signal: bool) -> None:
    if watched.fired is None:
        watched.place = place_of(sys._current_frames().get(watched.thread_id))  # noqa: SLF001 - the documented way
        watched.fired = why
    if watched.done.is_set():
        return
    if can_signal:
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
