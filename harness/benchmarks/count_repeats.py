"""Ten thousand comparisons of a cost vector with itself, and one with a layer more.

``python harness/benchmarks/count_repeats.py [--repeats N] [--processes P]``: in each process, with a hash seed of its
own, one application after the other is counted again and again; every vector has to be the first one's.
"""

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from asgi_conformance.bench.counters import REPEATS, Counting
from asgi_conformance.bench.gate import Baseline, judge, python_version
from asgi_conformance.bench.scenarios import STACKS, WORKLOADS
from asgi_conformance.loading import AppRef, load

VARIANTS = (
    ("raw", "none", 0, "plain"),
    ("starlette", "pure-asgi", 2, "plain"),
    ("fastapi", "none", 0, "plain"),
    ("fastapi", "base-http", 1, "plain"),
    ("fastapi", "none", 0, "stream"),
)


def vectors(repeats: int) -> dict[str, Any]:
    """How many of so many repeats differ from the first, by variant; and whether one more layer was seen."""
    make: Any = load(AppRef(STACKS))
    told: dict[str, Any] = {"compared": 0, "alarms": 0, "missed": 0, "first": {}}
    with Counting() as counting:
        for framework, style, layers, workload in VARIANTS:
            name = f"{framework} {style} {layers} {workload}"

            def counted(style: str, layers: int, warm_up: int, framework: str = framework, workload: str = workload):  # type: ignore[no-untyped-def]
                app = make(framework, style, layers)
                return counting.run(counting.vector(app, WORKLOADS[workload], warm_up=warm_up))

            first = counted(style, layers, 50)
            baseline = Baseline({name: first}, python_version(), {})
            told["first"][name] = first.counts
            for _ in range(repeats // len(VARIANTS) // REPEATS):
                found = judge({name: counted(style, layers, 2)}, baseline, {})
                told["compared"] += REPEATS  # each is counted so many times, and unstable if they differ
                told["alarms"] += bool(found.regressions or found.improvements or found.unstable)
            more = judge({name: counted("no-op" if style == "none" else style, layers + 1, 20)}, baseline, {})
            told["missed"] += not more.regressions
    return told


def main() -> None:
    """Run the processes, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=10)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(vectors(options.repeats)))
        return
    total: dict[str, int] = {"compared": 0, "alarms": 0, "missed": 0}
    firsts = []
    for seed in range(options.processes):
        command = [sys.executable, __file__, "--here", "--repeats", str(options.repeats // options.processes)]
        environment = os.environ | {"PYTHONHASHSEED": str(seed + 1)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
        found = json.loads(done.stdout)
        firsts.append(found.pop("first"))
        total = {key: total[key] + found[key] for key in total}
        same = sum(one == firsts[0] for one in firsts)
        print(f"seed {seed + 1}: {total}, {same} of {len(firsts)} processes alike", flush=True)


if __name__ == "__main__":
    main()
