"""A journey: one request on its way through the layers, as plain data."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from asgi_conformance.onion.recorder import Onion
from asgi_conformance.onion.step import LEFT, Passing, Step
from asgi_conformance.protocol.types import Message

# What every router and application tells those inside; it says nothing about a layer.
ROUTING = frozenset({"app", "app_root_path", "endpoint", "path_params", "root_path", "route", "router", "state"})
START, ACCEPT = "http.response.start", "websocket.accept"


@dataclass(frozen=True, slots=True)
class Visit:
    """One layer on the journey: how deep it lies, which route leads to it, what it did, how it was left."""

    name: str
    depth: int
    via: str
    status: int | None  # of the response start that left it
    did: tuple[str, ...]  # what it changed, in words, on the way in and out
    end: str  # returned, raised ValueError, cancelled, or still running


@dataclass(frozen=True, slots=True)
class Work:
    """A background task: its name, the layer inside which it ran, and what had happened by then, in words."""

    name: str
    inside: str
    when: str


@dataclass(frozen=True, slots=True)
class Journey:
    """One request on its way through the layers, from the outside in and back.

    `going_in` are the layers in the order in which they were entered, `coming_out` in the order in which the
    response start left them, `returning` in the order in which they were left. `passed_by` are layers of other
    routes and mounted applications, with the routes that lead to them.
    """

    request: str
    status: int | None
    going_in: tuple[str, ...]
    coming_out: tuple[str, ...]
    returning: tuple[str, ...]
    visits: tuple[Visit, ...]
    background: tuple[Work, ...] = ()
    passed_by: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For :meth:`from_json` elsewhere."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Journey":
        """The journey that `to_json` described."""
        visits = tuple(Visit(**visit | {"did": tuple(visit["did"])}) for visit in record["visits"])
        names = {key: tuple(record[key]) for key in ("going_in", "coming_out", "returning")}
        by = tuple((via, tuple(layers)) for via, layers in record["passed_by"])
        work = tuple(Work(**task) for task in record["background"])
        return cls(**record | names | {"visits": visits, "background": work, "passed_by": by})


def journey(onion: Onion, request: str) -> Journey:
    """What the steps of the onion say about the one call that was made; `request` says which, in words."""
    steps = onion.steps
    order = list(dict.fromkeys(step.layer for step in steps if step.what is Passing.ENTERED))
    starts = [step for step in steps if step.what is Passing.SENDS and step.message.get("type") in {START, ACCEPT}]
    outermost = next((step.message for step in starts if step.layer == 0), None)
    return Journey(
        request=request,
        status=None if outermost is None else _status(outermost),
        going_in=tuple(onion.names[layer] for layer in order),
        coming_out=tuple(onion.names[layer] for layer in dict.fromkeys(step.layer for step in starts)),
        returning=tuple(onion.names[layer] for layer in dict.fromkeys(s.layer for s in steps if s.what in LEFT)),
        visits=tuple(_visit(onion, layer, order) for layer in order),
        background=tuple(_works(onion)),
        passed_by=tuple(_passed_by(onion, set(order))),
    )


def _visit(onion: Onion, layer: int, order: list[int]) -> Visit:
    own = onion.at(layer)
    inner = next((other for other in order if onion.parents[other] == layer), None)
    start = next((step.message for step in own if step.what is Passing.SENDS), None)
    left = next((step for step in own if step.what in LEFT), None)
    end = "still running" if left is None else left.what.value
    if left is not None and left.what is Passing.RAISED:
        end = f"raised {type(left.error).__name__}"
    parent = onion.parents[layer]
    return Visit(
        onion.names[layer],
        onion.depth(layer),
        onion.via[layer] if parent is None or onion.via[parent] != onion.via[layer] else "",
        None if start is None else _status(start),
        tuple(_did(onion, layer, inner)),
        end,
    )


def _did(onion: Onion, layer: int, inner: int | None) -> Iterable[str]:
    """What a layer made of what it got from outside and from inside."""
    own = [step.message for step in onion.at(layer, Passing.SENDS)]
    if inner is None:
        if own and layer in onion.parents:
            yield _answers(own[0]) + ("" if _is_lifespan(own[0]) else ": nothing further in is called")
        return
    told = next(iter(onion.at(inner, Passing.ENTERED)), None)
    given = next(iter(onion.at(layer, Passing.ENTERED)), None)
    if told is not None and given is not None:
        added = sorted(map(str, told.scope.keys() - given.scope.keys() - ROUTING))
        if added:
            yield f"scope + {', '.join(added)}"
    inside = [step.message for step in onion.at(inner, Passing.SENDS)]
    if own and not inside:
        yield _answers(own[0]) + _after(onion, inner)
    elif own and inside:
        yield from _changed(inside, own)
    raised, left = (next(iter(onion.at(number, *LEFT)), None) for number in (inner, layer))
    if raised is not None and raised.what is Passing.RAISED and left is not None and left.error is not raised.error:
        yield f"handles {type(raised.error).__name__}"


def _answers(message: Message) -> str:
    return "answers it" if _is_lifespan(message) else f"answers {_status(message) or message.get('type')} itself"


def _is_lifespan(message: Message) -> bool:
    return str(message.get("type")).startswith("lifespan.")


def _after(onion: Onion, inner: int) -> str:
    raised = next(iter(onion.at(inner, Passing.RAISED)), None)
    return "" if raised is None else f" to {type(raised.error).__name__}"


def _changed(inside: list[Message], outside: list[Message]) -> Iterable[str]:
    """What a layer changed in the messages that went out through it."""
    first, last = (next((m for m in messages if "status" in m), {}) for messages in (inside, outside))
    if first.get("status") != last.get("status"):
        yield f"status {first.get('status')} becomes {last.get('status')}"
    before, after = _headers(first), _headers(last)
    added = [name for name in after if name not in before]
    gone = [name for name in before if name not in after]
    other = [name for name in after if name in before and before[name] != after[name]]
    yield from (f"+ {', '.join(added)}",) if added else ()
    yield from (f"- {', '.join(gone)}",) if gone else ()
    yield from (f"~ {', '.join(other)}",) if other else ()
    bodies, sent = ([m for m in messages if "body" in m.get("type", "")] for messages in (inside, outside))
    if _joined(bodies) != _joined(sent):
        yield "another body"
    if len(bodies) != len(sent):
        yield f"{len(bodies)} body messages become {len(sent)}"
    kinds = Counter(m.get("type") for m in inside if m not in bodies)
    lost = kinds - Counter(m.get("type") for m in outside if m not in sent)
    yield from (f"loses {kind}" for kind in lost if kind is not None)


def _headers(start: Message) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for name, value in start.get("headers") or ():
        found.setdefault(bytes(name).decode("latin-1").lower(), []).append(bytes(value))
    return found


def _joined(bodies: list[Message]) -> bytes:
    return b"".join(message.get("body") or b"" for message in bodies)


def _status(message: Message) -> int | None:
    status = 101 if message.get("type") == ACCEPT else message.get("status")
    return status if isinstance(status, int) else None


def _works(onion: Onion) -> Iterable[Work]:
    """Each background task with its place between the end of the response and the returns."""
    for number, step in enumerate(onion.steps):
        if step.what is Passing.WORKS:
            before, after = onion.steps[:number], onion.steps[number:]
            yield Work(step.work, onion.names[step.layer], _when(onion, step, before, after))


def _when(onion: Onion, step: Step, before: list[Step], after: list[Step]) -> str:
    gone_out = any(seen.layer == 0 and (seen.is_end or "path" in seen.message) for seen in before)
    response = "the response had left every layer" if gone_out else "the response had not left every layer"
    waiting = list(dict.fromkeys(seen.layer for seen in after if seen.what in LEFT and seen.layer != step.layer))
    entered = {seen.layer for seen in before if seen.what is Passing.ENTERED}
    left = {seen.layer for seen in before if seen.what in LEFT}
    outside = [layer for layer in waiting if layer in entered]
    if left:
        names = ", ".join(onion.names[layer] for layer in sorted(left))
        return f"{response}; {names} had returned"
    return f"{response}; none of {len(outside)} layers around had returned"


def _passed_by(onion: Onion, entered: set[int]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Layers of routes that this request did not take; a route that has an endpoint and nothing else is left out."""
    groups: dict[int, list[str]] = {}
    for layer in range(onion.innermost + 1, len(onion.names)):
        first = _first_of_route(onion, layer)
        if layer not in entered and (onion.parents[first] or 0) in entered:
            groups.setdefault(first, []).append(onion.names[layer])
    for first, names in groups.items():
        if len(names) > 1 or onion.via[first].startswith("mount "):
            yield onion.via[first], tuple(names)


def _first_of_route(onion: Onion, layer: int) -> int:
    """The outermost layer of the route that this one belongs to."""
    parent = onion.parents[layer]
    while parent is not None and onion.via[parent] == onion.via[layer]:
        layer, parent = parent, onion.parents[parent]
    return layer
