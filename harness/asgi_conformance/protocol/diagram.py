"""The protocol tables as diagrams: Mermaid for documents, plain lines for a terminal.

``python -m asgi_conformance.protocol.diagram`` prints the page ``docs/protocol.md``.
"""

from collections.abc import Iterator

from asgi_conformance.protocol.http import HTTP
from asgi_conformance.protocol.lifespan import LIFESPAN
from asgi_conformance.protocol.table import Table
from asgi_conformance.protocol.websocket import WEBSOCKET

PROTOCOLS = (HTTP, WEBSOCKET, LIFESPAN)
TABLES = tuple(table for protocol in PROTOCOLS for table in (protocol.application, protocol.server))


def mermaid(table: Table) -> str:
    """The table as a Mermaid state diagram.

    An edge has every event that leads from one state to the other, with the rule in brackets that is broken
    on the way, if any. The states in which a call may return lead to the end mark.
    """
    lines = ["stateDiagram-v2", f"    [*] --> {table.initial}"]
    for (state, after), events in _edges(table).items():
        lines.append(f"    {state} --> {after}: {' / '.join(events)}")
    if table.endings:
        lines.extend(f"    {state} --> [*]" for state in table.states if state not in table.endings)
    return "\n".join(lines) + "\n"


def text(table: Table) -> str:
    """The table as lines: under each state what leads on from it, and then what is refused there."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    yield table.name
    for extension in dict.fromkeys(table.needs.values()):
        yield f"  needs {extension}: {', '.join(event for event in table.needs if table.needs[event] == extension)}"
    for state in table.states:
        yield f"  {state}{' (initial)' if state == table.initial else ''}: {table.when[state]}"
        moves, refusals = table.moves.get(state, {}), table.refusals.get(state, {})
        for event in table.events:
            if event in moves:
                remark = f"  ! {_told(table, refusals[event])}" if event in refusals else ""
                yield f"    {event} -> {moves[event]}{remark}"
        for event in table.events:
            if event in refusals and event not in moves:
                yield f"    {event} x  {_told(table, refusals[event])}"
        if state in table.endings:
            yield f"    (return) x  {table.endings[state]}"


def _edges(table: Table) -> dict[tuple[str, str], list[str]]:
    edges: dict[tuple[str, str], list[str]] = {}
    for state in table.states:
        for event, after in table.moves.get(state, {}).items():
            rule = table.refusals.get(state, {}).get(event)
            edges.setdefault((state, after), []).append(event if rule is None else f"{event} [{_told(table, rule)}]")
    return edges


def _told(table: Table, rule: str) -> str:
    """The rule, and from which version it binds."""
    since = table.since.get(rule)
    return rule if since is None else f"{rule} (from {'.'.join(map(str, since))})"


HEAD = """# The protocols as tables

What either side of ASGI may say, and when: the tables that the linter and the checks look things up in. Each is shown
as a diagram, and in full: under each state every event, with the state that it leads to (`->`), or the rule that
forbids it there (`x`; with `!` it is forbidden, and everybody goes on as if it were not). A rule in brackets at an edge
is broken on the way. This page is made from the tables by `python -m asgi_conformance.protocol.diagram`.
"""


def page() -> str:
    """Every table as Markdown: a diagram, and the whole table as text."""
    parts = [HEAD]
    for table in TABLES:
        title = table.name[0].upper() + table.name[1:]
        parts += [f"## {title}\n", f"```mermaid\n{mermaid(table)}```\n", f"```text\n{text(table)}```\n"]
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    """Print the page."""
    print(page(), end="")


if __name__ == "__main__":
    main()
