"""Where tasks, threads, files, sockets and child processes are made.

Python tells who asks: its audit events come before a file, a socket or a process is made, with whoever makes it on
the stack. They cannot be unsubscribed, so there is one hook for the process, which does nothing while nobody wants
to know. Tasks are made by the event loop's task factory. Threads have an audit event in some versions only, so
`Thread.start` is stood in for while somebody wants to know.
"""

import asyncio
import contextlib
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self, TypeVar

from asgi_conformance.leaks.leak import is_installed, is_library, is_ours, told_frame

T = TypeVar("T")
_LOOP = asyncio.events.Handle._run.__code__  # noqa: SLF001 - below it on the stack is whoever runs the loop
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_SLACK = 0.25  # seconds between the audit event of a process and its beginning, as the system rounds them


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the code, and whether it is somebody's own rather than a distribution's."""

    told: str
    own: bool


class Origins:
    """Notes where things are made while it is entered, in a task of the loop that is meant."""

    def __init__(self) -> None:
        self._tasks: weakref.WeakKeyDictionary[asyncio.Task[Any], _Place] = weakref.WeakKeyDictionary()
        self._threads: weakref.WeakKeyDictionary[threading.Thread, str] = weakref.WeakKeyDictionary()
        self._sockets: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._paths: dict[str, str] = {}
        self._numbers: dict[int, str] = {}
        self._processes: list[tuple[float, str]] = []
        self.temporary: dict[str, str] = {}  # files and folders of the tempfile module that were made, and where
        self._loop: asyncio.AbstractEventLoop | None = None
        self._factory: Any = None
        self._start: Any = None
        self._noted: Any = None

    def __enter__(self) -> Self:
        _listen()
        self._loop = asyncio.get_running_loop()
        self._factory = self._loop.get_task_factory()
        self._loop.set_task_factory(self._make_task)
        _active.append(self)
        self._start = start = threading.Thread.start

        def noted(thread: threading.Thread) -> None:
            self._threads[thread] = self._maker(sys._getframe(1)).told  # noqa: SLF001 - there is no other way to see the stack
            start(thread)

        self._noted = noted
        threading.Thread.start = noted  # type: ignore[method-assign,assignment]
        return self

    def __exit__(self, *exc_info: object) -> None:
        _active.remove(self)
        if threading.Thread.start is self._noted:
            threading.Thread.start = self._start  # type: ignore[method-assign]
        if self._loop is not None and self._loop.get_task_factory() == self._make_task:
            self._loop.set_task_factory(self._factory)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T], **how: Any
    ) -> asyncio.Future[T]:
        make: Callable[..., asyncio.Future[T]] | None = self._factory
        task: asyncio.Future[T] = (
            asyncio.Task(coroutine, loop=loop, **how) if make is None else make(loop, coroutine, **how)
        )
        if isinstance(task, asyncio.Task):
            self._tasks[task] = self._maker(sys._getframe(1))  # noqa: SLF001 - as below
        return task

    @property
    def tasks(self) -> list[asyncio.Task[Any]]:
        """The tasks that were made, as far as anybody still has them."""
        return list(self._tasks)

    def of_task(self, task: asyncio.Task[Any]) -> str:
        """Where the task was made; empty where that is not known, as below."""
        made = self._tasks.get(task)
        return made.told if made is not None else ""

    def of_thread(self, thread: threading.Thread) -> str:
        """Where the thread was started."""
        return self._threads.get(thread, "")

    def of_descriptor(self, number: int, target: str) -> str:
        """Where a descriptor was made that points to `target`, as the system tells it."""
        for made, place in list(self._sockets.items()):
            with contextlib.suppress(OSError, ValueError):
                if made.fileno() == number:
                    return place
        return self._paths.get(target) or self._numbers.get(number, "")

    def of_process(self, began: float | None) -> str:
        """Where a child process was made that began at that time of the monotonic clock."""
        if began is None or not self._processes:
            return ""
        at, place = min(self._processes, key=lambda known: abs(known[0] - began))
        return place if abs(at - began) <= _SLACK else ""

    def _maker(self, frame: FrameType | None) -> _Place:
        """Who is at work; where that is a library's task, whoever has made the task."""
        place = _maker(frame)
        if not place.own:
            with contextlib.suppress(RuntimeError):  # there is no loop in this thread
                task = asyncio.current_task()
                made = self._tasks.get(task) if task is not None else None
                place = made if made is not None and made.own else place
        return place

    # The audit events.

    def heard(self, event: str, args: tuple[Any, ...]) -> None:
        """Take an audit event."""
        place = self._maker(sys._getframe(1)).told  # noqa: SLF001 - as above
        if event == "socket.__new__":
            self._sockets[args[0]] = place
        elif event in {"open", "sqlite3.connect"}:
            self._opened(args[0], place)
        elif event in {"tempfile.mkstemp", "tempfile.mkdtemp"}:
            self.temporary[os.path.realpath(os.fsdecode(args[0]))] = place
        else:
            self._processes.append((time.monotonic(), place))

    def _opened(self, what: Any, place: str) -> None:
        if isinstance(what, int):
            self._numbers[what] = place
        elif isinstance(what, str | bytes | os.PathLike):
            self._paths[os.path.realpath(os.fsdecode(what))] = place


_HEARD = frozenset(
    {
        "open",
        "os.fork",
        "os.posix_spawn",
        "socket.__new__",
        "sqlite3.connect",
        "subprocess.Popen",
        "tempfile.mkdtemp",
        "tempfile.mkstemp",
    }
)
_active: list[Origins] = []
_listening = threading.Event()


def _listen() -> None:
    if not _listening.is_set():
        _listening.set()
        sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _active and event in _HEARD:
        for origins in tuple(_active):
            # What a hook raises would stop the application from doing what it is about to do.
            with contextlib.suppress(Exception):
                origins.heard(event, args)


def _maker(frame: FrameType | None) -> _Place:
    """Who is at work: the innermost frame that is somebody's own; else the innermost of an installed distribution.

    Only as far as the event loop: below it is whoever runs it. Empty where there is none, or an import is under way.
    """
    installed = _Place("", own=False)
    while frame is not None and frame.f_code is not _LOOP:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return _Place("", own=False)
        if not is_ours(frame.f_code):
            if not is_library(file):
                return _Place(told_frame(frame), own=True)
            if not installed.told and is_installed(file):
                installed = _Place(told_frame(frame), own=False)
        frame = frame.f_back
    return installed


def began(pid: str) -> float | None:
    """When a process began, on the monotonic clock; None where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[19]) / _TICKS - _offset()
    except (OSError, IndexError, ValueError):
        return None


def _offset() -> float:
    """By how much the clock of processes, which goes on while the machine sleeps, is ahead."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) - time.monotonic() if clock is not None else 0.0
