"""What becomes of a finding: it is handed over, warned about or raised."""

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from asgi_conformance.lint.catalogue import RULES
from asgi_conformance.lint.finding import (
    ApplicationViolation,
    LintFinding,
    ProtocolViolation,
    ProtocolWarning,
    ServerViolation,
)
from asgi_conformance.lint.rule import Party
from asgi_conformance.protocol.problem import Problem, Problems

OnViolation = Callable[[LintFinding], object]


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of a finding.

    Args:
        on_violation: called with each finding. Without it, a SHOULD is a warning and everything else raises.
        only: the party whose findings count; None for both.
        ignore: ids of rules whose findings do not count.
    """

    on_violation: OnViolation | None = None
    only: Party | None = None
    ignore: Collection[str] = ()

    def apply(self, problems: Problems, party: Party, scope: Any) -> ProtocolViolation | None:
        """Hand over the problems that `party` has caused, or warn; returns what is to be raised."""
        for problem in problems:
            finding = _finding(problem, party, scope)
            if problem.rule in self.ignore or self.only not in {None, party}:
                continue
            if self.on_violation is not None:
                self.on_violation(finding)
            elif finding.level == "SHOULD":
                # Without the path, so that the same fault everywhere is one warning, as Python counts them.
                warnings.warn(ProtocolWarning(str(replace(finding, where=""))), stacklevel=4)
            else:
                return (ApplicationViolation if party is Party.APPLICATION else ServerViolation)(finding)
        return None


def _finding(problem: Problem, party: Party, scope: Any) -> LintFinding:
    rule = RULES[problem.rule]
    return LintFinding(
        rule=rule.id,
        requirement=rule.requirement,
        party=party,
        expected=problem.expected,
        observed=problem.observed,
        url=rule.clause.url,
        level=rule.level,
        where=_where(scope),
    )


def _where(scope: Any) -> str:
    if not isinstance(scope, Mapping):
        return ""
    words = (scope.get("type"), scope.get("method"), scope.get("path"))
    return " ".join(word for word in words if isinstance(word, str))
