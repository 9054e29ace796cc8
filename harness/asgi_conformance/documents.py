"""What the source documents show and claim, as data: patterns with their questions, and claims.

The tables lie with the suites that answer them: ``suites/questions/<area>.toml`` and ``suites/claims/claims.toml``.
"""

import tomllib
from dataclasses import dataclass
from typing import Any

from asgi_conformance import _paths


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader of a pattern wants to know, and the ids of the checks that settle it."""

    asks: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Documented:
    """A pattern as the documents show it; `documented` names document and heading."""

    id: str
    documented: str
    shows: str
    questions: tuple[Question, ...]

    @property
    def area(self) -> str:
        """The first part of the id, which is the folder of the fixture app."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the documents in our words. Its check has the same id, and is run on the apps of `patterns`."""

    id: str
    claim: str
    made_in: str
    patterns: tuple[str, ...]


def load_documented() -> dict[str, Documented]:
    """Every documented pattern by id, area by area."""
    found: dict[str, Documented] = {}
    for path in sorted((_paths.SUITES / "questions").glob("*.toml")):
        for pattern, row in tomllib.loads(path.read_text(encoding="utf-8")).items():
            questions = tuple(Question(asked["asks"], tuple(asked["checks"])) for asked in row["questions"])
            found[pattern] = Documented(pattern, row["documented"], row["shows"], questions)
    return found


def load_claims() -> dict[str, Claim]:
    """Every claim by id, in the order of the documents' subjects."""
    path = _paths.SUITES / "claims" / "claims.toml"
    rows: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return {key: Claim(key, row["claim"], row["made_in"], tuple(row["patterns"])) for key, row in rows.items()}
