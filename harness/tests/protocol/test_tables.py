"""The tables: complete, connected, and drawn as they are."""

import re

import pytest

from asgi_conformance.lint import RULES
from asgi_conformance.protocol import events, scope
from asgi_conformance.protocol.diagram import PROTOCOLS, TABLES, mermaid, text
from asgi_conformance.protocol.scope import EXTENSIONS
from asgi_conformance.protocol.shape import Shape
from asgi_conformance.protocol.table import NOT_OFFERED, Table
from asgi_conformance.protocol.version import OLDEST, SEND_RAISES

SHAPES = [shape for module in (events, scope) for shape in vars(module).values() if isinstance(shape, Shape)]

tables = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


@tables
def test_every_event_has_a_place_in_every_state(table: Table) -> None:
    for state, row in table.rows(OLDEST, frozenset()).items():
        assert set(row) == set(table.events), state


def test_an_event_without_a_place_is_an_error() -> None:
    table = Table("half", "a", {"a": {"x": "b"}}, {}, {"a": "before", "b": "after"}, {})
    with pytest.raises(LookupError, match="nothing is said about x in the state b"):
        table.rows(OLDEST, frozenset())


@tables
def test_every_state_can_be_reached(table: Table) -> None:
    reached = {table.initial}
    while more := {after for state in reached for after in table.moves.get(state, {}).values()} - reached:
        reached |= more
    assert reached == set(table.states)


@tables
def test_what_is_written_about_rules_is_about_rules_of_the_table(table: Table) -> None:
    used = {rule for row in table.refusals.values() for rule in row.values()} | set(table.endings.values())
    assert set(table.expected) == used
    assert set(table.since) <= used
    assert used <= set(RULES)
    assert set(table.needs) <= set(table.events)
    assert set(table.needs.values()) <= EXTENSIONS


@tables
def test_events_of_extensions_need_them(table: Table) -> None:
    for event, extension in table.needs.items():
        for state in table.states:
            offered = table.rows(SEND_RAISES, frozenset({extension}))[state][event]
            missing = table.rows(SEND_RAISES, frozenset())[state][event]
            assert missing == (offered[0], NOT_OFFERED)
            assert offered[1] != NOT_OFFERED


@tables
def test_later_rules_do_not_bind_earlier(table: Table) -> None:
    before, after = (table.rows(version, EXTENSIONS) for version in ((2, 3), (2, 4)))
    for state in table.states:
        for event in table.events:
            rule = after[state][event][1]
            assert before[state][event] == (after[state][event][0], None if rule in table.since else rule)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_every_event_is_a_message_or_is_heard(protocol: object) -> None:
    from asgi_conformance.protocol.grammar import Protocol

    assert isinstance(protocol, Protocol)
    for table, messages, heard in (
        (protocol.application, protocol.sent, {*protocol.heard_by_application.values(), protocol.lost}),
        (protocol.server, protocol.delivered, {*protocol.heard_by_server.values(), *protocol.asked.values()}),
    ):
        said = {said.event for said in messages} | {said.flagged for said in messages if said.flag}
        assert said | (heard - {None}) == set(table.events)


def test_shapes_name_known_rules_only() -> None:
    for shape in SHAPES:
        for key in shape.keys:
            assert key.rule in RULES, (shape.name, key.name)
            assert key.early is None or key.early in RULES


def test_diagram_has_every_move() -> None:
    for table in TABLES:
        drawn = set()
        for state, after, label in re.findall(r"^    (\w+) --> (\w+): (.+)$", mermaid(table), re.MULTILINE):
            drawn |= {(state, event.partition(" [")[0], after) for event in label.split(" / ")}
        moves = {(state, event, after) for state, row in table.moves.items() for event, after in row.items()}
        assert drawn == moves


def test_diagram_ends_where_a_call_may() -> None:
    for table in TABLES:
        ends = set(re.findall(r"^    (\w+) --> \[\*\]$", mermaid(table), re.MULTILINE))
        assert ends == (set(table.states) - set(table.endings) if table.endings else set())


LIFESPAN_SERVER = """\
Lifespan server
  before (initial): before lifespan.startup
    startup -> started
    shutdown x  lifespan.startup.first
  started: after lifespan.startup
    shutdown -> stopped
    startup x  lifespan.startup.once
  stopped: after lifespan.shutdown
    startup x  lifespan.startup.once
    shutdown x  lifespan.shutdown.once
"""


def test_text_of_a_table() -> None:
    assert text(PROTOCOLS[2].server) == LIFESPAN_SERVER


def test_text_tells_versions_and_extensions() -> None:
    drawn = text(PROTOCOLS[1].application)
    assert "    send -> gone  ! websocket.send.after-disconnect (from 2.4)\n" in drawn
    assert (
        "  needs websocket.http.response: http.response.start, http.response.body, more, http.response.body\n" in drawn
    )
