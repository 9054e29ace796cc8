"""A protocol put together: tables, messages and shapes, ready for look-ups at one version.

Nothing is decided here. What the tables and shapes say is arranged so that following a message takes one
look-up by its type in the present state.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from asgi_conformance.protocol.content import Memory
from asgi_conformance.protocol.problem import Problems
from asgi_conformance.protocol.quick import Quick
from asgi_conformance.protocol.shape import Shape
from asgi_conformance.protocol.table import Rows, Table
from asgi_conformance.protocol.version import SEND_RAISES, Version, spec_version

Follow = Callable[[Memory, Mapping[str, Any]], Problems]


@dataclass(frozen=True, slots=True)
class Said:
    """A message type: its shape, and the event that it is; another one if the key `flag` is true.

    `follow` finds what is wrong with a message that is right so far in the light of what is remembered.
    """

    shape: Shape
    event: str
    flag: str | None = None
    flagged: str = ""
    follow: Follow | None = None


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


class Node:
    """A state of one side: what comes of each message it may send, and of each event it may hear.

    `asked` is the event that the other side hears if ``receive`` is called now; `ending` is the rule that is
    broken if the call returns now. `reason` is why nothing is judged any more, if so.
    """

    __slots__ = ("asked", "ending", "heard", "reason", "said", "state")

    def __init__(
        self, state: str, *, asked: str | None = None, ending: str | None = None, reason: BaseException | None = None
    ) -> None:
        self.state = state
        self.reason = reason
        self.asked = asked
        self.ending = ending
        self.said: dict[str, Saying] = {}
        self.heard: dict[str, Node] = {}


# What a message leads to: the next state, the rule that is broken, what the other side hears of it, and whether
# the one who sent it has lost the thread.
Outcome = tuple[Node, str | None, str | None, bool]

# A message in a state: its shape (the quick look, and the thorough one), the key that tells two events apart,
# what comes of the message without and with it, and what it has to agree with.
Saying = tuple[Quick, Shape, str | None, Outcome, Outcome, Follow | None]


class Grammar:
    """A protocol at one version and with one set of extensions.

    `application` and `server` are where the two sides begin; `raises` says whether `send` ought to raise
    on a closed connection.
    """

    __slots__ = ("application", "delivered", "protocol", "raises", "sent", "server")

    def __init__(self, protocol: Protocol, version: Version, offered: frozenset[str]) -> None:
        self.protocol = protocol
        self.raises = version >= SEND_RAISES
        self.sent = frozenset(said.shape.name for said in protocol.sent)
        self.delivered = frozenset(said.shape.name for said in protocol.delivered)
        self.application = _nodes(
            protocol.application,
            protocol.application.rows(version, offered),
            _at(version, protocol.sent),
            protocol.heard_by_server,
            protocol,
        )
        self.server = _nodes(
            protocol.server,
            protocol.server.rows(version, offered),
            _at(version, protocol.delivered),
            protocol.heard_by_application,
            protocol,
        )


@lru_cache(maxsize=256)
def grammar(protocol: Protocol, claimed: str | None, offered: frozenset[str]) -> Grammar:
    """The protocol as a server has it that claims this `spec_version` and lists these known extensions."""
    return Grammar(protocol, spec_version(claimed), offered)


def _at(version: Version, messages: tuple[Said, ...]) -> list[Said]:
    return [replace(said, shape=said.shape.at(version)) for said in messages]


def _nodes(table: Table, rows: Rows, messages: list[Said], heard: Mapping[str, str], protocol: Protocol) -> Node:
    """The table as nodes that refer to each other; the initial one is returned."""
    asked = protocol.asked if table is protocol.application else {}
    nodes = {state: Node(state, asked=asked.get(state), ending=table.endings.get(state)) for state in table.states}
    for state, row in rows.items():
        node = nodes[state]
        outcomes: dict[str, Outcome] = {}
        for event, (after, rule) in row.items():
            stuck = rule is not None and not table.goes_on(state, event)
            outcomes[event] = (nodes[after], rule, heard.get(event), stuck)
            node.heard[event] = nodes[after]
        for said in messages:
            flagged = outcomes[said.event if said.flag is None else said.flagged]
            shape = said.shape
            # An answer that nobody waits for may be anything.
            follow = None if state == protocol.gone else said.follow
            node.said[shape.name] = (shape.quick, shape, said.flag, outcomes[said.event], flagged, follow)
    return nodes[table.initial]
