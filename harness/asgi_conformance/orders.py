"""Orders: the layers of a stack put in other orders, and the pairs whose order a client can tell."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from asgi_conformance.isolation import can_fork, in_child
from asgi_conformance.onion.link import Link, layer_name, link, plain_name
from asgi_conformance.onion.order import Difference, Orders, Pair
from asgi_conformance.pattern import Route
from asgi_conformance.protocol.types import ASGIApp
from asgi_conformance.viewing import VOLATILE, Asked, View, battery, mask, view

ALL_ORDERS = 5  # layers up to which every order is tried; of more, every pair next to each other in both orders
LONGEST = 300.0  # real seconds for one order


@dataclass(frozen=True, slots=True)
class Stack:
    """The layers that can be put in another order, the outermost first, and how that is done."""

    names: tuple[str, ...]
    arrange: Callable[[Sequence[int]], None] = field(repr=False)


def stack_of(app: ASGIApp) -> Stack:
    """The layers of the application that its author has chosen.

    For an application that keeps a list of them (Starlette, FastAPI) that is the list; for a plain chain of
    callables all but the innermost.
    """
    chosen = getattr(app, "user_middleware", None)
    if isinstance(chosen, list) and hasattr(app, "middleware_stack"):
        entries = list(chosen)
        return Stack(tuple(_entry_name(entry) for entry in entries), partial(_arrange_list, app, entries))
    links: list[tuple[Any, Link]] = []
    layer: Any = app
    while (found := link(layer)) is not None and all(found.value is not known for known, _ in links):
        links.append((layer, found))
        layer = found.value
    if len(links) < 2:
        return Stack(tuple(layer_name(known) for known, _ in links), lambda order: None)
    # The outermost one is what the server holds, so it stays; all others can change places.
    inner = links[1:]
    return Stack(tuple(layer_name(known) for known, _ in inner), partial(_arrange_chain, links[0][1], inner, layer))


def _entry_name(entry: Any) -> str:
    kind, _, options = (*entry,) if not hasattr(entry, "cls") else (entry.cls, None, entry.kwargs)
    dispatch = options.get("dispatch") if isinstance(options, dict) else None
    return layer_name(kind) + (f"({plain_name(dispatch)})" if dispatch is not None else "")


def _arrange_list(app: Any, entries: list[Any], order: Sequence[int]) -> None:
    app.user_middleware = [entries[number] for number in order]
    app.middleware_stack = None


def _arrange_chain(first: Link, layers: list[tuple[Any, Link]], last: Any, order: Sequence[int]) -> None:
    chain = [layers[number] for number in order]
    first.put(chain[0][0])
    for (_, found), (following, _) in itertools.pairwise(chain):
        found.put(following)
    chain[-1][1].put(last)


def probe_orders(app: ASGIApp, routes: Iterable[Route]) -> Orders:
    """Put the layers of the application in other orders, and tell which pairs a client can tell apart.

    Up to five layers all orders are tried; of more, each pair next to each other in both orders. Each order is
    tried in a child process where there can be one, so that none sees what another has left behind. What differs
    between two runs of the same order, such as ids and times, is not compared.
    """
    stack = stack_of(app)
    asked = battery(app, routes)
    if len(stack.names) < 2:
        return Orders(stack.names, 0, ())
    seen = _Views(app, stack, asked)
    found: dict[tuple[int, int], dict[str, Difference]] = {}
    for one, other, (outer, inner) in _neighbours(len(stack.names)):
        for difference in seen.differences(one, other):
            found.setdefault((outer, inner), {}).setdefault(difference.request, difference)
    stack.arrange(range(len(stack.names)))
    pairs = tuple(Pair(stack.names[a], stack.names[b], tuple(told.values())) for (a, b), told in sorted(found.items()))
    requests = tuple(request.words for request in asked)
    return Orders(stack.names, seen.tried, pairs, requests, tuple(seen.notes()), seen.masked)


def _neighbours(number: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, int]]]:
    """Two orders that differ in two neighbours, and who these are: the one that is further out now comes first."""
    if number <= ALL_ORDERS:
        for order in itertools.permutations(range(number)):
            for place in range(number - 1):
                first, second = order[place], order[place + 1]
                if first < second:
                    yield order, (*order[:place], second, first, *order[place + 2 :]), (first, second)
        return
    for first, second in itertools.combinations(range(number), 2):
        rest = [layer for layer in range(number) if layer != second]
        place = rest.index(first)
        yield (
            (*rest[: place + 1], second, *rest[place + 1 :]),
            (*rest[:place], second, *rest[place:]),
            (first, second),
        )


class _Views:
    """What a client sees of each order; each is looked at once, and a difference is looked at again."""

    def __init__(self, app: ASGIApp, stack: Stack, asked: Sequence[Asked]) -> None:
        self._app, self._stack, self._asked = app, stack, asked
        self._known: dict[tuple[int, ...], tuple[View, ...]] = {}
        as_is = tuple(range(len(stack.names)))
        self._mask = mask([self._look(as_is) for _ in range(3)])
        self.masked = tuple(name for name in self._mask.names if name not in VOLATILE)
        self.tried = 0

    def differences(self, one: tuple[int, ...], other: tuple[int, ...]) -> list[Difference]:
        """What differs between two orders, twice over."""
        found = self._compared(self.of(one), self.of(other))
        if not found:
            return []
        # Once more, to be sure: an application may answer differently for reasons of its own.
        again = self._compared(self._look(one), self._look(other))
        return [difference for difference in found if difference in again]

    def of(self, order: tuple[int, ...]) -> tuple[View, ...]:
        if order not in self._known:
            self._known[order] = self._look(order)
            self.tried += 1
        return self._known[order]

    def notes(self) -> Iterator[str]:
        """What a client sees of event streams behind compression."""
        for asked, seen in zip(self._asked, self.of(tuple(range(len(self._stack.names)))), strict=True):
            headers = dict(seen.headers)
            if not headers.get("content-type", "").startswith("text/event-stream") or "gzip" not in asked.words:
                continue
            encoding = headers.get("content-encoding")
            yield (
                f"{asked.words}: an event stream, compressed as {encoding}: each event has to be flushed"
                if encoding
                else f"{asked.words}: an event stream, which compression leaves alone"
            )

    def _compared(self, one: Sequence[View], other: Sequence[View]) -> list[Difference]:
        return [
            Difference(asked.words, told, other_told)
            for asked, a, b in zip(self._asked, one, other, strict=True)
            for told, other_told in [self._mask.difference(a, b)]
            if told != other_told
        ]

    def _look(self, order: tuple[int, ...]) -> tuple[View, ...]:
        def work() -> tuple[View, ...]:
            self._stack.arrange(order)
            return view(self._app, self._asked)

        return in_child(work, within=LONGEST) if can_fork() else work()
