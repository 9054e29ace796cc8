"""A verdict: what one check found out about one target, as plain data."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How strongly a rule binds."""

    MUST = "MUST"  # the specification's word
    SHOULD = "SHOULD"  # the specification's word
    PRACTICE = "PRACTICE"  # no sentence of a specification, but production relies on it
    CLAIM = "CLAIM"  # a sentence of the documents that the fixture apps implement


class Outcome(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"  # a MUST, PRACTICE or CLAIM rule is broken
    WARNED = "warned"  # a SHOULD rule is broken
    NOT_APPLICABLE = "not-applicable"  # the target never promised it
    COULD_NOT_RUN = "could-not-run"  # the harness failed, or what the check builds on did


BROKEN = frozenset({Outcome.FAILED, Outcome.WARNED})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript: when, in which direction, what; `here` marks the offending one."""

    at_ms: float
    direction: str  # receive, send: ASGI messages; >, <: bytes on the wire; note: anything else
    text: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check on one route of one target through one driver.

    `known` is the reason why this rule is expected to be broken here: a declared deviation, or a
    baseline entry. A known verdict that is not broken is *stale*, and fails the run.
    """

    check: str
    level: Level
    suite: str
    outcome: Outcome
    target: str
    driver: str
    route: str | None = None
    expected: str | None = None
    observed: str | None = None
    transcript: tuple[Entry, ...] = field(default=())
    duration_s: float = 0.0
    known: str | None = None

    @property
    def broken(self) -> bool:
        """Whether the rule was found broken, expected or not."""
        return self.outcome in BROKEN

    @property
    def stale(self) -> bool:
        """Whether the rule was expected to be broken and holds."""
        return self.known is not None and self.outcome is Outcome.PASSED

    @property
    def unexpected(self) -> bool:
        """Whether the rule is broken and nobody said that it would be."""
        return self.broken and self.known is None

    def to_json(self) -> dict[str, Any]:
        """The verdict as one object of ``results.json``; the inverse of :meth:`from_json`."""
        return asdict(self) | {
            "level": self.level.value,
            "outcome": self.outcome.value,
            "transcript": [asdict(entry) for entry in self.transcript],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Verdict":
        """A verdict from one object of ``results.json``; unknown keys are an error (TypeError)."""
        return cls(
            **{
                **record,
                "level": Level(record["level"]),
                "outcome": Outcome(record["outcome"]),
                "transcript": tuple(Entry(**entry) for entry in record["transcript"]),
            }
        )
