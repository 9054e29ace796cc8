"""The HTML report: one file that needs no network and no script, for a screen, a telephone and paper."""

import itertools
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from asgi_conformance.onion.journey import Journey
from asgi_conformance.verdict import Entry, Outcome, Verdict

from .benchmarks import Benchmarks
from .boxplot import boxplot
from .findings import Finding, again, anchor, explain, findings, place, reason, slug, window
from .journey import render as picture
from .matrix import by_area, by_target
from .run import RuleText, Run, Status
from .text import clip, count, milliseconds, one_line, seconds, visible

TEMPLATES = Path(__file__).with_name("templates")

# The file stays small enough to be mailed: evidence is shown until it has this many bytes, that of new
# failures first. Everything is in results.json.
LIMIT, LIMIT_OF_MANY = 280_000, 1_200_000
LINES = 40  # of a transcript
LONGEST, LONGEST_LINE, SHORT = 2_000, 400, 120
PLACES = 40  # of one rule, told one by one
AT_ONCE = 5  # of these, the rest behind a fold
REASONS = 3  # of one rule, told before it is opened

SIGNS = {
    Status.FAILED: "✗",
    Status.STALE: "↺",
    Status.COULD_NOT_RUN: "?",
    Status.WARNED: "!",
    Status.KNOWN: "≈",
    Status.PASSED: "✓",
    Status.NOT_APPLICABLE: "—",
}
SHOWN_FIRST = (
    Status.PASSED,
    Status.FAILED,
    Status.STALE,
    Status.COULD_NOT_RUN,
    Status.WARNED,
    Status.KNOWN,
    Status.NOT_APPLICABLE,
)
_CONCLUSIONS = {0: Status.PASSED, 1: Status.FAILED, 3: Status.COULD_NOT_RUN}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One verdict as the page tells it; without `entries` when the page is full."""

    verdict: Verdict
    anchor: str
    place: tuple[str, ...]
    expected: str
    observed: str
    entries: tuple[Entry, ...]
    left_out: bool
    again: str


@dataclass(frozen=True, slots=True)
class Block:
    """One rule with its occurrences, under an anchor of its own."""

    finding: Finding
    anchor: str
    occurrences: tuple[Occurrence, ...]
    rest: tuple[tuple[str, str], ...]  # places that are only named, with their anchors
    reasons: tuple[str, ...]  # why it is known, or could not run
    why: str  # the explanation, as long as there is room
    explain: str


@dataclass(frozen=True, slots=True)
class Row:
    """One check in the list of all checks."""

    check: str
    anchor: str | None  # None where a block has it
    rule: RuleText
    counts: dict[Status, int]


def render(run: Run, benchmarks: Benchmarks | None = None) -> str:
    """The run, and a benchmark comparison if there is one, as one HTML page."""
    limit = LIMIT_OF_MANY if len(run.targets) > 1 else LIMIT
    bare = _render(run, benchmarks, room=0)
    return _render(run, benchmarks, room=limit - len(bare.encode()))


def _render(run: Run, benchmarks: Benchmarks | None, *, room: int) -> str:
    page = _Page(run, room)
    blocks = {
        status: page.blocks(status)
        for status in (Status.FAILED, Status.COULD_NOT_RUN, Status.STALE, Status.WARNED, Status.KNOWN)
    }
    return (
        templates()
        .get_template("index.html.j2")
        .render(
            run=run,
            conclusion=_CONCLUSIONS[run.exit_code()],
            blocks=blocks,
            layers=picture([Journey.from_json(told) for told in run.environment.get("journeys", [])]),
            inapplicable=_inapplicable(run),
            areas=by_area(run),
            targets=by_target(run) if len(run.targets) > 1 else None,
            checks=page.rows(),
            benchmarks=benchmarks,
            chart=boxplot(benchmarks) if benchmarks and benchmarks.rows else None,
            style=Markup((TEMPLATES / "report.css").read_text("utf-8")),  # noqa: S704 - our own file
            shares=[(status, run.counts[status]) for status in SHOWN_FIRST if run.counts[status]],
        )
    )


class _Page:
    """Anchors that are taken, and room that is left, while the page comes together."""

    def __init__(self, run: Run, room: int) -> None:
        self._run = run
        self._room = room
        self._taken: set[str] = set()

    def blocks(self, status: Status) -> tuple[Block, ...]:
        return tuple(self._block(finding) for finding in findings(self._run, status))

    def rows(self) -> dict[str, list[Row]]:
        """Every check by area."""
        rows: dict[str, dict[str, Row]] = {suite: {} for suite in self._run.suites}
        for verdict in self._run.verdicts:
            checks = rows[verdict.suite]
            if verdict.check not in checks:
                rule = self._run.rule(verdict.check, verdict.level)
                checks[verdict.check] = Row(verdict.check, self._claim(verdict.check), rule, dict.fromkeys(Status, 0))
            checks[verdict.check].counts[self._run.status(verdict)] += 1
        return {suite: list(checks.values()) for suite, checks in rows.items()}

    def _claim(self, check: str) -> str | None:
        """The id of the check as an anchor, for whoever comes first."""
        name = slug(check)
        if name in self._taken:
            return None
        self._taken.add(name)
        return name

    def _anchor(self, verdict: Verdict) -> str:
        """The verdict's anchor; a number tells apart what was judged twice at the same place."""
        name = anchor(verdict)
        names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        free = next(name for name in names if name not in self._taken)
        self._taken.add(free)
        return free

    def _block(self, finding: Finding) -> Block:
        name = self._claim(finding.check) or f"{slug(finding.check)}--{slug(finding.status)}"
        why = finding.rule.explanation if self._room > 0 else ""
        self._room -= _size(why)
        told: list[Occurrence] = []
        rest: list[tuple[str, str]] = []
        for verdict in finding.verdicts:
            if not told or (len(told) < PLACES and self._room > 0):
                told.append(self._occurrence(verdict))
            else:
                rest.append((self._anchor(verdict), " · ".join(place(self._run, verdict))))
        reasons = dict.fromkeys(clip(text, LONGEST_LINE) for text in map(_because, finding.verdicts) if text)
        return Block(
            finding, name, tuple(told), tuple(rest), tuple(reasons)[:REASONS], why, explain(finding.verdicts[0])
        )

    def _occurrence(self, verdict: Verdict) -> Occurrence:
        longest = LONGEST if self._room > 0 else SHORT
        expected = clip(verdict.expected or "", longest)
        observed = clip(verdict.observed or "", longest)
        entries = tuple(
            Entry(entry.at_ms, entry.direction, one_line(entry.text, LONGEST_LINE), entry.here)
            for entry in window(verdict.transcript, LINES)
        )
        self._room -= 600 + _size(expected) + _size(observed)
        cost = sum(50 + _size(entry.text) for entry in entries)
        fits = cost <= self._room
        self._room -= cost if fits else 0
        return Occurrence(
            verdict,
            self._anchor(verdict),
            place(self._run, verdict),
            expected,
            observed,
            entries if fits else (),
            not fits,
            again(self._run, verdict),
        )


def _because(verdict: Verdict) -> str:
    """Why the verdict is what it is, where that is not a matter of expected and observed."""
    if verdict.outcome is Outcome.COULD_NOT_RUN:
        return reason(verdict)
    return verdict.known or ""


def _size(text: str) -> int:
    """How many bytes the text takes on the page."""
    return len(escape(visible(text)).encode())


def _inapplicable(run: Run) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Checks that do not apply, each with its reasons, and the places of each reason."""
    told = []
    for finding in findings(run, Status.NOT_APPLICABLE):
        reasons: dict[str, list[str]] = {}
        for verdict in finding.verdicts:
            reasons.setdefault(clip(reason(verdict), LONGEST), []).append(" · ".join(place(run, verdict)))
        told.append((finding.check, list(reasons.items())))
    return told


@cache
def templates() -> Environment:
    """The templates of the pages, with what they may call."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever a template shows goes through here, and then through the escaping.
        finalize=lambda value: visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    made.filters |= {
        "prose": prose,
        "inline": inline,
        "moment": moment,
        "ms": milliseconds,
        "seconds": seconds,
        "slug": slug,
        "number": lambda value: f"{value:,}",
        "us": lambda value: f"{value:,.1f}",
    }
    made.globals |= {
        "sign": SIGNS,
        "Status": Status,
        "count": count,
        "AT_ONCE": AT_ONCE,
        "anchor": anchor,
        "reason": reason,
    }
    return made


_LEAD = re.compile(r"(Usual [a-z]+:)\s")


def prose(text: str) -> Markup:
    """The paragraphs of a docstring, with its code spans, and "Usual cause:" made to stand out."""
    paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip())
    return Markup("").join(Markup("<p>{}</p>").format(_led(paragraph)) for paragraph in paragraphs)


def _led(paragraph: str) -> Markup:
    lead = _LEAD.match(paragraph)
    if lead is None:
        return inline(paragraph)
    return Markup("<strong>{}</strong> {}").format(lead[1], inline(paragraph[lead.end() :]))


def inline(text: str) -> Markup:
    """One line of a docstring, with its code spans."""
    parts = re.split(r"(``[^`]+``|`[^`]+`)", visible(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part.strip("`")) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )


def moment(date: str) -> str:
    """An ISO 8601 date as people read it, to the minute; anything else as it is."""
    try:
        parsed = datetime.fromisoformat(date)
    except ValueError:
        return date
    return f"{parsed:%Y-%m-%d %H:%M} {parsed.tzname() or ''}".rstrip()
