"""Benchmark rows, and what pytest-benchmark saves."""

import math
import re

from asgi_conformance.reports.benchmarks import BenchmarkRow, Benchmarks, comparison, rows_of
from asgi_conformance.reports.boxplot import boxplot

STATS = {"median": 41e-6, "q1": 40e-6, "q3": 43e-6, "rounds": 400, "mean": 1.0}


def test_rows_are_read_from_what_pytest_benchmark_saves() -> None:
    record = {
        "benchmarks": [
            {"name": "test_style[pure]", "param": "pure", "group": "styles", "stats": STATS},
            {"name": "test_other", "param": None, "group": None, "stats": STATS},
        ]
    }
    assert [row.label for row in rows_of(record)] == ["pure", "test_other"]
    (row,) = rows_of(record, group="styles")
    assert (round(row.median_us, 6), round(row.iqr_us, 6), row.rounds) == (41.0, 3.0, 400)


def test_a_round_of_many_requests_is_told_per_request() -> None:
    benchmark = {"name": "n", "param": "pure", "group": None, "stats": STATS, "extra_info": {"requests_per_round": 10}}
    (row,) = rows_of({"benchmarks": [benchmark]})
    assert round(row.median_us, 6) == 4.1


def test_a_comparison_says_how_it_was_made_and_what_it_is_good_for() -> None:
    made = comparison({"benchmarks": [{"name": "n", "param": None, "group": None, "stats": STATS}]}, "A title")
    assert made is not None
    assert (made.title, len(made.rows)) == ("A title", 1)
    assert "400 rounds" in made.how
    assert made.reliability
    assert comparison({"benchmarks": []}) is None


def test_ratios_are_to_the_first_row(benchmarks: Benchmarks) -> None:
    assert [round(benchmarks.ratio(row), 2) for row in benchmarks.rows] == [1.0, 1.08, 9.75]
    nought = Benchmarks("t", (BenchmarkRow("a", 0.0, 0.0, 0.0, 1),), "h")
    assert math.isnan(nought.ratio(nought.rows[0]))
    assert "<svg" in boxplot(nought)


def test_the_scale_holds_every_box_and_has_few_ticks() -> None:
    for longest in (1e-4, 0.9, 1.0, 7.3, 44.0, 999.0, 1e7):
        chart = boxplot(Benchmarks("t", (BenchmarkRow("a", longest / 2, longest / 3, longest, 1),), "h"))
        assert 3 <= chart.count('class="tick"') / 2 <= 6
        positions = [float(x) for x in re.findall(r'x\d?="([\d.]+)%"', chart)]
        assert max(positions) <= 100
