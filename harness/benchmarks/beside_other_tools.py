"""The same pair of applications, compared by us, by pytest-benchmark and by pyperf, again and again.

``python harness/benchmarks/beside_other_tools.py [--runs N] [--step PERCENT]``. Without a step the two are identical,
and whoever calls them different is wrong. pytest-benchmark has no rule of its own: five percent between medians, which
is what people write, and one percent are shown. pyperf has ``compare_to``. Each tool has its own defaults, and about
the same time.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aa_control import group, turns_for

from asgi_conformance.bench import stats
from asgi_conformance.bench.processes import Sampling, sample_in_processes
from asgi_conformance.bench.stats import Comparison

HERE = Path(__file__).resolve().parent

PYTEST = """
import asyncio, sys
import pytest
sys.path.insert(0, {here!r})
from aa_control import build
from asgi_conformance.bench.floor import Floor

@pytest.mark.parametrize("turns", [0, {turns}], ids=["a", "b"])
def test_pair(benchmark, turns):
    loop, floor = asyncio.new_event_loop(), Floor(build(int(turns)))
    {warm}
    benchmark(lambda: loop.run_until_complete(floor.batch(1)))
    loop.close()
"""
WARM = "loop.run_until_complete(floor.batch(500))"

PYPERF = """
import sys
sys.path.insert(0, {here!r})
import pyperf
from aa_control import build
from asgi_conformance.bench.floor import Floor

async def once(floor):
    await floor.batch(1)

floor = Floor(build({turns}))
pyperf.Runner().bench_async_func("request", once, floor)
"""


def ours(turns: int, folder: Path, number: int) -> tuple[float, bool]:
    """Six processes, ten seconds."""
    found = [one[0] for one in sample_in_processes([group(1, turns)], Sampling(6, 10 / 6, 1, number))]

    def estimated(one: int, other: int) -> stats.Estimate:
        return stats.estimate([stats.log_ratios(part["cpu"][one], part["cpu"][other]) for part in found])

    pair = estimated(3, 2)
    verdict = stats.compare(pair, estimated(1, 0), threshold=0.0025)
    return pair.ratio, verdict in {Comparison.FASTER, Comparison.SLOWER}


def pytest_benchmark(warm: str) -> Callable[[int, Path, int], tuple[float, bool]]:
    """One run of pytest with both; different is: medians more than five percent apart."""

    def tool(turns: int, folder: Path, number: int) -> tuple[float, bool]:
        path, result = folder / f"test_{number}.py", folder / f"{number}.json"
        path.write_text(PYTEST.format(here=str(HERE), turns=turns, warm=warm))
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            os.devnull,
            "--rootdir",
            str(folder),
            "-p",
            "no:cacheprovider",
        ]
        command += ["-p", "pytest_benchmark.plugin", "--benchmark-json", str(result), str(path)]
        environment = kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        subprocess.run(command, env=environment, cwd=folder, capture_output=True, check=True)  # noqa: S603
        first, second = json.loads(result.read_text())["benchmarks"]
        ratio = second["stats"]["median"] / first["stats"]["median"]
        return ratio, abs(ratio - 1) > 0.05

    return tool


def pyperf(turns: int, folder: Path, number: int) -> tuple[float, bool]:
    """Two benchmarks, one after the other, and what ``compare_to`` says."""
    results = []
    for name, many in (("a", 0), ("b", turns)):
        script, result = folder / f"perf_{number}{name}.py", folder / f"{number}{name}.json"
        script.write_text(PYPERF.format(here=str(HERE), turns=many))
        command = [sys.executable, str(script), "--processes", "6", "-o", str(result), "-q"]
        subprocess.run(command, capture_output=True, check=True)  # noqa: S603
        results.append(str(result))
    command = [sys.executable, "-m", "pyperf", "compare_to", *results]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    means = [
        stats.median(
            [v for run in json.loads(Path(r).read_text())["benchmarks"][0]["runs"] for v in run.get("values", [])]
        )
        for r in results
    ]
    return means[1] / means[0], "slower" in told or "faster" in told


def main() -> None:
    """Run every tool in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--step", type=float, default=0.0, help="percent")
    options = parser.parse_args()
    turns = turns_for(options.step)
    tools: dict[str, Callable[[int, Path, int], tuple[float, bool]]] = {
        "asgi-conformance": ours,
        "pytest-benchmark": pytest_benchmark("pass"),
        "pytest-benchmark, warmed by hand": pytest_benchmark(WARM),
        "pyperf": pyperf,
    }
    ratios: dict[str, list[float]] = {name: [] for name in tools}
    called = dict.fromkeys(tools, 0)
    spent = dict.fromkeys(tools, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.runs):
            for name, tool in tools.items():
                begun = time.monotonic()
                ratio, different = tool(turns, Path(folder), number)
                spent[name] += time.monotonic() - begun
                ratios[name].append(ratio)
                called[name] += different
            print(f"run {number + 1}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    print(f"a step of {options.step} %, {options.runs} runs, load {os.getloadavg()[0]:.1f} at the end\n")
    print("| tool | median ratio | spread of the ratio | worst | apart by more than 1 % | called different | s a run |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, found in ratios.items():
        logs = [math.log(ratio) for ratio in found]
        mean = sum(logs) / len(logs)
        spread = math.sqrt(sum((value - mean) ** 2 for value in logs) / max(1, len(logs) - 1))
        worst = max(found, key=lambda ratio: abs(math.log(ratio)))
        apart = sum(abs(ratio - 1) > 0.01 for ratio in found)
        print(
            f"| {name} | {stats.median(found):.4f} | {spread:.2%} | {worst:.3f} | {apart} | {called[name]} "
            f"| {spent[name] / options.runs:.1f} |"
        )


if __name__ == "__main__":
    main()
