"""Benchmark results: what was timed, how, and how much may be believed of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """One variant: the middle of its times, and their spread, in microseconds."""

    label: str
    median_us: float
    q1_us: float
    q3_us: float
    rounds: int

    @property
    def iqr_us(self) -> float:
        """The width of the middle half of the times."""
        return self.q3_us - self.q1_us


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """One comparison.

    Args:
        title: what is compared.
        rows: the variants; the first is what the others are compared with.
        how: how it was measured: clock, rounds, machine, versions.
        reliability: a sentence that says what the numbers are good for, and what they are not.
    """

    title: str
    rows: tuple[BenchmarkRow, ...]
    how: str
    reliability: str = ""

    def ratio(self, row: BenchmarkRow) -> float:
        """The row's median in multiples of the first row's; not a number where that took no time."""
        first = self.rows[0].median_us
        return row.median_us / first if first else nan


def rows_of(record: Mapping[str, Any], group: str | None = None) -> tuple[BenchmarkRow, ...]:
    """The rows in what pytest-benchmark saves (``--benchmark-json``), in its order; all, or those of one group.

    A benchmark whose ``extra_info`` has ``requests_per_round`` is told per request.
    """
    return tuple(_row(benchmark) for benchmark in record["benchmarks"] if group is None or benchmark["group"] == group)


def _row(benchmark: Mapping[str, Any]) -> BenchmarkRow:
    stats = benchmark["stats"]
    scale = 1e6 / benchmark.get("extra_info", {}).get("requests_per_round", 1)
    return BenchmarkRow(
        label=str(benchmark.get("param") or benchmark["name"]),
        median_us=stats["median"] * scale,
        q1_us=stats["q1"] * scale,
        q3_us=stats["q3"] * scale,
        rounds=stats["rounds"],
    )


def comparison(record: Mapping[str, Any], title: str = "What one layer costs a request") -> Benchmarks | None:
    """The comparison in what pytest-benchmark measured; None where it measured nothing."""
    rows = rows_of(record)
    if not rows:
        return None
    rounds = min(row.rounds for row in rows)
    return Benchmarks(
        title=title,
        rows=rows,
        how=(
            f"pytest-benchmark, at least {rounds:,} rounds of each after a warm-up, wall clock, garbage collection "
            "off, one style after the other, the application called directly on asyncio."
        ),
        reliability=(
            "Read ratios, not times. The styles were measured one after the other, so differences of a few percent "
            "may be the machine's."
        ),
    )
