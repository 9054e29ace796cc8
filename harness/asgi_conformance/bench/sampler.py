"""Times small batches of many variants in turn, in one process: the raw material of every comparison.

Noise on a shared machine comes in stretches of milliseconds to seconds. Variants that alternate in batches of a
fraction of a millisecond get the same of it, and the ratio of two batches of one round is nearly free of it.
"""

import asyncio
import gc
import importlib
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from asgi_conformance.bench.floor import WARM_UP
from asgi_conformance.bench.scenarios import Group, Variant
from asgi_conformance.drivers.lifespan import Answer, LifespanRun
from asgi_conformance.loading import LoadError, load
from asgi_conformance.protocol.types import ASGIApp

BATCH_NS = 200_000  # smaller ones mean more pairs in the same time
SLICE_NS = 100_000_000  # of one group, before it is another's turn
WARM_NS = 15_000_000  # at most for one variant
LONGEST_NS = 400_000  # a batch that takes longer has its turn in fewer rounds, so that the others have more
STARTUP = 60.0  # seconds

FEWEST, ENOUGH, FINDING_NS = 3, 15, 100_000_000  # turns for finding out what a request costs, and how long for all
ALIKE = 2.0  # so many times as long, or as short, counts as about as long

CLOCKS: dict[str, Callable[[], int]] = {"thread": time.thread_time_ns, "process": time.process_time_ns}


class Caller(Protocol):
    """What calls an application in a batch; see :class:`asgi_conformance.bench.floor.Floor`."""

    async def open(self) -> None:
        """Make ready, on the loop that the batches run on."""

    async def close(self) -> None:
        """Give everything back."""

    async def batch(self, requests: int) -> None:
        """Make that many requests."""

    async def check(self) -> object:
        """Make one request, and raise if the response is not the expected one."""


@dataclass(slots=True)
class Entry:
    """A variant that is ready to be timed, and what was measured: nanoseconds a request, round by round.

    A round in which it had no turn is None.
    """

    variant: Variant
    caller: Caller
    cost_ns: int = 1  # of one request
    requests: int = 1  # in a batch
    every: int = 1  # rounds
    cpu: list[float | None] = field(default_factory=list)
    wall: list[float | None] = field(default_factory=list)


class GroupRun:
    """One group on a loop of its own: `begin`, any number of `rounds`, `end`, `close`."""

    def __init__(self, group: Group, *, seed: int, batch_ns: int = BATCH_NS) -> None:
        self.group = group
        self.entries: list[Entry] = []
        self.at: list[float] = []  # when each round began: seconds of the clock of all processes
        self._batch_ns = batch_ns
        self._order = random.Random(seed)  # noqa: S311 - an order, not a secret
        self._clock = CLOCKS[group.clock]
        self._loop = new_loop(group.loop)
        self._lifespans: list[LifespanRun] = []

    def begin(self) -> None:
        """Load, warm up, look at the responses, and find out how many requests make a batch.

        Raises LoadError when an application cannot be loaded or started, WrongResponse when it answers otherwise
        than the workload expects.
        """
        self._loop.run_until_complete(self._begin())

    async def _begin(self) -> None:
        loaded: dict[str, tuple[ASGIApp, dict[str, Any] | None]] = {}
        for variant in self.group.variants:
            app, state = await self._application(variant, loaded)
            caller = _named(variant.caller)(app, self.group.workload, spec_version=self.group.spec_version, state=state)
            entry = Entry(variant, caller)
            await caller.open()
            await caller.check()
            await self._warm(entry)
            self.entries.append(entry)
        await self._find_costs()
        self._size_batches()

    async def _application(
        self, variant: Variant, loaded: dict[str, tuple[ASGIApp, dict[str, Any] | None]]
    ) -> tuple[ASGIApp, dict[str, Any] | None]:
        """A fresh one of those that we make; one and the same of those that a user has."""
        if variant.arguments is not None:
            made: Any = load(variant.app)
            return made(**variant.arguments), None
        if variant.app.app not in loaded:
            app = load(variant.app)
            loaded[variant.app.app] = app, await self._started(app, variant.app.app)
        return loaded[variant.app.app]

    async def _started(self, app: ASGIApp, name: str) -> dict[str, Any] | None:
        run = LifespanRun(app, state={})
        phase = await run.startup(STARTUP)
        if phase.answer in {Answer.FAILED, Answer.SILENT}:
            raise LoadError(f"the startup of {name} failed: {phase.message.strip() or 'it gave no answer'}")
        if phase.answer is not Answer.COMPLETE:
            await run.call.stop(STARTUP)  # it has no lifespan, which is its right
            return None
        self._lifespans.append(run)
        return run.state

    async def _warm(self, entry: Entry) -> None:
        """Some hundred requests, or as many as there is time for."""
        width = self.group.workload.concurrency
        began, done = time.perf_counter_ns(), 0
        while done < WARM_UP and (not done or time.perf_counter_ns() - began < WARM_NS):
            await entry.caller.batch(width)
            done += width

    async def _find_costs(self) -> None:
        """What a request of each costs, taken in turn, so that a disturbance is not one's alone."""
        width = self.group.workload.concurrency
        costs: list[list[int]] = [[] for _ in self.entries]
        began = time.perf_counter_ns()
        while len(costs[0]) < FEWEST or (len(costs[0]) < ENOUGH and time.perf_counter_ns() - began < FINDING_NS):
            for entry, own in zip(self.entries, costs, strict=True):
                await entry.caller.batch(width)
                first = self._clock()
                await entry.caller.batch(width)
                own.append(self._clock() - first)
        for entry, own in zip(self.entries, costs, strict=True):
            entry.cost_ns = max(min(own) // width, 1)  # of a request that finds everything in place

    def _size_batches(self) -> None:
        """As many requests as fill a batch.

        What takes about as long as the reference has as many requests as the reference: whatever the first of a batch
        has to bear more than the others, its share is the same on both sides.
        """
        width = self.group.workload.concurrency
        bare = self.entries[0].cost_ns
        for number, entry in enumerate(self.entries):
            alike = number == 1 or bare / ALIKE < entry.cost_ns < bare * ALIKE
            cost = bare if alike else entry.cost_ns
            entry.requests = max(1, round(self._batch_ns / cost / width)) * width
            # Powers of two, so that any two variants meet in the rounds of the rarer one.
            entry.every = 2 ** max(0, round(math.log2(entry.requests * cost / LONGEST_NS)))
        for entry in self.entries[:2]:
            entry.every = 1  # what the others are compared with has a turn in every round

    def rounds(self, until_ns: int) -> int:
        """Rounds until that time of ``perf_counter_ns``, at least one; how many."""
        gc.collect()
        gc.disable()
        try:
            return self._loop.run_until_complete(self._rounds(until_ns))
        finally:
            gc.enable()

    async def _rounds(self, until_ns: int) -> int:
        order = list(self.entries)
        now, clock, width = time.perf_counter_ns, self._clock, self.group.workload.concurrency
        done = 0
        while not done or now() < until_ns:
            number = len(self.at)
            self.at.append(time.monotonic())
            self._order.shuffle(order)
            for entry in order:
                if number % entry.every:
                    entry.cpu.append(None)
                    entry.wall.append(None)
                    continue
                requests = entry.requests
                # The caches are another variant's. Without a request that does not count, a batch of one would be
                # dearer by half than a batch of five, and what is cheap would be compared with what is cold.
                await entry.caller.batch(width)
                wall, cpu = now(), clock()
                await entry.caller.batch(requests)
                cpu, wall = clock() - cpu, now() - wall
                entry.cpu.append(max(cpu, 1) / requests)
                entry.wall.append(max(wall, 1) / requests)
                await asyncio.sleep(0)  # what a batch left behind is not the next one's
            done += 1
        return done

    def forget(self) -> None:
        """Drop what was measured so far: the first rounds are warm-up too."""
        self.at.clear()
        for entry in self.entries:
            entry.cpu.clear()
            entry.wall.clear()

    def end(self) -> None:
        """Look at the responses once more, and stop the applications."""
        self._loop.run_until_complete(self._end())

    def close(self) -> None:
        """Close the loop, however it went."""
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _end(self) -> None:
        for entry in self.entries:
            await entry.caller.check()
            await entry.caller.close()
        for run in self._lifespans:
            await run.shutdown(STARTUP)
            await run.call.stop(STARTUP)


def sample(groups: Sequence[Group], seconds: float, *, seed: int, batch_ns: int = BATCH_NS) -> list[dict[str, Any]]:
    """Time all groups for about so many seconds in this process; see :func:`record` for what comes back."""
    runs = [GroupRun(group, seed=seed + number, batch_ns=batch_ns) for number, group in enumerate(groups)]
    try:
        for run in runs:
            run.begin()
        gc.collect()
        gc.freeze()
        for run in runs:
            run.rounds(0)
            run.forget()
        until = time.perf_counter_ns() + round(seconds * 1e9)
        while time.perf_counter_ns() < until:
            for run in runs:
                run.rounds(min(until, time.perf_counter_ns() + round(SLICE_NS * run.group.share)))
        for run in runs:
            run.end()
        return [record(run) for run in runs]
    finally:
        gc.unfreeze()
        for run in runs:
            run.close()


def record(run: GroupRun) -> dict[str, Any]:
    """What was measured: for each variant nanoseconds a request, of CPU and of the wall, one number or None a round."""
    return {
        "group": run.group.name,
        "at": [round(at, 4) for at in run.at],
        "requests": [entry.requests for entry in run.entries],
        "cpu": [_rounded(entry.cpu) for entry in run.entries],
        "wall": [_rounded(entry.wall) for entry in run.entries],
    }


def _rounded(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else round(value, 1) for value in values]


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    """A new event loop of that kind. Raises LoadError where uvloop is missing."""
    if name == "asyncio":
        return asyncio.SelectorEventLoop()
    try:
        uvloop: Any = importlib.import_module("uvloop")
    except ModuleNotFoundError:
        raise LoadError("the loop uvloop is not installed: pip install 'asgi-conformance[servers]'") from None
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _named(import_string: str) -> Any:
    module, _, name = import_string.partition(":")
    return getattr(importlib.import_module(module), name)
