"""What a fixture app declares about itself: its pattern, its routes, what they can do, where it deviates."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deviation:
    """Why a documented form breaks a rule, in the user's terms; `drivers` where it shows (empty: everywhere).

    `unless` holds words of variants in which it does not show.
    """

    reason: str
    drivers: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()

    def shows_on(self, driver: str) -> bool:
        """Whether the deviation shows through this driver (a name stands for all variants that add words to it)."""
        words = _words(driver)
        if words & self.unless:
            return False
        return not self.drivers or any(words >= _words(name) for name in self.drivers)


def _words(driver: str) -> frozenset[str]:
    """The words of a variant's name; there is one that has a dash of its own."""
    dashed = "websockets-sansio"
    if f"-{dashed}" in driver:
        return _words(driver.replace(f"-{dashed}", "")) | {dashed}
    return frozenset(driver.split("-"))


Deviations = Mapping[str, str | Deviation]


@dataclass(frozen=True, slots=True)
class Route:
    """One address of an application and what it can do there.

    `path` is concrete, with its query string if it needs one. `capabilities` are the words that checks
    ask for in their `needs`; ARCHITECTURE.md lists them. `deviations` hold for this route alone.
    """

    method: str
    path: str
    capabilities: frozenset[str] | set[str] = frozenset()
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    deviations: Deviations = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A documented pattern and the fixture app that implements it.

    Args:
        name: the pattern's id (``sse.counter``); a hardened sibling adds a word (``sse.counter.hardened``).
        documented: the source documents and headings, as the pattern reference names them.
        routes: what checks may visit.
        capabilities: what the application as a whole can do (``lifespan``, …).
        promises: named facts that checks hold it to, such as ``{"middleware.header": "x-process-time"}``;
            each name is a capability too.
        deviations: rules that the documented form breaks, by check id, with the reason. They are strict.
        hardened: the name of the sibling that does it right, where the documented form deviates.
        to_run: the smallest change that made the documented form run, in a sentence.
    """

    name: str
    documented: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    capabilities: frozenset[str] | set[str] = frozenset()
    promises: Mapping[str, str] = field(default_factory=dict, hash=False)
    deviations: Deviations = field(default_factory=dict, hash=False)
    hardened: str | None = None
    to_run: str = ""

    def deviation(self, check_id: str, driver: str, route: Route | None) -> str | None:
        """The declared reason why this rule is broken here, or None."""
        declared = (route.deviations.get(check_id) if route else None) or self.deviations.get(check_id)
        if isinstance(declared, Deviation):
            return declared.reason if declared.shows_on(driver) else None
        return declared
