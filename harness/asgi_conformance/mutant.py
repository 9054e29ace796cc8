"""Mutants: fixture apps with one bug each, and the exact set of checks that must notice it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from asgi_conformance.pattern import Route
from asgi_conformance.protocol.types import ASGIApp

Mutation = Callable[[ASGIApp], ASGIApp]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fixture app, broken in one place.

    Args:
        name: what is broken, in words with dashes; unique.
        base: the pattern whose app is broken. It should break no rule itself.
        killed_by: the ids of exactly the checks that find the mutant broken.
        mutate: takes the sound app and gives the broken one.
        driver: where the mutant is judged: ``in-process``, or a server's name for what shows only there.
        routes: replaces the pattern's routes where the mutation is about one of them only.
    """

    name: str
    base: str
    killed_by: frozenset[str]
    mutate: Mutation
    driver: str = "in-process"
    routes: tuple[Route, ...] | None = None

    @property
    def import_string(self) -> str:
        """Where :mod:`asgi_conformance.loading` finds the mutation."""
        return f"{self.mutate.__module__}:{self.mutate.__name__}"


class Server(Protocol):
    """One connection of a server that does no I/O itself."""

    over: bool

    def received(self, data: bytes) -> bytes:
        """What to send for these bytes."""
        ...


@dataclass(frozen=True, slots=True)
class ServerMutant:
    """A server of our own with one bug, for rules that no application can break.

    Args:
        name: what is broken, in words with dashes; unique.
        killed_by: the ids of exactly the checks that find it broken; a ``*`` stands for any characters, and an id
            that begins with ``-`` is taken out again.
        make: gives the server's side of a new connection.
    """

    name: str
    killed_by: tuple[str, ...]
    make: Callable[[], Server]

    def killers(self, check_ids: Iterable[str]) -> frozenset[str]:
        """Which of these checks have to find it broken."""
        found: set[str] = set()
        ids = list(check_ids)
        for word in self.killed_by:
            matching = {check_id for check_id in ids if fnmatchcase(check_id, word.removeprefix("-"))}
            found = found - matching if word.startswith("-") else found | matching
        return frozenset(found)


SERVER_MUTANTS: dict[str, ServerMutant] = {}
S = TypeVar("S", bound=type)


def server_mutant(name: str, *, killed_by: Iterable[str]) -> Callable[[S], S]:
    """Register a class whose instances are connections of a broken server; it is returned unchanged."""

    def register(make: S) -> S:
        SERVER_MUTANTS[name] = ServerMutant(name, tuple(killed_by), make)
        return make

    return register


class Mutants:
    """Every mutant that has been defined, by name, in the order of definition."""

    def __init__(self) -> None:
        self._mutants: dict[str, Mutant] = {}

    def add(self, mutant: Mutant) -> None:
        """Take a new mutant; a second one of the same name is a mistake (ValueError)."""
        known = self._mutants.get(mutant.name)
        if known is not None and known.mutate.__module__ != mutant.mutate.__module__:
            raise ValueError(f"mutant {mutant.name} is defined in {known.mutate.__module__} already")
        self._mutants[mutant.name] = mutant

    def __iter__(self) -> Iterator[Mutant]:
        return iter(self._mutants.values())

    def __getitem__(self, name: str) -> Mutant:
        return self._mutants[name]


MUTANTS = Mutants()


def mutant(
    name: str,
    *,
    base: str,
    killed_by: Iterable[str],
    driver: str = "in-process",
    routes: tuple[Route, ...] | None = None,
) -> Callable[[Mutation], Mutation]:
    """Register ``def broken(app) -> app`` as a mutant of the pattern `base`; the function is returned unchanged."""

    def register(mutate: Mutation) -> Mutation:
        MUTANTS.add(Mutant(name, base, frozenset(killed_by), mutate, driver, routes))
        return mutate

    return register
