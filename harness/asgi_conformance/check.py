"""A check: one rule, its docstring, and the coroutine function that judges it."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from asgi_conformance.spec import Clause
from asgi_conformance.verdict import Level

if TYPE_CHECKING:
    from asgi_conformance.probe import Probe

MUST, SHOULD, PRACTICE, CLAIM = Level.MUST, Level.SHOULD, Level.PRACTICE, Level.CLAIM

BOUND = "pattern:"  # begins a need that only the apps of one documented pattern meet
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*){2}")


class Violation(Exception):
    """A rule is broken. Both parts are noun phrases, as short as they can be.

    `at` is the offending message, where there is one: the transcript's line of it gets a mark.
    """

    def __init__(self, *, expected: str, observed: str, at: object = None) -> None:
        super().__init__(f"expected {expected}, observed {observed}")
        self.expected = expected
        self.observed = observed
        self.at = at


class NotApplicable(Exception):
    """The target turned out not to promise what the check is about; the text says what is missing."""


class Blocked(Exception):
    """What the check builds on did not happen; the check that is about *that* tells more."""


class CheckFunction(Protocol):
    """What a suite file defines: ``async def test_rule(probe: Probe) -> None``."""

    __name__: str
    __doc__: str | None
    __module__: str

    async def __call__(self, probe: "Probe") -> None:
        """Judge what the probe reaches."""
        ...


F = TypeVar("F", bound=CheckFunction)


@dataclass(frozen=True, slots=True)
class Check:
    """One rule and how it is judged.

    `id` is ``area.clause.rule`` and never changes; `formerly` keeps an old one findable. `needs` names
    capabilities: of the route or application (``http``, ``sse``, …) and of the driver (``messages``, …).
    `hears_watchdog`: an application that holds the event loop breaks this rule; for every other check it is
    a reason why it could not run.
    """

    id: str
    level: Level
    clause: Clause
    needs: frozenset[str]
    function: CheckFunction
    formerly: str | None = None
    hears_watchdog: bool = False
    slow: bool = False

    @property
    def suite(self) -> str:
        """The area: the folder under ``suites/`` and the first part of the id."""
        return self.id.partition(".")[0]

    @property
    def bound(self) -> bool:
        """Whether it is about the app of one documented pattern, and so nothing to hold others to."""
        return self.level is CLAIM or any(need.startswith(BOUND) for need in self.needs)

    @property
    def title(self) -> str:
        """The rule as one sentence: the first line of the docstring."""
        return inspect.cleandoc(self.function.__doc__ or "").partition("\n")[0]

    @property
    def explanation(self) -> str:
        """Why it matters, the usual cause, the usual mend: the docstring below its first line."""
        return inspect.cleandoc(self.function.__doc__ or "").partition("\n")[2].strip()

    async def judge(self, probe: "Probe") -> None:
        """Judge what the probe reaches.

        Raises:
            Violation: the rule is broken.
            NotApplicable: the target does not promise what the rule is about.
            Blocked: what the rule builds on did not happen.
        """
        await self.function(probe)


class Registry:
    """Every check that has been defined, by id, in the order of definition."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, check: Check) -> None:
        """Take a new check; a second one of the same id from elsewhere is a mistake (ValueError)."""
        known = self._checks.get(check.id)
        if known is not None and known.function.__module__ != check.function.__module__:
            raise ValueError(f"check {check.id} is defined in {known.function.__module__} already")
        self._checks[check.id] = check

    def __iter__(self) -> Iterator[Check]:
        return iter(self._checks.values())

    def __len__(self) -> int:
        return len(self._checks)

    def __contains__(self, check_id: object) -> bool:
        return check_id in self._checks

    def __getitem__(self, check_id: str) -> Check:
        """The check of that id, present or former (KeyError)."""
        if check_id in self._checks:
            return self._checks[check_id]
        for check in self:
            if check.formerly == check_id:
                return check
        raise KeyError(check_id)


REGISTRY = Registry()


def check(
    check_id: str,
    *,
    level: Level,
    clause: Clause,
    needs: Iterable[str] = (),
    formerly: str | None = None,
    hears_watchdog: bool = False,
    slow: bool = False,
) -> Callable[[F], F]:
    """Register a coroutine function as the check `check_id`; the function itself is returned unchanged.

    Raises ValueError for a malformed id or a missing docstring: the docstring is what users read.
    """
    if not ID.fullmatch(check_id):
        raise ValueError(f"{check_id!r} is not of the form area.clause.rule, in lower case with dashes")

    def register(function: F) -> F:
        if not (function.__doc__ or "").strip():
            raise ValueError(f"check {check_id} has no docstring, and the docstring is its documentation")
        made = Check(check_id, level, clause, frozenset(needs), function, formerly, hears_watchdog, slow)
        REGISTRY.add(made)
        function.__check__ = made  # type: ignore[attr-defined]
        return function

    return register
