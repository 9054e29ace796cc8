"""The ledger: every requirement of the ASGI documents, and what holds an application or a server to it."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from asgi_conformance import _paths
from asgi_conformance.check import Check
from asgi_conformance.lint.catalogue import RULES
from asgi_conformance.spec import (
    ASGI,
    ASGI_EXTENSIONS,
    ASGI_HTTP,
    ASGI_LIFESPAN,
    ASGI_TLS,
    ASGI_WEBSOCKET,
    Clause,
    Document,
)
from asgi_conformance.verdict import Level

# By the letter of an id: what the requirement is about. The page `www` holds two protocols.
PARTS: dict[str, tuple[str, Document]] = {
    "M": ("ASGI 3.0", ASGI),
    "H": ("HTTP 2.5", ASGI_HTTP),
    "W": ("WebSocket 2.5", ASGI_WEBSOCKET),
    "L": ("Lifespan 2.0", ASGI_LIFESPAN),
    "E": ("Extensions", ASGI_EXTENSIONS),
    "T": ("TLS 0.2", ASGI_TLS),
    "C": ("WSGI compatibility", ASGI_HTTP),
}
DOCUMENTS = frozenset(document.name for _, document in PARTS.values())
PARTIES = ("server", "application", "both", "middleware", "spec-author")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of the documents, in our words.

    Args:
        id: a letter for the document and a number; never changes its meaning.
        level: MUST, SHOULD or MAY.
        implied: whether the document states it as a fact, without one of these words.
        party: whom it binds.
        clause: where it stands.
        says: the requirement.
        checks: the ids of the checks that hold somebody to it.
        rules: the ids of the linter's rules that do.
        none: why there is no check.
    """

    id: str
    level: str
    implied: bool
    party: str
    clause: Clause
    says: str
    checks: tuple[str, ...]
    rules: tuple[str, ...]
    none: str

    @property
    def part(self) -> str:
        """What it is about: "HTTP 2.5"."""
        return PARTS[self.id[0]][0]


@dataclass(frozen=True, slots=True)
class Decision:
    """Where two passages of the documents cannot both be followed: what the checks take for right."""

    id: str
    conflict: str
    taken: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """All requirements, and the decisions about their contradictions, in the order of the documents."""

    requirements: tuple[Requirement, ...]
    decisions: tuple[Decision, ...]

    def counts(self) -> Counter[tuple[str, str]]:
        """How many requirements there are of each level for each party; levels that are implied have a star."""
        return Counter((_level(row), row.party) for row in self.requirements)

    @property
    def checked(self) -> list[Requirement]:
        """The requirements that have a check."""
        return [row for row in self.requirements if row.checks]


@cache
def load_ledger() -> Ledger:
    """The ledger in ``suites/requirements.toml``. Raises KeyError and TypeError for a row that is incomplete."""
    rows: dict[str, Any] = tomllib.loads((_paths.SUITES / "requirements.toml").read_text(encoding="utf-8"))
    return Ledger(
        tuple(_requirement(row) for row in rows["requirement"]), tuple(Decision(**row) for row in rows["decision"])
    )


def _requirement(row: dict[str, Any]) -> Requirement:
    anchor = row["clause"].partition("#")[2]
    return Requirement(
        id=row["id"],
        level=row["level"],
        implied=row.get("implied", False),
        party=row["party"],
        clause=PARTS[row["id"][0]][1][anchor],
        says=row["says"],
        checks=tuple(row.get("checks", ())),
        rules=tuple(row.get("rules", ())),
        none=row.get("none", ""),
    )


def faults(ledger: Ledger, checks: Iterable[Check]) -> Iterator[str]:
    """What does not add up between the ledger, the checks and the linter's rules, in a sentence each."""
    known = {check.id: check for check in checks}
    seen: set[str] = set()
    for row in ledger.requirements:
        if row.id in seen:
            yield f"{row.id} stands there twice"
        seen.add(row.id)
        if row.level not in {"MUST", "SHOULD", "MAY"} or row.party not in PARTIES:
            yield f"{row.id} has no level or party that exists: {row.level}, {row.party}"
        if bool(row.checks) == bool(row.none):
            yield f"{row.id} needs checks, or the reason why there are none, and not both"
        yield from (
            f"{row.id} names a check that does not exist: {check}" for check in row.checks if check not in known
        )
        yield from (f"{row.id} names a rule that does not exist: {rule}" for rule in row.rules if rule not in RULES)
    named = {check for row in ledger.requirements for check in row.checks}
    for check in known.values():
        binds = check.level in {Level.MUST, Level.SHOULD} and check.clause.document in DOCUMENTS
        if binds and check.id not in named:
            yield f"{check.id} says {check.level} of {check.clause.document}, and no requirement names it"
    ruled = {rule for row in ledger.requirements for rule in row.rules}
    for rule in RULES.values():
        if rule.requirement in seen and rule.id not in ruled:
            yield f"the rule {rule.id} is about {rule.requirement}, which does not name it"


# The page.

HEAD = """# Requirements

Every requirement of the ASGI documents (main 3.0, HTTP and WebSocket 2.5, lifespan 2.0, extensions, TLS 0.2), in our
own words: the level, whom it binds, and the checks that hold them to it. `MUST*` marks what a document states as a
fact, without the word. Checks named `server.…` judge the server, with an application of ours; the others judge
applications and middleware. The linter's rules judge any traffic, whoever makes it. This page is made from
`suites/requirements.toml`.
"""


def page(ledger: Ledger) -> str:
    """The ledger as Markdown."""
    parts = [HEAD, *_summary(ledger)]
    for letter, (title, _) in PARTS.items():
        parts += [f"## {title}\n", "| id | level | party | requirement | checks | rules of the linter |"]
        parts.append("| --- | --- | --- | --- | --- | --- |")
        for row in ledger.requirements:
            if row.id[0] == letter:
                checks = _codes(row.checks) or f"none: {row.none}"
                says = row.says.replace("|", "\\|")
                linked = f"[{row.id}]({row.clause.url})"
                parts.append(f"| {linked} | {_level(row)} | {row.party} | {says} | {checks} | {_codes(row.rules)} |")
        parts.append("")
    parts += ["## Decisions\n", "Where two passages cannot both be followed, the checks take one of them.\n"]
    parts += ["| id | the conflict | what the checks take for right |", "| --- | --- | --- |"]
    parts += [f"| {row.id} | {row.conflict} | {row.taken} |" for row in ledger.decisions]
    return "\n".join(parts).rstrip() + "\n"


def _summary(ledger: Ledger) -> Iterator[str]:
    counts = ledger.counts()
    levels = ("MUST", "MUST*", "SHOULD", "MAY")
    yield "| party | " + " | ".join(levels) + " | all | with a check |"
    yield "| --- " * (len(levels) + 3) + "|"
    for party in PARTIES:
        each = [counts[level, party] for level in levels]
        checked = sum(row.party == party for row in ledger.checked)
        yield f"| {party} | " + " | ".join(map(str, each)) + f" | {sum(each)} | {checked} |"
    totals = [sum(counts[level, party] for party in PARTIES) for level in levels]
    yield "| all | " + " | ".join(map(str, totals)) + f" | {sum(totals)} | {len(ledger.checked)} |"
    yield ""


def _level(row: Requirement) -> str:
    return f"{row.level}*" if row.implied else row.level


def _codes(ids: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in ids)
