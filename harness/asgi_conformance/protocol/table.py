"""One direction of a protocol as a table: what may be said in which state, and which rule forbids the rest.

A *state* says how far one side has got. An *event* is a message of that side, told apart further where it
matters (a body that is the last one is another event than one that is not), or a message of the other side
that changes what this side may say. Every event has a place in the row of every state, in one of three ways:

- it is in `moves` alone: legal, and leads to the state named there;
- it is in `refusals` alone: forbidden by the rule named there, and changes nothing;
- it is in both: the rule is broken, but everybody goes on as if it had been kept.

Some rules bind only from a version of the page on, and some events only exist where the server offers an
extension; `rows` works both into the table, so that nothing is left to decide but to look an event up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from asgi_conformance.protocol.version import Version

Row = dict[str, str]
Rows = Mapping[str, Mapping[str, tuple[str, str | None]]]

NOT_OFFERED = "event.extension.offered"


@dataclass(frozen=True, slots=True)
class Table:
    """What one side of a protocol may say, and when.

    Args:
        name: whose words these are, as a title.
        initial: the state at the start of the call.
        moves: state, event, next state.
        refusals: state, event, the rule that forbids it there.
        when: each state as words that follow a message: "before the response start".
        expected: what each rule of `refusals` and `endings` asks for, as a noun phrase.
        endings: the states in which the call must not return, with the rule that says so.
        needs: the events that exist only with an extension, and its name.
        since: the rules that bind only from a version on.
    """

    name: str
    initial: str
    moves: Mapping[str, Mapping[str, str]]
    refusals: Mapping[str, Mapping[str, str]]
    when: Mapping[str, str]
    expected: Mapping[str, str]
    endings: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, Version] = field(default_factory=dict)

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order in which the table was written."""
        return tuple(self.when)

    @property
    def events(self) -> tuple[str, ...]:
        """Every event, in the order in which the table names them."""
        rows = [*self.moves.values(), *self.refusals.values()]
        return tuple(dict.fromkeys(event for row in rows for event in row))

    def rows(self, version: Version, offered: frozenset[str]) -> Rows:
        """For every state and event the next state, and the rule that is broken by getting there (or None).

        Args:
            version: what the scope claims as its `spec_version`.
            offered: the extensions that the scope lists.
        """
        return {
            state: {event: self._cell(state, event, version, offered) for event in self.events} for state in self.states
        }

    def goes_on(self, state: str, event: str) -> bool:
        """Whether the event has consequences in that state, legal or not."""
        return event in self.moves.get(state, {})

    def _cell(self, state: str, event: str, version: Version, offered: frozenset[str]) -> tuple[str, str | None]:
        after = self.moves.get(state, {}).get(event)
        rule = self.refusals.get(state, {}).get(event)
        if after is None and rule is None:
            raise LookupError(f"{self.name}: nothing is said about {event} in the state {state}")
        if rule is not None and version < self.since.get(rule, version):
            rule = None
        if event in self.needs and self.needs[event] not in offered:
            rule = NOT_OFFERED
        return after or state, rule


def every(events: Iterable[str], target: str) -> Row:
    """A part of a row: each of the events leads to the same state, or breaks the same rule."""
    return dict.fromkeys(events, target)
