"""The page about the source documents: each claim with its verdict, each pattern with its apps."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup

from asgi_conformance.documents import Claim, Documented
from asgi_conformance.verdict import Outcome, Verdict

from .html import TEMPLATES, templates
from .run import Run, Status, driver_order
from .text import one_line

LONGEST = 600  # characters of a piece of evidence
PIECES = 6  # of evidence for one claim
DEPENDS = "depends on "  # begins what a check observes when a claim holds under conditions


class Conclusion(StrEnum):
    """What the run says of a claim, on the documented forms."""

    HOLDS = "holds"
    FAILS = "does not hold"
    DEPENDS = "depends"
    NOT_MEASURED = "not measured"
    COULD_NOT_RUN = "could not run"
    NOT_RUN = "not in this run"


TONES = {
    Conclusion.HOLDS: Status.PASSED,
    Conclusion.FAILS: Status.FAILED,
    Conclusion.DEPENDS: Status.WARNED,
    Conclusion.NOT_MEASURED: Status.NOT_APPLICABLE,
    Conclusion.COULD_NOT_RUN: Status.COULD_NOT_RUN,
    Conclusion.NOT_RUN: Status.NOT_APPLICABLE,
}


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim, what the run says of it, and why: what was observed, with the places where it was."""

    claim: Claim
    conclusion: Conclusion
    evidence: tuple[tuple[str, tuple[str, ...]], ...]
    more: int  # pieces of evidence that are left out
    hardened: tuple[str, ...]  # names of hardened forms in which it holds although the documented one does not


@dataclass(frozen=True, slots=True)
class Form:
    """An app of a pattern: the documented form, a variant of it, or its hardened sibling."""

    name: str
    source: str | None
    counts: Mapping[str, Mapping[Status, int]]  # driver -> how many verdicts of each status
    reasons: tuple[str, ...]  # why rules are known to be broken


@dataclass(frozen=True, slots=True)
class PatternRow:
    """A documented pattern and its apps in the run."""

    pattern: Documented
    forms: tuple[Form, ...]


def render(run: Run, documented: Iterable[Documented], claims: Iterable[Claim], sources: Mapping[str, str]) -> str:
    """The page. `sources` gives, by name of an app, the address of its file."""
    areas: dict[str, list[PatternRow]] = {}
    for pattern in documented:
        areas.setdefault(pattern.area, []).append(_pattern(run, pattern, sources))
    rows = [_claim(run, claim) for claim in claims]
    counts = Counter(row.conclusion for row in rows)
    return (
        templates()
        .get_template("documents.html.j2")
        .render(
            run=run,
            areas=areas,
            claims=rows,
            counts={conclusion: counts[conclusion] for conclusion in Conclusion if counts[conclusion]},
            tones=TONES,
            style=Markup((TEMPLATES / "report.css").read_text("utf-8")),  # noqa: S704 - our own file
        )
    )


def conclusion(verdicts: Iterable[Verdict]) -> Conclusion:
    """What these verdicts on the documented forms amount to."""
    seen = {_said(verdict) for verdict in verdicts}
    telling = seen & {Conclusion.HOLDS, Conclusion.FAILS, Conclusion.DEPENDS}
    if len(telling) > 1:
        return Conclusion.DEPENDS
    if telling:
        return telling.pop()
    return next(
        (each for each in (Conclusion.COULD_NOT_RUN, Conclusion.NOT_MEASURED) if each in seen), Conclusion.NOT_RUN
    )


def _said(verdict: Verdict) -> Conclusion:
    if verdict.broken:
        return Conclusion.DEPENDS if (verdict.observed or "").startswith(DEPENDS) else Conclusion.FAILS
    return {
        Outcome.PASSED: Conclusion.HOLDS,
        Outcome.NOT_APPLICABLE: Conclusion.NOT_MEASURED,
    }.get(verdict.outcome, Conclusion.COULD_NOT_RUN)


def _claim(run: Run, claim: Claim) -> ClaimRow:
    verdicts = [verdict for verdict in run.verdicts if verdict.check == claim.id]
    hardened = [verdict for verdict in verdicts if verdict.target.endswith(".hardened")]
    asis = [verdict for verdict in verdicts if verdict not in hardened]
    evidence: dict[str, list[str]] = {}
    for verdict in asis:
        told = one_line(verdict.observed or "", LONGEST)
        if told:
            evidence.setdefault(told, []).append(f"{verdict.target}, {verdict.driver}")
    holding = sorted({verdict.target for verdict in hardened if verdict.outcome is Outcome.PASSED})
    said = conclusion(asis)
    shown = [(told, tuple(dict.fromkeys(places))) for told, places in evidence.items()]
    helps = tuple(holding) if said is not Conclusion.HOLDS else ()
    return ClaimRow(claim, said, tuple(shown[:PIECES]), max(0, len(shown) - PIECES), helps)


def _pattern(run: Run, pattern: Documented, sources: Mapping[str, str]) -> PatternRow:
    names = [name for name in run.targets if name == pattern.id or name.startswith(f"{pattern.id}.")]
    return PatternRow(pattern, tuple(_form(run, name, sources.get(name)) for name in names))


def _form(run: Run, name: str, source: str | None) -> Form:
    counts: dict[str, Counter[Status]] = {}
    reasons: dict[str, None] = {}
    for verdict in run.verdicts:
        if verdict.target != name:
            continue
        counts.setdefault(verdict.driver, Counter())[run.status(verdict)] += 1
        if verdict.broken and verdict.known is not None:
            reasons.setdefault(one_line(verdict.known, LONGEST))
    by_driver = {driver: counts[driver] for driver in sorted(counts, key=driver_order)}
    return Form(name, source, by_driver, tuple(reasons))
