"""A passive linter for ASGI: wraps an application, and finds what either side does wrong.

It knows the protocols as tables (:mod:`asgi_conformance.protocol`) and every rule by id (`RULES`).
"""

from asgi_conformance.lint.catalogue import RULES
from asgi_conformance.lint.finding import (
    ApplicationViolation,
    LintFinding,
    ProtocolViolation,
    ProtocolWarning,
    ServerViolation,
)
from asgi_conformance.lint.linter import Lint, lint
from asgi_conformance.lint.rule import Party, Rule

__all__ = [
    "RULES",
    "ApplicationViolation",
    "Lint",
    "LintFinding",
    "Party",
    "ProtocolViolation",
    "ProtocolWarning",
    "Rule",
    "ServerViolation",
    "lint",
]
