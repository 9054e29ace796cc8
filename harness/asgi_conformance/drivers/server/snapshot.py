"""A snapshot of what a server process holds, to be compared with a later one."""

import asyncio
import os
import threading
from dataclasses import dataclass
from types import CodeType
from typing import Any

from asgi_conformance.drivers.server import lifeline


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task that has not ended: its name, its coroutine function, and where that is defined (``file:line``)."""

    name: str
    function: str
    where: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a process holds at one moment.

    Args:
        tasks: the tasks of the application's loop.
        threads: the names of the running threads, without the harness's own.
        descriptors: how many file descriptors are open; -1 where that cannot be told.
        calls: how many calls of the application have not ended, the lifespan's included.
    """

    tasks: tuple[TaskInfo, ...]
    threads: tuple[str, ...]
    descriptors: int
    calls: int

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> "Snapshot":
        """The snapshot that :func:`take` described."""
        tasks = tuple(TaskInfo(*task) for task in event["tasks"])
        return cls(tasks, tuple(event["threads"]), event["descriptors"], event["calls"])


def take(loop: asyncio.AbstractEventLoop | None, calls: int) -> dict[str, Any]:
    """The facts of a :class:`Snapshot` of this process, as plain data."""
    tasks = asyncio.all_tasks(loop) if loop is not None else set()
    return {
        "tasks": sorted([task.get_name(), *_origin(task)] for task in tasks),
        "threads": sorted(thread.name for thread in threading.enumerate() if thread.name != lifeline.THREAD),
        "descriptors": _open_descriptors(),
        "calls": calls,
    }


def _origin(task: asyncio.Task[Any]) -> tuple[str, str]:
    coroutine = task.get_coro()
    name = getattr(coroutine, "__qualname__", type(coroutine).__name__)
    code = getattr(coroutine, "cr_code", None)
    return name, f"{code.co_filename}:{code.co_firstlineno}" if isinstance(code, CodeType) else ""


def _open_descriptors() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder)) - 1  # noqa: PTH208 - one of them is the listing itself
        except OSError:
            continue
    return -1
