"""The page about the requirements of the ASGI documents: each with what this run says of it."""

from dataclasses import dataclass

from markupsafe import Markup

from asgi_conformance.ledger import PARTS, Ledger, Requirement

from .html import TEMPLATES, templates
from .run import Run, Status

# What counts first where several verdicts are about one requirement.
ORDER = (
    Status.FAILED,
    Status.STALE,
    Status.WARNED,
    Status.COULD_NOT_RUN,
    Status.KNOWN,
    Status.PASSED,
    Status.NOT_APPLICABLE,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement: the worst status of its checks in this run (None: none of them was in it), and where."""

    requirement: Requirement
    status: Status | None
    counts: dict[Status, int]
    places: tuple[str, ...]  # where it is of that status, for what is not simply passed


def rows(run: Run, ledger: Ledger) -> list[Row]:
    """Every requirement with what the run says of it, in the order of the ledger."""
    by_check: dict[str, list[tuple[Status, str]]] = {}
    for verdict in run.verdicts:
        place = f"{verdict.check}: {verdict.target}, {verdict.driver}"
        by_check.setdefault(verdict.check, []).append((run.status(verdict), place))
    return [_row(requirement, by_check) for requirement in ledger.requirements]


def _row(requirement: Requirement, by_check: dict[str, list[tuple[Status, str]]]) -> Row:
    found = [each for check in requirement.checks for each in by_check.get(check, ())]
    counts = {status: sum(one == status for one, _ in found) for status in ORDER}
    worst = next((status for status in ORDER if counts[status]), None)
    telling = worst not in {None, Status.PASSED, Status.NOT_APPLICABLE}
    places = tuple(dict.fromkeys(place for status, place in found if telling and status == worst))
    return Row(requirement, worst, {status: n for status, n in counts.items() if n}, places)


def render(run: Run, ledger: Ledger) -> str:
    """The page."""
    found = rows(run, ledger)
    shares = [(status, sum(row.status is status for row in found)) for status in ORDER]
    return (
        templates()
        .get_template("requirements.html.j2")
        .render(
            run=run,
            parts={title: [row for row in found if row.requirement.part == title] for title, _ in PARTS.values()},
            shares=[(status, number) for status, number in shares if number],
            absent=sum(row.status is None for row in found),
            style=Markup((TEMPLATES / "report.css").read_text("utf-8")),  # noqa: S704 - our own file
        )
    )
