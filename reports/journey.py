"""Journeys through the layers of an application, for a terminal: who sees a request first, and who changes what."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from asgi_conformance.onion.journey import Journey, Visit

from .text import visible

LABEL = 12
SHARED = 3  # layers in common with the first request, from which on they are not told again


def render(journeys: Iterable[Journey], *, width: int = 100) -> str:
    """Each journey as a picture: the first in full, of the others what is different."""
    parts = []
    first: Journey | None = None
    for told in journeys:
        parts.append("\n".join(_lines(told, first, width)))
        first = first or told
    return visible("\n\n".join(parts)) + "\n"


def _lines(told: Journey, first: Journey | None, width: int) -> Iterator[str]:
    yield f"{told.request}  {outcome(told)}".rstrip()
    shared = _shared(told, first)
    yield from _way_in(told, shared, width)
    yield from _way_out(told, width)
    for work in told.background:
        yield f"  {'afterwards':<{LABEL}}background task {work.name} ran in {work.inside}: {work.when}"
    rows = [visit for number, visit in enumerate(told.visits) if first is None or _is_news(visit, number, first)]
    if rows and not (told.request == "lifespan" and shared):
        yield ""
        yield from _tree(rows)
    if first is None and told.passed_by:
        yield ""
        for via, names in told.passed_by:
            yield from _wrapped("passed by", (f"{via}: {names[0]}", *names[1:]), width)


def _shared(told: Journey, first: Journey | None) -> int:
    """How many layers the two have in common on the way in."""
    pairs = zip(told.going_in, first.going_in if first else (), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _is_news(visit: Visit, number: int, first: Journey) -> bool:
    """Whether a layer was not entered by the first request, or did something else then."""
    return number >= len(first.visits) or first.visits[number] != replace(visit, status=first.visits[number].status)


def _way_in(told: Journey, shared: int, width: int) -> Iterator[str]:
    if shared < SHARED:
        yield from _wrapped("goes in", told.going_in, width)
    elif shared == len(told.going_in):
        yield f"  {'goes in':<{LABEL}}as the first, as far as {told.going_in[-1]}"
    else:
        names = (f"as the first to {told.going_in[shared - 1]}", *told.going_in[shared:])
        yield from _wrapped("goes in", names, width)


def _way_out(told: Journey, width: int) -> Iterator[str]:
    if told.coming_out and told.coming_out == told.going_in[::-1]:
        yield f"  {'comes out':<{LABEL}}the same way, from {told.coming_out[0]} to {told.coming_out[-1]}"
    elif told.coming_out:
        yield from _wrapped("comes out", told.coming_out, width)
        unseen = [visit.name for visit in told.visits if visit.status is None]
        yield from _wrapped("not seen by", unseen, width, ", ") if unseen else ()


def outcome(told: Journey) -> str:
    """How the request ended, in a word or two."""
    outermost = told.visits[0] if told.visits else None
    if outermost is not None and outermost.end.startswith("raised"):
        return f"{told.status or ''}, {outermost.end} to the server".lstrip(", ")
    if told.request == "lifespan":
        return f"reaches {told.going_in[-1]}" if told.going_in else ""
    return str(told.status or "no response")


def _wrapped(label: str, names: Iterable[str], width: int, between: str = " > ") -> Iterator[str]:
    """A label and the names with something between them, broken between names."""
    line = f"  {label:<{LABEL}}"
    room = len(line)
    at_the_end = between[: between.index(" ")]
    margin = " " * (room - (2 if between.startswith(" ") else 0))
    for number, name in enumerate(names):
        text = name if number == 0 else f"{between}{name}"
        if len(line) + len(text) > width and len(line) > room:
            yield line + at_the_end
            line = margin + text.removeprefix(at_the_end).lstrip()
        else:
            line += text
    yield line


def _tree(visits: Sequence[Visit]) -> Iterator[str]:
    """The layers below each other, each with what it did."""
    rows = [(_indented(visit), ", ".join(visit.did)) for visit in visits]
    column = min(60, max((len(name) for name, _ in rows), default=0)) + 2
    for (name, did), visit in zip(rows, visits, strict=True):
        ended = visit.end if visit.end != "returned" else ""
        about = "; ".join(part for part in (did, ended) if part)
        yield f"  {name:<{column}}{about}".rstrip()


def _indented(visit: Visit) -> str:
    mark = "" if visit.depth == 0 else "└ "
    via = f" [{visit.via}]" if visit.via else ""
    return f"{' ' * max(0, visit.depth - 1)}{mark}{visit.name}{via}"
