"""What one layer costs: none, pure ASGI, ``@app.middleware``, ``BaseHTTPMiddleware``.

pytest-benchmark times one style after the other, so that its differences of a few percent are noise. What can be
compared is beside it in ``extra_info``: ratios of batches that were timed in turn, in several processes, with their
interval. ``asgi-conformance bench`` measures the same with more styles, layers and loops.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from asgi_conformance import catalogue
from asgi_conformance.bench import stats
from asgi_conformance.bench.analysis import Rules, by_group, group_record
from asgi_conformance.bench.floor import WARM_UP, Floor
from asgi_conformance.bench.processes import Sampling, sample_in_processes
from asgi_conformance.bench.scenarios import Group, Variant
from asgi_conformance.loading import AppRef, load

BATCH = 50  # requests a round, so that starting the loop is a small part of it
ROUNDS = 200  # as many as a small JSON file has room for
KEPT = ("benchmark_json", "benchmark_save", "benchmark_autosave")  # options that keep what is in extra_info
STYLES = ("none", "pure-asgi", "decorator", "base-http")


@pytest.fixture(scope="module")
def paired() -> dict[str, Any]:
    """Each style against none, in shuffled rounds of small batches, in four processes."""
    apps = {style: _app(style) for style in STYLES}
    again = Variant("none, again", apps["none"])
    group = Group("one layer", (Variant("none", apps["none"]), again, *(Variant(s, apps[s]) for s in STYLES[1:])))
    samples = by_group(sample_in_processes([group], Sampling(processes=4, seconds=0.5, at_once=2)))[0]
    return group_record(group, samples, Rules())


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop for one benchmark."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.mark.benchmark(group="one layer", disable_gc=True)
@pytest.mark.parametrize("style", STYLES)
def test_cost_of_one_layer(style: str, request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> None:
    """Time a batch of requests to the same small route behind one layer of each style."""
    # Its name depends on whether it was loaded by its entry point or by -p.
    if not any(map(request.config.pluginmanager.has_plugin, ("benchmark", "pytest_benchmark.plugin"))):
        pytest.skip("needs pytest-benchmark: pip install 'asgi-conformance[bench]'")
    benchmark = request.getfixturevalue("benchmark")
    floor = Floor(load(_app(style)))
    # The first request builds the stack, in milliseconds; a calibration that sees it would time next to nothing.
    loop.run_until_complete(floor.check())
    loop.run_until_complete(floor.batch(WARM_UP))
    benchmark.extra_info["requests_per_round"] = BATCH
    if benchmark.enabled and any(request.config.getoption(name) for name in KEPT):
        benchmark.extra_info |= _told(request.getfixturevalue("paired"), style)
    benchmark.pedantic(lambda: loop.run_until_complete(floor.batch(BATCH)), rounds=ROUNDS, iterations=1)


def _app(style: str) -> AppRef:
    target = catalogue.load_patterns()[f"throughput.{style}"]
    if target.app is None:
        raise LookupError(f"{target.name} cannot be loaded")
    return target.app


def _told(record: dict[str, Any], style: str) -> dict[str, Any]:
    """What the paired measurement says about one style, in a few numbers."""
    control = record["control"]
    told = {"control": [round(control[key], 5) for key in ("ratio", "low", "high")], "reliable": control["passed"]}
    variant = next(one for one in record["variants"] if one["name"] == style)
    if "cpu" not in variant:
        return {"paired": told}
    cpu = variant["cpu"]
    return {
        "paired": told
        | {
            "against": record["reference"],
            "ratio": round(cpu["ratio"], 4),
            "low": round(cpu["low"], 4),
            "high": round(cpu["high"], 4),
            "verdict": stats.Comparison(variant["verdict"]).value,
            "pairs": cpu["pairs"],
        }
    }
