"""What there is at one moment: tasks, asynchronous generators, threads, descriptors and child processes."""

import asyncio
import gc
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import AsyncGeneratorType, CodeType, FrameType
from typing import Any

from asgi_conformance.leaks.leak import Leak, is_ours, place_of
from asgi_conformance.leaks.origins import Origins, began

DESCRIPTORS = (Path("/proc/self/fd"), Path("/dev/fd"))
CHILDREN = Path("/proc/self/task")


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


def growth(before: Snapshot, *kinds: str, collect: bool = True, origins: Origins | None = None) -> list[Leak]:
    """What has come since `before` and is still there, of these kinds (of all, where none is given).

    Garbage is collected before anything is called a leak, unless `collect` is false: that takes a while.
    """
    leaks = _since(before, snapshot(), kinds, origins)
    if leaks and collect:
        gc.collect()
        leaks = _since(before, snapshot(), kinds, origins)
    return leaks


def _since(before: Snapshot, after: Snapshot, kinds: tuple[str, ...], origins: Origins | None) -> list[Leak]:
    leaks = [task_leak(task, origins) for task in _new(before.tasks, after.tasks) if not task.done()]
    leaks += [generator_leak(generator) for generator in _new(before.generators, after.generators)]
    leaks += [thread_leak(thread, origins) for thread in _new(before.threads, after.threads) if thread.is_alive()]
    opened = Counter(after.descriptors) - Counter(before.descriptors)
    leaks += [Leak("descriptor", name) for name in opened.elements()]
    leaks += [Leak("child process", name) for name in after.children if name not in before.children]
    return [leak for leak in leaks if not kinds or leak.kind in kinds]


def _new(before: Iterable[Any], after: Iterable[Any]) -> list[Any]:
    known = {id(one) for one in before}
    return [one for one in after if id(one) not in known]


# What there is.


def tasks() -> list[asyncio.Task[Any]]:
    """The unfinished tasks of the running loop, without this one and without those of this package."""
    current = asyncio.current_task()
    found = [task for task in asyncio.all_tasks() if task is not current and not is_ours(_code(task.get_coro()))]
    return sorted(found, key=lambda task: task.get_name())


def generators() -> list[AsyncGeneratorType[Any, Any]]:
    """The asynchronous generators of the running loop that began and neither ended nor were closed."""
    begun = getattr(asyncio.get_running_loop(), "_asyncgens", ())  # asyncio has no public way to ask
    found = [g for g in begun if g.ag_frame is not None and not g.ag_running and not is_ours(g.ag_code)]
    return sorted(found, key=lambda generator: generator.__qualname__)


def threads() -> list[threading.Thread]:
    """The living threads, without the main one, this package's own, and those that a pool keeps for later."""
    return [thread for thread in living_threads() if not _waits_for_work(thread)]


def living_threads() -> list[threading.Thread]:
    """The living threads, without the main one and this package's own."""
    return [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread()
        and thread is not threading.current_thread()
        and not thread.name.startswith("asgi-conformance")
    ]


def descriptors() -> list[str]:
    """What the open descriptors point to, as the system tells; nothing where it does not tell."""
    return [target for _, target in numbered_descriptors()]


def numbered_descriptors() -> list[tuple[int, str]]:
    """The same, with the numbers of the descriptors."""
    folder = next((path for path in DESCRIPTORS if path.is_dir()), None)
    found = []
    for path in sorted(folder.iterdir()) if folder is not None else ():
        try:
            found.append((int(path.name), str(path.readlink())))
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


def task_leak(task: asyncio.Task[Any], origins: Origins | None = None) -> Leak:
    """A task by its coroutine, with the place where it is suspended."""
    awaitable: Any = task.get_coro()
    name = getattr(awaitable, "__qualname__", type(awaitable).__qualname__)
    return Leak("task", name, place_of(_suspended(awaitable)), origins.of_task(task) if origins else "")


def generator_leak(generator: AsyncGeneratorType[Any, Any]) -> Leak:
    """An asynchronous generator by its function, with the place where it is suspended."""
    return Leak("asynchronous generator", generator.__qualname__, place_of([generator.ag_frame]))


def thread_leak(thread: threading.Thread, origins: Origins | None = None) -> Leak:
    """A thread by its name, with the place where it is."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the documented way to look at threads
    stack: list[FrameType | None] = []
    while frame is not None:
        stack.append(frame)
        frame = frame.f_back
    return Leak("thread", thread.name, place_of(stack[::-1]), origins.of_thread(thread) if origins else "")


def descriptor_leak(number: int, target: str, origins: Origins | None = None) -> Leak:
    """A descriptor by what it points to."""
    return Leak("descriptor", target, made=origins.of_descriptor(number, target) if origins else "")


def child_leak(pid: str, origins: Origins | None = None) -> Leak:
    """A child process by the command that it runs, or by its state when it has ended and nobody asked."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        command = ""
    name = f"{pid} ({command[:60]})" if command else f"{pid} (ended, and nobody has asked how)"
    return Leak("child process", name, made=origins.of_process(began(pid)) if origins else "")


def waits_at(awaitable: Any) -> str:
    """The place in somebody's own code at which a coroutine is suspended."""
    return place_of(_suspended(awaitable))


def _suspended(awaitable: Any) -> list[FrameType | None]:
    frames = []
    while awaitable is not None:
        frames.append(_frame(awaitable))
        awaitable = _awaited(awaitable)
    return frames


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


def _waits_for_work(thread: threading.Thread) -> bool:
    """Whether the thread is a pool's worker without a call: of `concurrent.futures`, or of AnyIO."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - as above
    if frame is None:
        return True
    if type(thread).__module__.startswith("anyio."):
        # AnyIO's own list says it a moment before the thread is back at its queue.
        if thread in getattr(thread, "idle_workers", ()):
            return True
        return _stack_names(frame)[:1] == ["wait"] and "run" in _stack_names(frame)[:4]
    code = frame.f_code
    return code.co_name == "_worker" and Path(code.co_filename).parent.name == "futures"


def _stack_names(frame: FrameType | None) -> list[str]:
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names
