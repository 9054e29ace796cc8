"""A rule that the linter knows: where it comes from, whom it binds, how strongly."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from asgi_conformance.spec import Clause

Level = Literal["MUST", "SHOULD", "PRACTICE"]


class Party(StrEnum):
    """Who is at fault: of two neighbouring layers, the inner one is the application and the outer one the server."""

    APPLICATION = "application"
    SERVER = "server"
    BOTH = "both"  # of rules only: whoever sends the message


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        id: ``area.clause.rule``; never changes.
        level: MUST, SHOULD, or PRACTICE for what no specification says and production relies on.
        requirement: the id in the table of ASGI requirements, or a section of an RFC.
        party: whom the rule binds.
        clause: where it is written.
        says: the rule as a sentence.
        implied: whether the specification states it as a fact instead of saying "must".
    """

    id: str
    level: Level
    requirement: str
    party: Party
    clause: Clause
    says: str
    implied: bool = False


def rule(  # noqa: PLR0917 - a row of a table
    rule_id: str,
    level: Literal["MUST", "MUST*", "SHOULD", "PRACTICE"],
    requirement: str,
    party: Party,
    clause: Clause,
    says: str,
) -> Rule:
    """A row of the catalogue."""
    if level == "MUST*":
        return Rule(rule_id, "MUST", requirement, party, clause, says, implied=True)
    return Rule(rule_id, level, requirement, party, clause, says)
