"""Counts the cost vectors of many variants in one fresh process with a fixed hash seed."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from asgi_conformance import _paths
from asgi_conformance.bench.counters import CostVector, Counting
from asgi_conformance.bench.floor import Floor, WrongResponse
from asgi_conformance.bench.processes import SamplingFailed
from asgi_conformance.bench.scenarios import Group, Variant
from asgi_conformance.drivers.lifespan import Answer, LifespanRun
from asgi_conformance.loading import LoadError, load
from asgi_conformance.protocol.types import ASGIApp

WITHIN = 300.0  # real seconds
MOST_LAYERS = 2  # counts grow evenly with the layers; two show the slope
WARM_UP = 60  # requests
STARTUP = 60.0  # seconds


def to_count(groups: Sequence[Group]) -> Iterator[tuple[str, Variant, Group]]:
    """What is counted, each thing once: the loop and the clock of a group make no difference to counts."""
    seen = set()
    for group in groups:
        for number, variant in enumerate(group.variants):
            if number == 1 or variant.layers > MOST_LAYERS:  # the control is the first once more
                continue
            name = vector_name(group, variant)
            if name not in seen:
                seen.add(name)
                yield name, variant, group


def vector_name(group: Group, variant: Variant) -> str:
    """The name of a vector: what the application, the request and the scope are."""
    parts = (group.framework, group.workload.name, f"spec {group.spec_version}", variant.name)
    return " · ".join(part for part in parts if part)


def count_in_process(groups: Sequence[Group]) -> dict[str, CostVector]:
    """The vectors of all groups, counted in a process of its own. Raises SamplingFailed."""
    with tempfile.TemporaryDirectory() as folder:
        plan, result = Path(folder) / "plan", Path(folder) / "result"
        plan.write_text(json.dumps([group.to_json() for group in groups]), encoding="utf-8")
        environment = os.environ | {
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_paths.PACKAGE.parent), os.environ.get("PYTHONPATH")])),
        }
        command = [sys.executable, "-m", "asgi_conformance.bench.counting", str(plan), str(result)]
        try:
            done = subprocess.run(  # noqa: S603 - ourselves
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=WITHIN, check=False
            )
        except subprocess.TimeoutExpired:
            raise SamplingFailed(f"counting did not come to its end within {WITHIN:g} s") from None
        if not result.is_file():
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it wrote nothing"]
            raise SamplingFailed(f"the counting process ended with exit code {done.returncode}: {lines[-1]}")
        record = json.loads(result.read_text(encoding="utf-8"))
    if "failed" in record:
        raise SamplingFailed(record["failed"])
    return {name: CostVector.from_json(vector) for name, vector in record["vectors"].items()}


def count(groups: Sequence[Group]) -> dict[str, CostVector]:
    """The vectors of all groups, counted here. Raises LoadError, WrongResponse."""
    with Counting() as counting:
        found: dict[str, CostVector] = counting.run(_count(counting, groups))
    return found


async def _count(counting: Counting, groups: Sequence[Group]) -> dict[str, CostVector]:
    vectors: dict[str, CostVector] = {}
    started: dict[str, tuple[ASGIApp, LifespanRun | None]] = {}
    for name, variant, group in to_count(groups):
        if variant.arguments is not None:
            made: Any = load(variant.app)
            app, run = made(**variant.arguments), None
        else:
            if variant.app.app not in started:
                started[variant.app.app] = await _start(load(variant.app), variant.app.app)
            app, run = started[variant.app.app]
        state = None if run is None else run.state
        await Floor(app, group.workload, spec_version=group.spec_version, state=state).check()
        vectors[name] = await counting.vector(
            app, group.workload, spec_version=group.spec_version, state=state, warm_up=WARM_UP
        )
    for _, run in started.values():
        if run is not None:
            await run.shutdown(STARTUP)
            await run.call.stop(STARTUP)
    return vectors


async def _start(app: ASGIApp, name: str) -> tuple[ASGIApp, LifespanRun | None]:
    run = LifespanRun(app, state={})
    phase = await run.startup(STARTUP)
    if phase.answer in {Answer.FAILED, Answer.SILENT}:
        raise LoadError(f"the startup of {name} failed: {phase.message.strip() or 'it gave no answer'}")
    if phase.answer is Answer.COMPLETE:
        return app, run
    await run.call.stop(STARTUP)  # it has no lifespan, which is its right
    return app, None


def main(plan: Path, result: Path) -> None:
    """Count what the plan says, and leave the result where it says."""
    groups = [Group.from_json(record) for record in json.loads(plan.read_text(encoding="utf-8"))]
    try:
        found: dict[str, Any] = {"vectors": {name: vector.to_json() for name, vector in count(groups).items()}}
    except (LoadError, WrongResponse) as error:
        found = {"failed": str(error)}
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
