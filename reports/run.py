"""A run: everything a renderer gets, in order and free of secrets."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

from asgi_conformance.check import Check
from asgi_conformance.verdict import Level, Outcome, Verdict

from .masking import mask, masked
from .text import count


class Environment(TypedDict, total=False):
    """Where and how a run took place; every key may be missing."""

    version: str  # of asgi-conformance
    python: str
    platform: str
    versions: dict[str, str]  # of the distributions that matter
    date: str  # ISO 8601
    duration_s: float
    seed: int
    command: str  # the command line as it was typed
    target: str  # what was judged, in words: "my.app:app", "the fixture catalogue"
    found: list[str]  # routes that were discovered, in words: "GET /events (event stream)"
    journeys: list[dict[str, Any]]  # requests on their way through the layers: onion.journey.Journey
    not_offered: list[str]  # capabilities that nothing in the run offers
    repeat: dict[str, str]  # target -> the command that judges it, without --server and --check
    sources: dict[str, str]  # target -> the file of its fixture app, from the folder that holds fixtures/
    ledger: str  # the page about the requirements of the documents, beside this one
    interrupted: str  # why the run ended early, in a few words: "interrupted"


class Status(StrEnum):
    """What a verdict means for the run; each verdict has exactly one."""

    FAILED = "failed"  # broken, not known, and of a level that fails the run
    STALE = "stale"  # expected to be broken, and holds: fails the run
    COULD_NOT_RUN = "could not run"
    WARNED = "warned"  # broken, not known, of a level that does not fail the run
    KNOWN = "known"  # broken, as declared or as in the baseline
    PASSED = "passed"
    NOT_APPLICABLE = "not applicable"

    @property
    def letter(self) -> str:
        """One character for a line of dots."""
        return _LETTERS[self]


_LETTERS = {
    Status.FAILED: "F",
    Status.STALE: "s",
    Status.COULD_NOT_RUN: "?",
    Status.WARNED: "w",
    Status.KNOWN: "k",
    Status.PASSED: ".",
    Status.NOT_APPLICABLE: "n",
}


@dataclass(frozen=True, slots=True)
class RuleText:
    """What a report says about a rule."""

    title: str  # the rule as a sentence
    explanation: str  # why it matters, the usual cause, the usual mend
    level: Level
    clause: str  # the document and the section
    url: str  # where the clause can be read

    @classmethod
    def of(cls, check: Check) -> "RuleText":
        """What the check's docstring and clause say."""
        return cls(check.title, check.explanation, check.level, str(check.clause), check.clause.url)

    @property
    def link(self) -> str | None:
        """The address, if it is one that a browser may follow: no script, and no name that nobody has."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return None
        followed = parts.scheme in {"http", "https"} and re.fullmatch(r"[^\s<>\"]+", self.url)
        return self.url if followed and not (parts.hostname or ".invalid").endswith(".invalid") else None


def rules_of(checks: Iterable[Check]) -> dict[str, RuleText]:
    """The texts of the rules, by check id."""
    return {check.id: RuleText.of(check) for check in checks}


FAIL_ON = frozenset({Level.MUST, Level.PRACTICE})


@dataclass(frozen=True, slots=True)
class Run:
    """The verdicts of one run, what they are about, and what they amount to.

    Secrets are masked and verdicts put in order on the way in, so that no renderer can forget it.

    Args:
        environment: where and how the run took place.
        verdicts: in any order.
        rules: by check id; a rule that is missing is shown by its id alone.
        fail_on: levels whose violations fail the run.
    """

    environment: Environment
    verdicts: tuple[Verdict, ...]
    rules: Mapping[str, RuleText] = field(default_factory=dict)
    fail_on: frozenset[Level] = FAIL_ON

    targets: tuple[str, ...] = field(init=False)  # what was judged, by name
    drivers: tuple[str, ...] = field(init=False)  # how it was reached: in process first, then by name
    suites: tuple[str, ...] = field(init=False)  # the areas of the checks, by name
    counts: Mapping[Status, int] = field(init=False)  # verdicts of each status; they add up to all of them

    def __post_init__(self) -> None:
        clean = tuple(sorted((masked(verdict) for verdict in self.verdicts), key=_order))
        derived = {
            "verdicts": clean,
            "environment": _masked_environment(self.environment),
            "targets": tuple(sorted({verdict.target for verdict in clean})),
            "drivers": tuple(sorted({verdict.driver for verdict in clean}, key=driver_order)),
            "suites": tuple(sorted({verdict.suite for verdict in clean})),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        counts = Counter(self.status(verdict) for verdict in clean)
        object.__setattr__(self, "counts", {status: counts[status] for status in Status})

    def status(self, verdict: Verdict, fail_on: frozenset[Level] | None = None) -> Status:
        """What the verdict means for the run."""
        if verdict.stale:
            return Status.STALE
        if verdict.broken and verdict.known is not None:
            return Status.KNOWN
        if verdict.broken:
            failing = self.fail_on if fail_on is None else fail_on
            return Status.FAILED if verdict.level in failing else Status.WARNED
        return _PLAIN[verdict.outcome]

    def of(self, status: Status) -> tuple[Verdict, ...]:
        """The verdicts of one status, in order."""
        return tuple(verdict for verdict in self.verdicts if self.status(verdict) is status)

    @property
    def passed(self) -> int:
        """How many rules hold, as expected."""
        return self.counts[Status.PASSED]

    @property
    def failed(self) -> int:
        """How many rules are broken that fail the run."""
        return self.counts[Status.FAILED]

    @property
    def known(self) -> int:
        """How many rules are broken as declared, or as in the baseline."""
        return self.counts[Status.KNOWN]

    @property
    def warned(self) -> int:
        """How many rules are broken that do not fail the run."""
        return self.counts[Status.WARNED]

    @property
    def not_applicable(self) -> int:
        """How many rules are about something that was never promised."""
        return self.counts[Status.NOT_APPLICABLE]

    @property
    def could_not_run(self) -> int:
        """How many checks did not come to a verdict."""
        return self.counts[Status.COULD_NOT_RUN]

    @property
    def stale(self) -> int:
        """How many rules hold that were expected to be broken."""
        return self.counts[Status.STALE]

    @property
    def nothing_ran(self) -> bool:
        """Whether not a single rule was judged, or tried to be."""
        return len(self.verdicts) == self.not_applicable

    @property
    def incomplete(self) -> bool:
        """Whether something is missing that should have been judged."""
        return self.nothing_ran or self.could_not_run > 0 or "interrupted" in self.environment

    @property
    def sentence(self) -> str:
        """The verdict on the whole run, in words."""
        if failures := self._failures():
            return f"Not conformant: {', '.join(failures)}" + "".join(f"; {gap}" for gap in self._gaps())
        if gaps := self._gaps():
            return f"Incomplete: {'; '.join(gaps)}"
        if self.nothing_ran:
            return "Nothing ran: no check applies" if self.verdicts else "Nothing ran"
        return "Conformant"

    def exit_code(self, fail_on: frozenset[Level] | None = None) -> Literal[0, 1, 3]:
        """0 conformant, 1 a violation or a stale entry, 3 incomplete or nothing ran; 1 has precedence over 3."""
        statuses = {self.status(verdict, fail_on) for verdict in self.verdicts}
        if statuses & {Status.FAILED, Status.STALE}:
            return 1
        return 3 if self.incomplete else 0

    @property
    def title(self) -> str:
        """What was judged, in words."""
        if named := self.environment.get("target"):
            return named
        return self.targets[0] if len(self.targets) == 1 else count(len(self.targets), "target")

    def rule(self, check: str, level: Level) -> RuleText:
        """What is known about the rule of that id."""
        return self.rules.get(check) or RuleText(check, "", level, "", "")

    def _failures(self) -> list[str]:
        failed = self.of(Status.FAILED)
        told = [
            count(number, f"new {level} failure")
            for level in Level
            if (number := sum(verdict.level is level for verdict in failed))
        ]
        return told + ([count(self.stale, "stale entry", "stale entries")] if self.stale else [])

    def _gaps(self) -> list[str]:
        told = [f"{count(self.could_not_run, 'check')} could not run"] if self.could_not_run else []
        why = self.environment.get("interrupted")
        return told if why is None else [*told, f"the run ended early ({why})"]


_PLAIN = {
    Outcome.PASSED: Status.PASSED,
    Outcome.NOT_APPLICABLE: Status.NOT_APPLICABLE,
    Outcome.COULD_NOT_RUN: Status.COULD_NOT_RUN,
}


def driver_order(name: str) -> tuple[bool, str]:
    """The key that puts in process first, then the others by name."""
    return name != "in-process", name


def _order(verdict: Verdict) -> tuple[object, ...]:
    """By what is judged, then by where; the rest only to tell equal places apart."""
    place = (verdict.suite, verdict.check, verdict.target, driver_order(verdict.driver), verdict.route or "")
    found = (str(verdict.outcome), verdict.expected or "", verdict.observed or "", verdict.known or "")
    evidence = tuple((entry.at_ms, entry.direction, entry.text, entry.here) for entry in verdict.transcript)
    return (*place, *found, verdict.duration_s, str(verdict.level), evidence)


def _masked_environment(environment: Environment) -> Environment:
    clean = environment.copy()
    for key in ("command", "target"):
        if key in clean:
            clean[key] = mask(clean[key])
    if "found" in clean:
        clean["found"] = [mask(text) for text in clean["found"]]
    if "journeys" in clean:
        clean["journeys"] = [told | {"request": mask(told["request"])} for told in clean["journeys"]]
    if "repeat" in clean:
        clean["repeat"] = {mask(target): mask(text) for target, text in clean["repeat"].items()}
    return clean
