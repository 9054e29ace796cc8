"""A matrix: rows by drivers, and in each cell how many of the rules that apply hold."""

from collections.abc import Callable
from dataclasses import dataclass

from asgi_conformance.verdict import Verdict

from .run import Run, Status


@dataclass(frozen=True, slots=True)
class Cell:
    """What one driver showed in one row."""

    row: str
    driver: str
    counts: dict[Status, int]
    worst: Verdict | None  # the first verdict of the status that the cell shows

    @property
    def status(self) -> Status:
        """The status that matters most: the first in the order of :class:`Status` that occurs."""
        return next((status for status in Status if self.counts[status]), Status.NOT_APPLICABLE)

    @property
    def judged(self) -> int:
        """How many verdicts there are, without those that do not apply."""
        return sum(self.counts.values()) - self.counts[Status.NOT_APPLICABLE]

    @property
    def held(self) -> int:
        """How many of the judged rules hold."""
        return self.counts[Status.PASSED] + self.counts[Status.STALE]

    @property
    def score(self) -> str:
        """Held and judged: "23/24"; a dash where nothing applies."""
        return f"{self.held}/{self.judged}" if self.judged else "—"

    @property
    def exceptions(self) -> tuple[tuple[Status, int], ...]:
        """What keeps the cell from being full, worst first."""
        quiet = (Status.PASSED, Status.NOT_APPLICABLE)
        return tuple((status, number) for status, number in self.counts.items() if number and status not in quiet)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Cells by row, then by driver."""

    drivers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def by_area(run: Run) -> Matrix:
    """Areas down, drivers across."""
    return _matrix(run, run.suites, lambda verdict: verdict.suite)


def by_target(run: Run) -> Matrix:
    """Targets down, drivers across."""
    return _matrix(run, run.targets, lambda verdict: verdict.target)


def _matrix(run: Run, names: tuple[str, ...], row_of: Callable[[Verdict], str]) -> Matrix:
    held: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in run.verdicts:
        held.setdefault((row_of(verdict), verdict.driver), []).append(verdict)
    rows = tuple((name, tuple(_cell(run, name, driver, held) for driver in run.drivers)) for name in names)
    return Matrix(run.drivers, rows)


def _cell(run: Run, row: str, driver: str, held: dict[tuple[str, str], list[Verdict]]) -> Cell:
    counts = dict.fromkeys(Status, 0)
    first: dict[Status, Verdict] = {}
    for verdict in held.get((row, driver), ()):
        status = run.status(verdict)
        counts[status] += 1
        first.setdefault(status, verdict)
    return Cell(row, driver, counts, next((first[status] for status in Status if status in first), None))
