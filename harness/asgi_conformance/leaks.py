"""What an application leaves behind: tasks, asynchronous generators, threads, descriptors and child processes.

Take a :func:`snapshot` before, and ask for the :func:`growth` after. What belongs to this package or to
the event loop itself (its self-pipe, idle workers of a pool) is left out. Every leak says where it is: the
innermost place of its code that is not the standard library's.
"""

import asyncio
import gc
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import AsyncGeneratorType, CodeType, FrameType
from typing import Any

HERE = f"{Path(__file__).resolve().parent}{os.sep}"
LIBRARY = f"{Path(asyncio.__file__).resolve().parents[1]}{os.sep}"
DESCRIPTORS = (Path("/proc/self/fd"), Path("/dev/fd"))
CHILDREN = Path("/proc/self/task")


@dataclass(frozen=True, slots=True)
class Leak:
    """One thing that was left behind: its kind, what it is called, and where its code is or was made."""

    kind: str  # task, asynchronous generator, thread, descriptor, child process
    name: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" at {self.place}" if self.place else "")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was there at one moment; the objects are kept, so that identity means something."""

    tasks: tuple[asyncio.Task[Any], ...]
    generators: tuple[AsyncGeneratorType[Any, Any], ...]
    threads: tuple[threading.Thread, ...]
    descriptors: tuple[str, ...]
    children: tuple[str, ...]


def snapshot() -> Snapshot:
    """Everything that is there now. Call it from a task of the loop that is meant."""
    return Snapshot(tuple(tasks()), tuple(generators()), tuple(threads()), tuple(descriptors()), tuple(children()))


def growth(before: Snapshot, *kinds: str, collect: bool = True) -> list[Leak]:
    """What has come since `before` and is still there, of these kinds (of all, where none is given).

    Garbage is collected before anything is called a leak, unless `collect` is false: that takes a while.
    """
    leaks = _since(before, snapshot(), kinds)
    if leaks and collect:
        gc.collect()
        leaks = _since(before, snapshot(), kinds)
    return leaks


def _since(before: Snapshot, after: Snapshot, kinds: tuple[str, ...]) -> list[Leak]:
    leaks = [task_leak(task) for task in _new(before.tasks, after.tasks) if not task.done()]
    leaks += [generator_leak(generator) for generator in _new(before.generators, after.generators)]
    leaks += [thread_leak(thread) for thread in _new(before.threads, after.threads) if thread.is_alive()]
    opened = Counter(after.descriptors) - Counter(before.descriptors)
    leaks += [Leak("descriptor", name) for name in opened.elements()]
    leaks += [Leak("child process", name) for name in after.children if name not in before.children]
    return [leak for leak in leaks if not kinds or leak.kind in kinds]


def told(leaks: Iterable[Leak], most: int = 5) -> str:
    """Some leaks in one line, equal ones counted, the rest as a number."""
    counted = Counter(str(leak) for leak in leaks).most_common()
    lines = [f"{times} × {name}" if times > 1 else name for name, times in counted[:most]]
    more = sum(times for _, times in counted[most:])
    return "; ".join(lines) + (f"; and {more} more" if more else "")


def _new(before: Iterable[Any], after: Iterable[Any]) -> list[Any]:
    known = {id(one) for one in before}
    return [one for one in after if id(one) not in known]


# What there is.


def tasks() -> list[asyncio.Task[Any]]:
    """The unfinished tasks of the running loop, without this one and without those of this package."""
    current = asyncio.current_task()
    found = [task for task in asyncio.all_tasks() if task is not current and not _is_ours(_code(task.get_coro()))]
    return sorted(found, key=lambda task: task.get_name())


def generators() -> list[AsyncGeneratorType[Any, Any]]:
    """The asynchronous generators of the running loop that began and neither ended nor were closed."""
    begun = getattr(asyncio.get_running_loop(), "_asyncgens", ())  # asyncio has no public way to ask
    found = [g for g in begun if g.ag_frame is not None and not g.ag_running and not _is_ours(g.ag_code)]
    return sorted(found, key=lambda generator: generator.__qualname__)


def threads() -> list[threading.Thread]:
    """The living threads, without the main one, this package's own, and those that a pool keeps for later."""
    return [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread()
        and thread is not threading.current_thread()
        and not thread.name.startswith("asgi-conformance")
        and not _waits_for_work(thread)
    ]


def descriptors() -> list[str]:
    """What the open descriptors point to, as the system tells; nothing where it does not tell."""
    folder = next((path for path in DESCRIPTORS if path.is_dir()), None)
    found = []
    for path in sorted(folder.iterdir()) if folder is not None else ():
        try:
            found.append(str(path.readlink()))
        except OSError:  # the one that listed the folder is gone by now
            continue
    return found


def children() -> list[str]:
    """The process ids of the child processes, as the system tells; nothing where it does not tell."""
    found: list[str] = []
    for task in CHILDREN.iterdir() if CHILDREN.is_dir() else ():
        try:
            found += (task / "children").read_text(encoding="ascii").split()
        except OSError:  # the thread is gone, or the kernel does not tell
            continue
    return sorted(found)


# How it is called.


def task_leak(task: asyncio.Task[Any]) -> Leak:
    """A task by its coroutine, with the place where it is suspended."""
    awaitable: Any = task.get_coro()
    name = getattr(awaitable, "__qualname__", type(awaitable).__qualname__)
    frames = []
    while awaitable is not None:
        frames.append(_frame(awaitable))
        awaitable = _awaited(awaitable)
    return Leak("task", name, _place(frames))


def generator_leak(generator: AsyncGeneratorType[Any, Any]) -> Leak:
    """An asynchronous generator by its function, with the place where it is suspended."""
    return Leak("asynchronous generator", generator.__qualname__, _place([generator.ag_frame]))


def thread_leak(thread: threading.Thread) -> Leak:
    """A thread by its name, with the place where it is."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the documented way to look at threads
    stack: list[FrameType | None] = []
    while frame is not None:
        stack.append(frame)
        frame = frame.f_back
    return Leak("thread", thread.name, _place(stack[::-1]))


def _place(frames: list[FrameType | None]) -> str:
    """The innermost of the frames, given from the outside in, whose code is somebody's own."""
    known = [frame for frame in frames if frame is not None]
    own = [frame for frame in known if not frame.f_code.co_filename.startswith((LIBRARY, "<frozen"))]
    own = [frame for frame in known if "site-packages" not in frame.f_code.co_filename and frame in own] or own or known
    if not own:
        return ""
    frame = own[-1]
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} in {frame.f_code.co_name}"


def _frame(awaitable: Any) -> FrameType | None:
    for name in ("cr_frame", "ag_frame", "gi_frame"):
        if (frame := getattr(awaitable, name, None)) is not None:
            return frame  # type: ignore[no-any-return]
    return None


def _awaited(awaitable: Any) -> Any:
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        if (inner := getattr(awaitable, name, None)) is not None:
            return inner
    return None


def _code(awaitable: Any) -> CodeType | None:
    """The code of a coroutine; of an object that only behaves like one, that of its class."""
    for name in ("cr_code", "ag_code", "gi_code"):
        if (code := getattr(awaitable, name, None)) is not None:
            return code  # type: ignore[no-any-return]
    return getattr(getattr(type(awaitable), "send", None), "__code__", None)


def _is_ours(code: CodeType | None) -> bool:
    """Whether the code is this package's; fixture apps and suites may lie inside it, and are not meant."""
    if code is None or not code.co_filename.startswith(HERE):
        return False
    return not code.co_filename[len(HERE) :].startswith(("fixtures", "suites"))


def _waits_for_work(thread: threading.Thread) -> bool:
    """Whether the thread is a pool's worker without a call: of `concurrent.futures`, or of AnyIO."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - as above
    if frame is None:
        return True
    if type(thread).__module__.startswith("anyio."):
        return _stack_names(frame)[:1] == ["wait"] and "run" in _stack_names(frame)[:4]
    code = frame.f_code
    return code.co_name == "_worker" and Path(code.co_filename).parent.name == "futures"


def _stack_names(frame: FrameType | None) -> list[str]:
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names
