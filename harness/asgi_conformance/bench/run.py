"""One benchmark run: what was asked for, measured, counted, and told as one record."""

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from asgi_conformance.bench.analysis import Rules, by_group, chunk_costs, group_record, reliability
from asgi_conformance.bench.counters import CostVector
from asgi_conformance.bench.counting import count_in_process
from asgi_conformance.bench.processes import Sampling, sample_in_processes
from asgi_conformance.bench.sampler import BATCH_NS, CLOCKS
from asgi_conformance.bench.scenarios import Group, framework_group, ladder_group

SCHEMA = 1
KIND = "asgi-conformance bench"
DISTRIBUTIONS = ("fastapi", "starlette", "anyio", "uvloop", "httpx")


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done.

    Args:
        groups: what is compared.
        about: for the heading of the report.
        seconds: of measuring, in all; 0 measures no time.
        sampling: how.
        rules: when a difference is called one.
        counts: whether cost vectors are counted.
        surroundings: whether the clients and the frameworks are measured beside it.
    """

    groups: tuple[Group, ...]
    about: str
    seconds: float
    sampling: Sampling = field(default_factory=Sampling)
    rules: Rules = field(default_factory=Rules)
    counts: bool = True
    surroundings: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """The record of a run, ready for JSON, and the vectors as they are."""

    record: dict[str, Any]
    vectors: Mapping[str, CostVector]


def bench(work: Work, tell: Callable[[str], None] = lambda line: None) -> Done:
    """Do the work; `tell` gets a line now and then. Raises SamplingFailed."""
    begun, load = time.monotonic(), load_now()
    vectors: Mapping[str, CostVector] = {}
    if work.counts:
        tell("counting what one request costs")
        vectors = count_in_process(work.groups)
    groups = [*work.groups, *(_surroundings() if work.surroundings else ())]
    record: dict[str, Any] = {"schema": SCHEMA, "kind": KIND, "about": work.about}
    if work.seconds > 0:
        record |= _timed(work, groups, tell)
    else:
        record |= {"reliable": True, "reason": "Nothing was timed.", "groups": [], "chunks": []}
    record["vectors"] = {name: vector.to_json() for name, vector in vectors.items()}
    record["environment"] = environment(work) | {
        "load_before": load,
        "load_after": load_now(),
        "duration_s": round(time.monotonic() - begun, 1),
    }
    return Done(record, vectors)


def _timed(work: Work, groups: Sequence[Group], tell: Callable[[str], None]) -> dict[str, Any]:
    how = work.sampling
    tell(f"timing {sum(len(group.variants) for group in groups)} variants in {how.processes} processes")
    found = sample_in_processes(groups, how, lambda done: tell(f"{done} of {how.processes} processes"))
    samples = by_group(found)
    controls = len(groups)
    records = [
        group_record(group, one, work.rules, controls=controls) for group, one in zip(groups, samples, strict=True)
    ]
    reliable, reason = reliability(records, load_now(), os.cpu_count() or 1)
    return {
        "reliable": reliable,
        "reason": reason,
        "groups": records,
        "chunks": chunk_costs(groups, samples),
    }


def _surroundings() -> list[Group]:
    """The share of the client and of the framework, wherever the pieces are installed."""
    return [framework_group(), ladder_group()]


def planned(seconds: float, *, processes: int, cores: int | None = None, seed: int = 1) -> Sampling:
    """A sampling that takes about so many seconds of wall time: two processes at a time where there are two cores."""
    at_once = max(1, min(2, cores or os.cpu_count() or 1, processes))
    return Sampling(processes, seconds * at_once / processes, at_once, seed)


def environment(work: Work) -> dict[str, Any]:
    """What a reader has to know to believe the numbers, and to have them again."""
    clock = time.get_clock_info("thread_time")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "versions": versions(),
        "cores": os.cpu_count(),
        "affinity": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "processor": _processor(),
        "clock": f"CPU time of the thread ({clock.implementation}, step {clock.resolution:g} s)",
        "clocks": sorted(CLOCKS),
        "batch_us": BATCH_NS / 1000,
        "gc": "collected before each slice, off while timing",
        "seed": work.sampling.seed,
        "processes": work.sampling.processes,
        "at_once": work.sampling.at_once,
        "seconds_each": round(work.sampling.seconds, 2),
        "confidence": work.rules.confidence,
        "threshold": work.rules.threshold,
        "factor": work.rules.factor,
    }


def versions() -> dict[str, str]:
    """The installed versions of what is measured."""
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def load_now() -> float:
    """How many processes wanted to run over the last minute; 0 where nobody counts."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0


def _processor() -> str:
    """The model, and whether there is a hypervisor under it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    virtual = any(line.startswith("flags") and " hypervisor" in line for line in lines)
    return f"{model or platform.machine()}{', virtual machine' if virtual else ''}"
