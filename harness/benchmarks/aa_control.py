"""How often identical code is called different, and how often a step of known size is found.

``python harness/benchmarks/aa_control.py [--comparisons N] [--step PERCENT] [--seconds S] …``; load the machine
meanwhile to see whether that matters. Many comparisons share a run: each has its own two applications, and all are
timed in the same rounds of the same processes, as the variants of a report are. ``--step`` makes the second of each
two dearer by a counted loop; ``--pairs 1`` is a comparison as ``asgi-conformance bench A B`` makes it.
"""

import argparse
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

from asgi_conformance.bench import stats
from asgi_conformance.bench.processes import Sampling, sample_in_processes
from asgi_conformance.bench.sampler import sample
from asgi_conformance.bench.scenarios import STACKS, Group, Variant
from asgi_conformance.bench.stats import Comparison
from asgi_conformance.loading import AppRef, load
from asgi_conformance.protocol.types import ASGIApp, Receive, Scope, Send

HERE = str(Path(__file__).resolve().parent)


def build(turns: int) -> ASGIApp:
    """A small FastAPI route behind a loop that turns so many times."""
    make: Any = load(AppRef(STACKS))
    inner: ASGIApp = make("fastapi", "none", 0)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(turns):
            pass
        await inner(scope, receive, send)

    return app


def variant(name: str, turns: int) -> Variant:
    """The application above as a variant."""
    return Variant(name, AppRef("aa_control:build", app_dir=HERE), {"turns": turns})


def group(pairs: int, turns: int) -> Group:
    """A reference with its control, and so many pairs more."""
    variants = [variant("reference", 0), variant("again", 0)]
    for number in range(pairs):
        variants += [variant(f"a{number}", 0), variant(f"b{number}", turns)]
    return Group("pairs", tuple(variants))


def turns_for(percent: float) -> int:
    """How many turns make a request dearer by so much, measured here on a step that is easy to see."""
    if not percent:
        return 0
    found = sample([Group("step", (variant("none", 0), variant("again", 0), variant("many", 2000)))], 4.0, seed=1)[0]
    whole = math.exp(stats.median(stats.log_ratios(found["cpu"][2], found["cpu"][0]))) - 1
    return max(1, round(2000 * percent / 100 / whole))


def run(number: int, options: argparse.Namespace, turns: int) -> list[tuple[Comparison, stats.Estimate]]:
    """The verdicts of one run, and their estimates."""
    how = Sampling(options.processes, options.seconds * options.at_once / options.processes, options.at_once, number)
    found = [one[0] for one in sample_in_processes([group(options.pairs, turns)], how)]

    def estimated(one: int, other: int) -> stats.Estimate:
        ratios = [stats.log_ratios(part["cpu"][one], part["cpu"][other]) for part in found]
        return stats.estimate(ratios, confidence=options.confidence)

    control = estimated(1, 0)
    pairs = [estimated(2 + 2 * pair + 1, 2 + 2 * pair) for pair in range(options.pairs)]
    return [(stats.compare(pair, control, threshold=options.threshold), pair) for pair in pairs]


def main() -> None:
    """Run, count, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=40, help="in one run")
    parser.add_argument("--step", type=float, default=0.0, help="percent")
    parser.add_argument("--seconds", type=float, default=20.0, help="of one run")
    parser.add_argument("--processes", type=int, default=6)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--confidence", type=float, default=0.99)
    parser.add_argument("--threshold", type=float, default=0.0025)
    parser.add_argument("--first-seed", type=int, default=1)
    options = parser.parse_args()
    sys.path.insert(0, HERE)
    turns = turns_for(options.step)
    verdicts: list[Comparison] = []
    found: list[stats.Estimate] = []
    begun, load_before = time.monotonic(), os.getloadavg()[0]
    number = options.first_seed
    while len(verdicts) < options.comparisons:
        for verdict, estimate in run(number, options, turns):
            verdicts.append(verdict)
            found.append(estimate)
        number += 1
        alarms = sum(verdict in {Comparison.FASTER, Comparison.SLOWER} for verdict in verdicts)
        print(
            f"{len(verdicts):5} comparisons  called different {alarms} ({alarms / len(verdicts):.2%})  "
            f"interval without 1: {sum(one.excludes_one for one in found)}  "
            f"refused {verdicts.count(Comparison.REFUSED)}  "
            f"median ratio {math.exp(stats.median([one.value for one in found])):.5f}  "
            f"spread {stats.median([abs(one.value) for one in found]) / 0.6745:.4%}  "
            f"half interval {stats.median([one.half for one in found]):.3%}  "
            f"smallest {stats.median([one.smallest for one in found]):.3%}  "
            f"load {load_before:.1f} to {os.getloadavg()[0]:.1f}  {time.monotonic() - begun:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
