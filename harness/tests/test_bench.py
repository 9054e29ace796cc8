"""The comparison of styles that a report on the catalogue shows is really measured."""

import pytest

from asgi_conformance.bench.styles import measure
from asgi_conformance.reports.benchmarks import comparison


@pytest.mark.slow
def test_every_style_is_measured():
    pytest.importorskip("pytest_benchmark")
    record = measure()
    assert record is not None
    found = comparison(record)
    assert [row.label for row in found.rows] == ["none", "pure-asgi", "decorator", "base-http"]
    assert all(row.median_us > 0 and row.rounds >= 50 for row in found.rows)
