"""Runs the sampler in several fresh processes, each with a hash seed of its own."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgi_conformance import _paths
from asgi_conformance.bench.floor import WrongResponse
from asgi_conformance.bench.sampler import BATCH_NS, sample
from asgi_conformance.bench.scenarios import Group
from asgi_conformance.loading import LoadError

GRACE = 120.0  # seconds beyond the measuring, for importing and warming up, after which a process is given up


class SamplingFailed(Exception):
    """A process did not come to its end; the text says why, for the person who asked for the numbers."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How much is measured.

    Args:
        processes: how many fresh ones; one is one draw.
        seconds: of rounds in each.
        at_once: how many run at a time.
        seed: of the order of the variants and of the hash seeds.
        batch_ns: the length of a batch.
    """

    processes: int = 6
    seconds: float = 3.0
    at_once: int = 1
    seed: int = 1
    batch_ns: int = BATCH_NS


def sample_in_processes(
    groups: Sequence[Group], how: Sampling, tick: Callable[[int], None] = lambda done: None
) -> list[list[dict[str, Any]]]:
    """What :func:`asgi_conformance.bench.sampler.sample` gave, process by process.

    `tick` is told how many have ended. Raises SamplingFailed.
    """
    results: list[list[dict[str, Any]]] = [[] for _ in range(how.processes)]
    waiting = list(range(how.processes))
    running: dict[int, subprocess.Popen[bytes]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.callback(_kill, running)
        deadline = time.monotonic() + how.seconds * 4 + GRACE
        while waiting or running:
            while waiting and len(running) < how.at_once:
                number = waiting.pop(0)
                running[number] = _start(groups, how, number, Path(folder))
                deadline = time.monotonic() + how.seconds * 4 + GRACE
            number = _ended(running, deadline)
            results[number] = _result(running.pop(number), Path(folder) / f"{number}.json")
            tick(how.processes - len(waiting) - len(running))
    return results


def _start(groups: Sequence[Group], how: Sampling, number: int, folder: Path) -> subprocess.Popen[bytes]:
    plan = folder / f"{number}.plan"
    record = {
        "groups": [group.to_json() for group in groups],
        "seconds": how.seconds,
        "seed": how.seed * 1000 + number,
        "batch_ns": how.batch_ns,
        "result": str(folder / f"{number}.json"),
    }
    plan.write_text(json.dumps(record), encoding="utf-8")
    environment = os.environ | {
        "PYTHONHASHSEED": str((how.seed * 7919 + number * 104_729) % 4_294_967_295 + 1),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_paths.PACKAGE.parent), os.environ.get("PYTHONPATH")])),
    }
    command = [sys.executable, "-m", "asgi_conformance.bench.processes", str(plan)]
    with (folder / f"{number}.log").open("wb") as log:
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)  # noqa: S603 - ourselves


def _ended(running: dict[int, subprocess.Popen[bytes]], deadline: float) -> int:
    """The number of a process that has ended; they take about the same time."""
    for number in _forever(running):
        try:
            running[number].wait(0.05 if len(running) > 1 else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                raise SamplingFailed("a measuring process did not come to its end") from None
        else:
            return number
    raise SamplingFailed("no measuring process")


def _forever(running: dict[int, subprocess.Popen[bytes]]) -> Iterator[int]:
    while running:
        yield from list(running)


def _result(process: subprocess.Popen[bytes], path: Path) -> list[dict[str, Any]]:
    log = path.with_suffix(".log")
    if not path.is_file():
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        why = lines[-1] if lines else "it wrote nothing"
        raise SamplingFailed(f"a measuring process ended with exit code {process.returncode}: {why}")
    record = json.loads(path.read_text(encoding="utf-8"))
    if "failed" in record:
        raise SamplingFailed(record["failed"])
    found: list[dict[str, Any]] = record["groups"]
    return found


def _kill(running: dict[int, subprocess.Popen[bytes]]) -> None:
    for process in running.values():
        process.kill()
        process.wait()


def main(plan: Path) -> None:
    """Do what the plan says, and leave the result where it says."""
    record = json.loads(plan.read_text(encoding="utf-8"))
    groups = [Group.from_json(group) for group in record["groups"]]
    try:
        found: dict[str, Any] = {
            "groups": sample(groups, record["seconds"], seed=record["seed"], batch_ns=record["batch_ns"])
        }
    except (LoadError, WrongResponse) as error:
        found = {"failed": str(error)}
    result = Path(record["result"])
    temporary = result.with_suffix(".part")
    temporary.write_text(json.dumps(found), encoding="utf-8")
    temporary.replace(result)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
