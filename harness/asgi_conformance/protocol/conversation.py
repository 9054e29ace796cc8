"""One call of an application, followed message by message: what was wrong with each, and is at the end.

A conversation does no I/O. Whoever stands between the two sides (a linter, or a driver that plays the
server) tells it what passes, before it is passed on, and gets the problems back.
"""

from collections.abc import Collection, Mapping
from typing import Any

from asgi_conformance.protocol.grammar import Node, Protocol, grammar
from asgi_conformance.protocol.problem import NONE, Problem, Problems, show
from asgi_conformance.protocol.scope import EXTENSIONS
from asgi_conformance.protocol.table import NOT_OFFERED, Table

_NOTHING: frozenset[str] = frozenset()

# Where every application gets in the end: it may say nothing, and ask for nothing.
_OVER = Node("over", asked="over")


class Conversation:
    """One call of an application: what either side said so far, as two states.

    `scope` is that of the call. `gone` is true while the application knows that the client has gone, and the
    version is one in which `send` ought to raise then. `opening` and `left` are for
    :mod:`asgi_conformance.protocol.content`.
    """

    __slots__ = ("_application", "_excused", "_grammar", "_server", "gone", "left", "opening", "scope")

    def __init__(self, protocol: Protocol, scope: Mapping[str, Any]) -> None:
        asgi = scope.get("asgi")
        claimed = asgi.get("spec_version") if type(asgi) is dict else None
        extensions = scope.get("extensions")
        offered = EXTENSIONS.intersection(extensions) if isinstance(extensions, dict) else _NOTHING
        self._grammar = known = grammar(protocol, claimed if type(claimed) is str else None, offered)
        self._application = known.application
        self._server = known.server
        self._excused = False
        self.scope = scope
        self.gone = False
        self.left: int | None = None
        self.opening: Mapping[str, Any] | None = None

    @property
    def application(self) -> str:
        """How far the application has got: a state of the protocol's first table, or ``over``."""
        return self._application.state

    @property
    def server(self) -> str:
        """How far the server has got: a state of the protocol's second table."""
        return self._server.state

    def sent(self, message: Any) -> Problems:
        """The application sends a message: what is wrong with it."""
        before = self._application
        try:
            saying = before.said[message["type"]] if type(message) is dict else None
        except (KeyError, TypeError):
            saying = None
        if saying is None:
            return self._sent_oddly(message)
        quick, shape, flag, plain, flagged, follow = saying
        self._application, rule, heard, stuck = flagged if message.get(flag) else plain
        if heard is not None and not stuck:
            self._server = self._server.heard[heard]  # a server does not act on what it refuses
        right = quick(message)
        if right and rule is None:
            return NONE if follow is None else follow(self, message)
        problems = [] if right else [*shape.problems(message)]
        if problems:
            self._forget()  # it could only lead to the same in other words
            # Nobody can tell which of the two events was meant by a flag that is no bool.
            self._excused = self._excused or type(message.get(flag, False)) is not bool
        if rule is not None:
            self._excused = self._excused or stuck
            problems.append(_refusal(self._grammar.protocol.application, rule, message, before.state))
        return problems

    def asked(self) -> Problems:
        """The application calls ``receive``: what is wrong with that."""
        event = self._application.asked
        if event is None:
            return NONE
        if self._application is _OVER:
            return [Problem("call.return.receive", "nothing after the end of the call", "receive()")]
        self._server = self._server.heard[event]
        return NONE

    def delivered(self, message: Any) -> Problems:
        """The server delivers a message: what is wrong with it."""
        before = self._server
        try:
            saying = before.said[message["type"]] if type(message) is dict else None
        except (KeyError, TypeError):
            saying = None
        if saying is None:
            return self._delivered_oddly(message)
        quick, shape, flag, plain, flagged, _ = saying
        self._server, rule, heard, _ = flagged if message.get(flag) else plain
        if heard is not None:
            self._hear(heard)
        problems = NONE if quick(message) else shape.problems(message)
        if rule is None:
            return problems
        return [*problems, _refusal(self._grammar.protocol.server, rule, message, before.state)]

    def _hear(self, event: str) -> None:
        protocol = self._grammar.protocol
        self._application = self._application.heard.get(event, self._application)
        if self._application.state == protocol.gone:
            self._forget()
            self.gone = self._grammar.raises

    def lost(self) -> None:
        """A ``send`` raised: the connection is gone, or somebody in between refused what was sent."""
        self._excused = True
        self._forget()
        event = self._grammar.protocol.lost
        if event is not None:
            self._application = self._application.heard.get(event, self._application)

    def let_through(self, message: Any) -> Problems:
        """A ``send`` returned although the application knew that the client had gone; told once."""
        self.gone = False
        what = message.get("type") if isinstance(message, Mapping) else show(message)
        rule = self._grammar.protocol.gone_rule
        return [Problem(rule, "an OSError from send() on a closed connection", f"a send of {what} that returned")]

    def returned(self) -> Problems:
        """The call returned without an exception: what is missing. If it was abandoned, the reason is raised."""
        end = self._application
        self._application = _OVER
        if end.reason is not None:
            raise end.reason
        if end.ending is None or self._excused:
            return NONE
        table = self._grammar.protocol.application
        return [Problem(end.ending, table.expected[end.ending], f"a call that returned {table.when[end.state]}")]

    def over(self) -> None:
        """The call ended with an exception: nothing is missing, and nothing may follow."""
        self._application = _OVER

    def abandon(self, reason: BaseException) -> None:
        """Judge nothing any more until the end of the call: what follows may be owed to the reason alone."""
        self._application = self._server = Node("abandoned", reason=reason)

    def _forget(self) -> None:
        self.opening = None
        self.left = None

    def _sent_oddly(self, message: Any) -> Problems:
        """The application sends something that is no plain dict of a known type, or sends it too late."""
        if self._application is _OVER:
            what = message.get("type") if isinstance(message, Mapping) else show(message)
            return [Problem("call.return.send", "nothing after the end of the call", f"send() of {what}")]
        if self._application.reason is not None:
            return NONE
        understood, odd = self._understood(message, self._grammar.sent, "event.message.known")
        if understood is None:
            self._excused = True
            return odd
        return [*odd, *self.sent(understood)]

    def _delivered_oddly(self, message: Any) -> Problems:
        """The server delivers something that is no plain dict of a known type."""
        if self._server.reason is not None:
            return NONE
        understood, odd = self._understood(message, self._grammar.delivered, "event.message.expected")
        return odd if understood is None else [*odd, *self.delivered(understood)]

    def _understood(
        self, message: Any, known: Collection[str], unknown_rule: str
    ) -> tuple[dict[Any, Any] | None, Problems]:
        """The message as a plain dict of a known type, or None; and what is wrong with it so far."""
        problems: list[Problem] = []
        if not isinstance(message, dict):
            problems.append(Problem("event.message.dict", "a dict", f"an object of type {type(message).__name__}"))
            if not isinstance(message, Mapping):
                return None, problems
        kind = message.get("type")
        if not isinstance(kind, str):
            observed = show(kind) if "type" in message else "no such key"
            return None, [*problems, Problem("event.message.type", "a str as 'type'", observed)]
        if kind in known:
            return dict(message), problems
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
