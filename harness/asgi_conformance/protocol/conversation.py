"""One call of an application, followed message by message: what was wrong with each, and is at the end.

A conversation does no I/O. Whoever stands between the two sides (a linter, or a driver that plays the
server) tells it what passes, before it is passed on, and gets the problems back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from typing import Protocol as Interface

from asgi_conformance.protocol.problem import NONE, Problem, Problems, show
from asgi_conformance.protocol.scope import EXTENSIONS
from asgi_conformance.protocol.shape import Shape
from asgi_conformance.protocol.table import NOT_OFFERED, Table
from asgi_conformance.protocol.version import SEND_RAISES, Version, spec_version


class Context(Interface):
    """What a message has to agree with besides the table: earlier messages, or the scope."""

    def sent(self, message: Mapping[str, Any]) -> Problems:
        """What is wrong with a message of the right shape, sent at the right time."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """A message type: its shape, and the event that it is; another one if the key `flag` is true."""

    shape: Shape
    event: str
    flag: str | None = None
    flagged: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Protocol:
    """A protocol: the two tables, and how messages become events of them.

    Args:
        name: the type of its scopes.
        application: what applications may send.
        server: what servers may deliver.
        sent: the messages of the application.
        delivered: the messages of the server.
        heard_by_application: events of the server that are events of the application's table too.
        heard_by_server: the reverse.
        asked: states of the application in which calling ``receive`` is an event of the server's table.
        lost: the application's event for a `send` that raised.
        gone: the application's state once it knows that the client has gone.
        gone_rule: what a server breaks that lets a `send` pass in that state.
        context: makes what a message has to agree with, from the scope.
    """

    name: str
    application: Table
    server: Table
    sent: tuple[Said, ...]
    delivered: tuple[Said, ...]
    heard_by_application: Mapping[str, str] = field(default_factory=dict)
    heard_by_server: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)
    lost: str | None = None
    gone: str | None = None
    gone_rule: str = ""
    context: Callable[[Mapping[str, Any]], Context] | None = None


Entry = tuple[Shape, str, str | None, str]
Cells = Mapping[str, Mapping[str, tuple[str, str | None, str | None]]]


class Grammar:
    """A protocol at one version and with one set of extensions, ready for look-ups.

    A cell says which state follows, which rule is broken, and which event the other side's table hears.
    """

    __slots__ = ("asked", "delivered", "delivered_cells", "protocol", "raises", "sent", "sent_cells")

    def __init__(self, protocol: Protocol, version: Version, offered: frozenset[str]) -> None:
        self.protocol = protocol
        self.raises = version >= SEND_RAISES
        self.sent = _entries(protocol.sent, version)
        self.delivered = _entries(protocol.delivered, version)
        self.sent_cells = _cells(protocol.application, protocol.heard_by_server, version, offered)
        self.delivered_cells = _cells(protocol.server, protocol.heard_by_application, version, offered)
        self.asked = protocol.asked


@lru_cache(maxsize=256)
def grammar(protocol: Protocol, claimed: str | None, offered: frozenset[str]) -> Grammar:
    """The protocol as a server offers it that claims this `spec_version` and lists these known extensions."""
    return Grammar(protocol, spec_version(claimed), offered)


def _entries(messages: tuple[Said, ...], version: Version) -> Mapping[str, Entry]:
    return {said.shape.name: (said.shape.at(version), said.event, said.flag, said.flagged) for said in messages}


def _cells(table: Table, heard: Mapping[str, str], version: Version, offered: frozenset[str]) -> Cells:
    # What is refused without consequences, the other side does not hear.
    return {
        state: {
            event: (after, rule, heard.get(event) if rule is None or table.goes_on(state, event) else None)
            for event, (after, rule) in row.items()
        }
        for state, row in table.rows(version, offered).items()
    }


_NO_EXTENSIONS: frozenset[str] = frozenset()


class Conversation:
    """One call of an application: what either side said so far, as two states.

    `application` and `server` are states of the protocol's two tables. `gone` is true while the application
    knows that the client has gone, and the version is one in which `send` ought to raise then.
    """

    __slots__ = ("_context", "_excused", "_grammar", "_scope", "application", "gone", "server")

    def __init__(self, protocol: Protocol, scope: Mapping[str, Any]) -> None:
        asgi = scope.get("asgi")
        claimed = asgi.get("spec_version") if type(asgi) is dict else None
        extensions = scope.get("extensions")
        offered = _NO_EXTENSIONS
        if extensions and isinstance(extensions, dict):
            offered = EXTENSIONS.intersection(extensions)
        self._grammar = grammar(protocol, claimed if type(claimed) is str else None, offered)
        self._scope = scope
        self._context = None if protocol.context is None else protocol.context(scope)
        self._excused = False
        self.application = protocol.application.initial
        self.server = protocol.server.initial
        self.gone = False

    def sent(self, message: Any) -> Problems:
        """The application sends a message: what is wrong with it."""
        odd = NONE
        grammar = self._grammar
        try:
            entry = grammar.sent[message["type"]] if type(message) is dict else None
        except (KeyError, TypeError):
            entry = None
        if entry is None:
            message, odd = self._irregular(message, grammar.sent, "event.message.known")
            if message is None:
                self._excused = True
                return odd
            entry = grammar.sent[message["type"]]
        shape, event, flag, flagged = entry
        problems = shape.problems(message)
        if problems:
            self._context = None  # it could only say the same in other words
        if flag is not None and message.get(flag):
            event = flagged
            if message[flag] is not True:
                self._excused = True  # nobody can tell which of the two was meant
        before = self.application
        self.application, rule, heard = grammar.sent_cells[before][event]
        if heard is not None:
            self.server = grammar.delivered_cells[self.server][heard][0]
        if rule is not None:
            table = grammar.protocol.application
            if not table.goes_on(before, event):
                self._excused = True
            return [*odd, *problems, _refusal(table, rule, message, before)]
        if self._context is not None and (found := self._context.sent(message)):
            return [*odd, *found]
        return problems if odd is NONE else [*odd, *problems]

    def asked(self) -> None:
        """The application calls ``receive``."""
        event = self._grammar.asked.get(self.application)
        if event is not None:
            self.server = self._grammar.delivered_cells[self.server][event][0]

    def delivered(self, message: Any) -> Problems:
        """The server delivers a message: what is wrong with it."""
        odd = NONE
        grammar = self._grammar
        try:
            entry = grammar.delivered[message["type"]] if type(message) is dict else None
        except (KeyError, TypeError):
            entry = None
        if entry is None:
            message, odd = self._irregular(message, grammar.delivered, "event.message.expected")
            if message is None:
                return odd
            entry = grammar.delivered[message["type"]]
        shape, event, flag, flagged = entry
        problems = shape.problems(message)
        if flag is not None and message.get(flag):
            event = flagged
        before = self.server
        self.server, rule, heard = grammar.delivered_cells[before][event]
        if heard is not None:
            self.application = grammar.sent_cells[self.application][heard][0]
            self.gone = grammar.raises and self.application == grammar.protocol.gone
        if rule is not None:
            return [*odd, *problems, _refusal(grammar.protocol.server, rule, message, before)]
        return problems if odd is NONE else [*odd, *problems]

    def lost(self) -> None:
        """A ``send`` raised: the connection is gone, or somebody in between refused what was sent."""
        self._excused = True
        if self._grammar.protocol.lost is not None:
            self.application = self._grammar.sent_cells[self.application][self._grammar.protocol.lost][0]

    def let_through(self, message: Mapping[str, Any]) -> Problems:
        """A ``send`` returned although the application knew that the client had gone; told once."""
        self.gone = False
        observed = f"a send of {message['type']} that returned"
        return [Problem(self._grammar.protocol.gone_rule, "an OSError from send() on a closed connection", observed)]

    def returned(self) -> Problems:
        """The call returned without an exception: what is missing."""
        table = self._grammar.protocol.application
        rule = None if self._excused else table.endings.get(self.application)
        if rule is None:
            return NONE
        return [Problem(rule, table.expected[rule], f"a call that returned {table.when[self.application]}")]

    def _irregular(
        self, message: Any, known: Mapping[str, Entry], unknown_rule: str
    ) -> tuple[dict[str, Any] | None, Problems]:
        """A message that is no plain dict of a known type: what can be judged of it, and what is wrong."""
        problems: list[Problem] = []
        if not isinstance(message, dict):
            problems.append(Problem("event.message.dict", "a dict", f"an object of type {type(message).__name__}"))
            if not isinstance(message, Mapping):
                return None, problems
            message = dict(message)
        kind = message.get("type")
        if not isinstance(kind, str):
            observed = show(kind) if "type" in message else "no such key"
            return None, [*problems, Problem("event.message.type", "a str as 'type'", observed)]
        if kind in known:
            return message, problems or NONE
        protocol = self._grammar.protocol.name
        if not kind.startswith(f"{protocol}."):
            expected = f"a type that begins with {protocol!r} and a dot"
            return None, [*problems, Problem("event.message.namespace", expected, show(kind))]
        if not self._foreign_extensions():
            expected = "a message of the protocol, or of an extension that the scope lists"
            problems.append(Problem(unknown_rule, expected, show(kind)))
        return None, problems

    def _foreign_extensions(self) -> bool:
        """Whether the scope lists extensions that only the two sides know; they may have messages of their own."""
        extensions = self._scope.get("extensions")
        return isinstance(extensions, dict) and not EXTENSIONS.issuperset(extensions)


def _refusal(table: Table, rule: str, message: Mapping[str, Any], state: str) -> Problem:
    if rule == NOT_OFFERED:
        return Problem(rule, "an extension that the scope lists", f"{message['type']} without it")
    return Problem(rule, table.expected[rule], f"{message['type']} {table.when[state]}")
