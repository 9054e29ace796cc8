"""What became of a stack in other orders, for a terminal: which pairs matter, in what, and what is known about them."""

import textwrap
from collections.abc import Iterator

from asgi_conformance.onion.order import Orders, Pair

from .text import count, visible

SHOWN = 3  # differences of one pair


def render(orders: Orders, *, width: int = 100) -> str:
    """The stack, and each pair of layers whose order a client can tell."""
    return visible("\n".join(_lines(orders, width))) + "\n"


def _lines(orders: Orders, width: int) -> Iterator[str]:
    if len(orders.stack) < 2:
        yield f"order  {count(len(orders.stack), 'layer')} of the author's own: nothing to put in another order"
        return
    yield f"order  {' > '.join(orders.stack)}"
    requests = count(len(orders.requests), "request")
    yield f"       {count(orders.tried, 'order')} tried, with {requests} each; the outermost layer comes first"
    if orders.masked:
        yield f"       not compared, for they change by themselves: {', '.join(orders.masked)}"
    yield from (f"       {note}" for note in orders.notes)
    if not orders.pairs:
        yield "       no pair whose order a client can tell"
    for pair in orders.pairs:
        yield ""
        yield from _pair(pair, width)


def _pair(pair: Pair, width: int) -> Iterator[str]:
    yield f"  {pair.outer} outside {pair.inner} (as it is), or the reverse"
    for difference in pair.differences[:SHOWN]:
        yield f"    {difference.request}"
        yield from _wrapped("as it is", difference.as_is, width)
        yield from _wrapped("reversed", difference.reversed, width)
    rest = len(pair.differences) - SHOWN
    if rest > 0:
        yield f"    and {count(rest, 'request')} more"
    if pair.known:
        yield from _wrapped("known", pair.known, width)


def _wrapped(label: str, text: str, width: int) -> Iterator[str]:
    lines = textwrap.wrap(text, width - 16, break_on_hyphens=False) or [""]
    yield f"      {label:<10}{lines[0]}"
    yield from (f"{'':16}{line}" for line in lines[1:])
