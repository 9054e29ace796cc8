"""The servers that can be driven: one module each, named like the server, with an `ADAPTER` in it.

A variant's name is the server's name and words of its adapter, joined with dashes in any order:
``uvicorn``, ``uvicorn-h11``, ``uvicorn-h11-uvloop-wsproto``.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from socket import socket
from types import MappingProxyType

from asgi_conformance.drivers.base import Unreachable
from asgi_conformance.protocol.types import ASGIApp


class UnknownServer(ValueError):
    """There is no such server, or no such variant of it; the text says which there are."""


class NotInstalled(Unreachable):
    """The server or a part of the variant is not installed; the text says what to install."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What a check may ask of a server; None leaves the server's own default.

    Args:
        grace: seconds that open connections are given at shutdown.
        root_path: the prefix under which a proxy is said to have mounted the application.
        websocket_max_size: bytes of the largest websocket message that is accepted.
        websocket_ping_interval: seconds between keepalive pings.
        websocket_ping_timeout: seconds to wait for the answer to one.
        certificate: a PEM file with the server's certificate and its key; the server then speaks TLS.
        client_authority: a PEM file with the authority of client certificates, which are then asked for.
    """

    grace: int | None = None
    root_path: str = ""
    websocket_max_size: int | None = None
    websocket_ping_interval: float | None = None
    websocket_ping_timeout: float | None = None
    certificate: str | None = None
    client_authority: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a variant's name: it sets `option` to `value`, and needs the importable `module`."""

    option: str
    value: str
    module: str | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """What an adapter is to run, in the current process, until the server ends.

    `choices` are the options set by the words of the variant. `started` is to be called once the server
    serves.
    """

    app: ASGIApp
    sockets: tuple[socket, ...]
    choices: Mapping[str, str]
    options: ServerOptions
    started: Callable[[], None]


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What is asked of a server that is started by its own command line.

    Args:
        app: the application's import string.
        descriptor: the listening socket.
        workers: how many processes are to serve.
        interface: ``auto``, which finds out what kind of application it is, or ``wsgi``.
    """

    app: str
    descriptor: int
    workers: int = 1
    interface: str = "auto"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A server: its name, the words of its variants, and how it is run.

    Args:
        name: of the server; the module of the adapter is called the same.
        module: what has to be importable.
        run: serves until the server ends on its own terms: signals and exit codes are the server's.
        words: of the variants; no word may be another one with a dash and more before a shorter one.
        supports: names of the :class:`ServerOptions` that the server has.
        preload: modules worth importing before a process is forked for it.
        tells_start: `run` calls ``Launch.started``; otherwise the end of the lifespan's startup stands for it.
        command: the module to be run for a command line and its arguments, where the server has one.
    """

    name: str
    module: str
    run: Callable[[Launch], None]
    words: Mapping[str, Word] = field(default_factory=lambda: MappingProxyType({}))
    supports: frozenset[str] = frozenset()
    preload: tuple[str, ...] = ()
    tells_start: bool = True
    command: Callable[[CommandLine], tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One server with some of its parts chosen."""

    name: str
    adapter: Adapter
    words: tuple[str, ...] = ()

    @property
    def choices(self) -> dict[str, str]:
        """The adapter's options and what the words set them to."""
        chosen = (self.adapter.words[word] for word in self.words)
        return {word.option: word.value for word in chosen}

    @property
    def missing(self) -> str | None:
        """What to install before this variant can run, in a sentence; None when nothing is missing."""
        modules = [self.adapter.module, *(self.adapter.words[word].module for word in self.words)]
        absent = [name for name in modules if name is not None and importlib.util.find_spec(name) is None]
        if not absent:
            return None
        return f"the server {self.name} needs {' and '.join(absent)}: pip install {' '.join(absent)}"


def known_servers() -> list[str]:
    """The names of all servers that have an adapter."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find_variant(name: str) -> Variant:
    """The variant of that name, installed or not.

    Raises UnknownServer when the server or one of the words is not known, or two of them exclude each other.
    """
    server, dash, rest = name.partition("-")
    if server not in known_servers():
        raise UnknownServer(f"unknown server {server!r}; known: {', '.join(known_servers())}")
    adapter: Adapter = importlib.import_module(f"{__name__}.{server}").ADAPTER
    words = tuple(_words(name, rest, adapter)) if dash else ()
    options: dict[str, str] = {}
    for word in words:
        other = options.setdefault(adapter.words[word].option, word)
        if other != word:
            raise UnknownServer(f"{name!r} names both {other!r} and {word!r}, which exclude each other")
    return Variant(name, adapter, words)


def _words(name: str, rest: str, adapter: Adapter) -> list[str]:
    """The words in the rest of a name; a word may have dashes of its own, so the longest that fits is taken."""
    longest_first = sorted(adapter.words, key=len, reverse=True)
    found = []
    rest += "-"
    while rest:
        word = next((word for word in longest_first if rest.startswith(f"{word}-")), None)
        if word is None:
            unknown = rest.partition("-")[0]
            has = ", ".join(sorted(adapter.words)) or "none"
            raise UnknownServer(f"unknown word {unknown!r} in {name!r}; {adapter.name} has: {has}")
        found.append(word)
        rest = rest[len(word) + 1 :]
    return found
