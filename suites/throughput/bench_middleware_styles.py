"""What one layer costs: none, pure ASGI, ``@app.middleware``, ``BaseHTTPMiddleware``.

One batch of requests a round, so that starting the loop is a small part of it. The rounds of one style come
after those of another: differences of a few percent are noise here.
"""

import pytest

from asgi_conformance import catalogue
from asgi_conformance.bench.floor import Floor
from asgi_conformance.loading import load

BATCH = 20  # requests a round


@pytest.mark.benchmark(group="one layer", min_rounds=50, max_time=0.5, disable_gc=True)
@pytest.mark.parametrize("style", ["none", "pure-asgi", "decorator", "base-http"])
def test_cost_of_one_layer(style: str, request: pytest.FixtureRequest) -> None:
    """Time a batch of requests to the same small route behind one layer of each style."""
    # Its name depends on whether it was loaded by its entry point or by -p.
    if not any(map(request.config.pluginmanager.has_plugin, ("benchmark", "pytest_benchmark.plugin"))):
        pytest.skip("needs pytest-benchmark: pip install 'asgi-conformance[bench]'")
    benchmark = request.getfixturevalue("benchmark")
    target = catalogue.load_patterns()[f"throughput.{style}"]
    if target.app is None:
        raise LookupError(f"{target.name} cannot be loaded")
    with Floor(load(target.app)) as floor:
        sent = floor.warm_up()
        if sent[0]["status"] != 200 or sent[1]["body"] != b'{"message":"hello"}':
            raise RuntimeError(f"{target.name} gives another response: {sent}")
        benchmark.extra_info["requests_per_round"] = BATCH
        benchmark(floor.run, BATCH)
