"""What becomes more each time that something is done, told apart from what is held by design."""

import asyncio
import gc
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import GeneratorType
from typing import Any

from asgi_conformance.leaks.leak import Leak, is_library, is_ours, place_of, told_line
from asgi_conformance.leaks.origins import Origins
from asgi_conformance.leaks.snapshot import (
    child_leak,
    children,
    descriptor_leak,
    generator_leak,
    generators,
    living_threads,
    numbered_descriptors,
    task_leak,
    tasks,
    thread_leak,
    threads,
)

ROUNDS = 4  # so often is it done before anything is suspected
CONFIRMED = 16  # and so often before anything is said: a pool that fills up one by one has had its time
TURNS = 10
PATIENCE = 5.0  # seconds of the loop's clock for what was told to end,
REAL = 1.0  # and real ones, where the two are the same
JOIN = 0.5  # real seconds for all threads that were told to end

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are of each kind and origin, with one of them as an example."""

    counts: Counter[Key]
    examples: dict[Key, Leak]


async def growing(
    once: Callable[[], Awaitable[object]],
    *kinds: str,
    origins: Origins | None = None,
    rounds: int = ROUNDS,
    confirmed: int = CONFIRMED,
) -> list[Leak]:
    """What becomes more with every time that `once` is done, each as often as there are more of it.

    It is done once before anything is counted, for what is made at the first time and kept on purpose. What has
    become more by one at least each time is suspected, given time to go, and told if it still grows like that
    after many more times.

    Args:
        once: what to do; what it raises is passed on.
        kinds: kinds of leaks to look for; all, where none is given.
        origins: tells where things are made, and keeps apart what is made at different places.
        rounds: how often it is done before anything is suspected.
        confirmed: how often in all before anything is told.
    """
    await once()
    await _turns()
    before = tally(origins, *kinds)
    for _ in range(rounds):
        await once()
    await _turns()
    if not _more(before, tally(origins, *kinds), rounds):
        return []
    await _time_to_go()
    if not _more(before, tally(origins, *kinds), rounds):
        return []
    for _ in range(confirmed - rounds):
        await once()
    await _time_to_go()
    return _more(before, tally(origins, *kinds), confirmed)


def _more(before: Tally, after: Tally, times: int) -> list[Leak]:
    found = []
    for key, count in sorted(after.counts.items()):
        grown = count - before.counts[key]
        if grown >= times:
            found += [after.examples[key]] * grown
    return found


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _join(thread: threading.Thread, within: float) -> None:
    if thread is not threading.current_thread():  # a pool's worker, which now waits for itself
        thread.join(within)


async def _time_to_go() -> None:
    before = threads()
    for thread in before[-64:]:
        await asyncio.to_thread(_join, thread, JOIN / len(before))
    gc.collect()
    enough = time.monotonic() + REAL
    for _ in range(10):
        if time.monotonic() < enough:
            await asyncio.sleep(PATIENCE / 10)
    gc.collect()  # tasks that have ended by now may have held something
    await _turns()


def tally(origins: Origins | None = None, *kinds: str) -> Tally:
    """Everything of these kinds that is there now, counted by kind and origin."""
    counts: Counter[Key] = Counter()
    examples: dict[Key, Leak] = {}
    for kind, find in FINDERS.items():
        for leak in find(origins) if not kinds or kind in kinds else ():
            key = (leak.kind, leak.made or leak.place or _general(leak.name))
            counts[key] += 1
            examples.setdefault(key, leak)
    return Tally(counts, examples)


def _general(name: str) -> str:
    """A name without what tells apart things of the same sort: numbers, and the last part of a path."""
    if name.startswith("/"):
        name = str(Path(name).parent)
    return re.sub(r"\d+", "N", name)


# What there is, by kind.


def _tasks(origins: Origins | None) -> list[Leak]:
    return [task_leak(task, origins) for task in tasks() if not task.done()]


def _async_generators(_: Origins | None) -> list[Leak]:
    return [generator_leak(generator) for generator in generators()]


def _generators(_: Origins | None) -> list[Leak]:
    """Generators that began and are suspended: what they hold is held, and a `finally` in them waits."""
    found = []
    for held in gc.get_objects():
        if type(held) is GeneratorType and held.gi_suspended:  # one that has not begun holds only its arguments
            code = held.gi_code
            if not is_library(code.co_filename) and not is_ours(code):
                found.append(Leak("generator", held.__qualname__, place_of([held.gi_frame])))
    return found


def _threads(origins: Origins | None) -> list[Leak]:
    return [thread_leak(thread, origins) for thread in threads() if _queue_of(thread) is None]


def _pools(origins: Origins | None) -> list[Leak]:
    """Pools of `concurrent.futures`, each once: how many workers one has depends on how much there was to do."""
    workers = defaultdict(list)
    for thread in living_threads():
        queue = _queue_of(thread)
        if queue is not None:
            workers[id(queue)].append(thread)
    return [
        Leak("thread pool", found[0].name.rpartition("_")[0], made=origins.of_thread(found[0]) if origins else "")
        for found in workers.values()
    ]


def _queue_of(thread: Any) -> object | None:
    """The queue of the pool whose worker the thread is; None for any other thread."""
    target = getattr(thread, "_target", None)
    if getattr(target, "__module__", "") != "concurrent.futures.thread":
        return None
    arguments: tuple[object, ...] = getattr(thread, "_args", None) or ()
    return arguments[1] if len(arguments) > 1 else None


def _timers(_: Origins | None) -> list[Leak]:
    """Callbacks of `call_later` and `call_at` that are somebody's own, not those that asyncio itself waits with."""
    found = []
    for handle in getattr(asyncio.get_running_loop(), "_scheduled", ()):  # asyncio has no public way to ask
        callback: Any = getattr(handle, "_callback", None)
        while hasattr(callback, "func"):
            callback = callback.func
        code = getattr(getattr(callback, "__func__", callback), "__code__", None)
        if handle.cancelled() or code is None or is_library(code.co_filename) or is_ours(code):
            continue
        place = told_line(code.co_filename, code.co_firstlineno, code.co_name)
        found.append(Leak("timer", code.co_qualname, place))
    return found


def _descriptors(origins: Origins | None) -> list[Leak]:
    return [descriptor_leak(number, target, origins) for number, target in numbered_descriptors()]


def _children(origins: Origins | None) -> list[Leak]:
    return [child_leak(pid, origins) for pid in children()]


def _temporary_files(origins: Origins | None) -> list[Leak]:
    """What was made with the tempfile module and is still there; known only where origins are."""
    made = origins.temporary if origins is not None else {}
    return [Leak("temporary file", path, made=place) for path, place in made.items() if Path(path).exists()]


FINDERS: dict[str, Callable[[Origins | None], list[Leak]]] = {
    "task": _tasks,
    "asynchronous generator": _async_generators,
    "generator": _generators,
    "thread": _threads,
    "thread pool": _pools,
    "timer": _timers,
    "descriptor": _descriptors,
    "temporary file": _temporary_files,
    "child process": _children,
}
