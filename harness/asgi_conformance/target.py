"""The application or address under test, and what is known about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from asgi_conformance.check import BOUND
from asgi_conformance.loading import AppRef
from asgi_conformance.mutant import Mutant
from asgi_conformance.pattern import Pattern, Route


@dataclass(frozen=True, slots=True)
class Target:
    """What the checks are run on.

    Args:
        name: how reports call it: ``main:app``, a pattern's or mutant's name, or the URL.
        app: where to load it from; None for a URL.
        url: its address, for a target that runs elsewhere.
        routes: what checks may visit.
        capabilities: what the application as a whole can do, the names of its promises included.
        promises: named facts that checks hold it to.
        pattern: the declaration of a fixture app.
    """

    name: str
    app: AppRef | None = None
    url: str | None = None
    routes: tuple[Route, ...] = ()
    capabilities: frozenset[str] = frozenset()
    promises: Mapping[str, str] = field(default_factory=dict, hash=False)
    pattern: Pattern | None = None

    @classmethod
    def of_pattern(cls, pattern: Pattern, module: str) -> "Target":
        """The fixture app of that pattern; each load gives a fresh instance.

        It can do, besides what it declares, what checks of this very pattern need: ``pattern:sse.counter``, which
        siblings such as ``sse.counter.hardened`` have as well.
        """
        return cls(
            name=pattern.name,
            app=AppRef(f"{module}:app", fresh=True),
            routes=pattern.routes,
            capabilities=frozenset(pattern.capabilities) | frozenset(pattern.promises) | bound_to(pattern.name),
            promises=pattern.promises,
            pattern=pattern,
        )

    @property
    def words(self) -> frozenset[str]:
        """Every capability of the application and of its routes."""
        return self.capabilities.union(*(route.capabilities for route in self.routes))

    def mutated(self, mutant: Mutant) -> "Target":
        """This target, broken: no deviation is expected any more."""
        if self.app is None:
            raise ValueError(f"{self.name} cannot be mutated: it is not loaded here")
        app = replace(self.app, wrap=mutant.import_string)
        return replace(self, name=mutant.name, app=app, routes=mutant.routes or self.routes, pattern=None)

    def deviation(self, check_id: str, driver: str, route: Route | None) -> str | None:
        """Why this rule is expected to be broken here, or None."""
        if self.pattern is None:
            return None
        return self.pattern.deviation(check_id, driver, route)


def bound_to(name: str) -> frozenset[str]:
    """The capabilities that go with a fixture app's name: its pattern, and the pattern that it is a sibling of."""
    parts = name.split(".")
    return frozenset(BOUND + ".".join(parts[:length]) for length in range(2, len(parts) + 1))
