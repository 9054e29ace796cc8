"""One call of an application, followed message by message: what was wrong with each, and is at the end.

A conversation does no I/O. Whoever stands between the two sides (a linter, or a driver that plays the
server) tells it what passes, before it is passed on, and gets the problems back.
"""

from collections.abc import Collection, Mapping
from typing import Any

from asgi_conformance.protocol.grammar import Protocol, grammar
from asgi_conformance.protocol.problem import NONE, Problem, Problems, show
from asgi_conformance.protocol.scope import EXTENSIONS
from asgi_conformance.protocol.table import NOT_OFFERED, Table

_NO_EXTENSIONS: frozenset[str] = frozenset()


class Conversation:
    """One call of an application: what either side said so far, as two states.

    `scope` is that of the call. `gone` is true while the application knows that the client has gone, and the
    version is one in which `send` ought to raise then.
    """

    __slots__ = ("_application", "_context", "_excused", "_grammar", "_server", "gone", "scope")

    def __init__(self, protocol: Protocol, scope: Mapping[str, Any]) -> None:
        asgi = scope.get("asgi")
        claimed = asgi.get("spec_version") if type(asgi) is dict else None
        extensions = scope.get("extensions")
        offered = _NO_EXTENSIONS
        if extensions and isinstance(extensions, dict):
            offered = EXTENSIONS.intersection(extensions)
        self._grammar = known = grammar(protocol, claimed if type(claimed) is str else None, offered)
        self.scope = scope
        self._context = None if protocol.context is None else protocol.context(scope)
        self._excused = False
        self._application = known.application
        self._server = known.server
        self.gone = False

    @property
    def application(self) -> str:
        """How far the application has got: a state of the protocol's first table."""
        return self._application.state

    @property
    def server(self) -> str:
        """How far the server has got: a state of the protocol's second table."""
        return self._server.state

    def sent(self, message: Any) -> Problems:
        """The application sends a message: what is wrong with it."""
        before = self._application
        odd = NONE
        try:
            saying = before.said[message["type"]] if type(message) is dict else None
        except (KeyError, TypeError):
            saying = None
        if saying is None:
            message, odd = self._irregular(message, self._grammar.sent, "event.message.known")
            if message is None:
                self._excused = True
                return odd
            saying = before.said[message["type"]]
        quick, shape, flag, plain, flagged, follow = saying
        self._application, rule, heard, stuck = flagged if message.get(flag) else plain
        if heard is not None and not stuck:
            self._server = self._server.heard[heard]  # a server does not act on what it refuses
        right = quick(message)
        if right and rule is None:
            found = NONE if follow is None or self._context is None else follow(self._context, message)
            return found if odd is NONE else [*odd, *found]
        problems = [*odd, *(NONE if right else shape.problems(message))]
        if problems:
            self._context = None  # it could only say the same in other words
            # Nobody can tell which of the two events was meant by a flag that is no bool.
            self._excused = self._excused or type(message.get(flag, False)) is not bool
        if rule is not None:
            self._excused = self._excused or stuck
            problems.append(_refusal(self._grammar.protocol.application, rule, message, before.state))
        return problems

    def asked(self) -> None:
        """The application calls ``receive``."""
        event = self._application.asked
        if event is not None:
            self._server = self._server.heard[event]

    def delivered(self, message: Any) -> Problems:
        """The server delivers a message: what is wrong with it."""
        before = self._server
        odd = NONE
        try:
            saying = before.said[message["type"]] if type(message) is dict else None
        except (KeyError, TypeError):
            saying = None
        if saying is None:
            message, odd = self._irregular(message, self._grammar.delivered, "event.message.expected")
            if message is None:
                return odd
            saying = before.said[message["type"]]
        quick, shape, flag, plain, flagged, _ = saying
        self._server, rule, heard, _ = flagged if message.get(flag) else plain
        if heard is not None:
            self._hear(heard)
        problems = odd if quick(message) else [*odd, *shape.problems(message)]
        if rule is None:
            return problems
        return [*problems, _refusal(self._grammar.protocol.server, rule, message, before.state)]

    def _hear(self, event: str) -> None:
        protocol = self._grammar.protocol
        self._application = self._application.heard[event]
        if self._application.state == protocol.gone:
            self._context = None  # an answer that nobody waits for may stop anywhere
            self.gone = self._grammar.raises

    def lost(self) -> None:
        """A ``send`` raised: the connection is gone, or somebody in between refused what was sent."""
        self._excused = True
        self._context = None
        event = self._grammar.protocol.lost
        if event is not None:
            self._application = self._application.heard[event]

    def let_through(self, message: Any) -> Problems:
        """A ``send`` returned although the application knew that the client had gone; told once."""
        self.gone = False
        what = message.get("type") if isinstance(message, Mapping) else show(message)
        rule = self._grammar.protocol.gone_rule
        return [Problem(rule, "an OSError from send() on a closed connection", f"a send of {what} that returned")]

    def returned(self) -> Problems:
        """The call returned without an exception: what is missing."""
        rule = self._application.ending
        if rule is None or self._excused:
            return NONE
        table = self._grammar.protocol.application
        return [Problem(rule, table.expected[rule], f"a call that returned {table.when[self.application]}")]

    def _irregular(
        self, message: Any, known: Collection[str], unknown_rule: str
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
        extensions = self.scope.get("extensions")
        return isinstance(extensions, dict) and not EXTENSIONS.issuperset(extensions)


def _refusal(table: Table, rule: str, message: Mapping[str, Any], state: str) -> Problem:
    if rule == NOT_OFFERED:
        return Problem(rule, "an extension that the scope lists", f"{message['type']} without it")
    return Problem(rule, table.expected[rule], f"{message['type']} {table.when[state]}")
