"""What checks with a browser have in common: who can be asked, and a source that is open."""

import time
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asgi_conformance import Blocked, NotApplicable, Probe, Unanswered
from asgi_conformance.drivers.base import HTTPExchange
from asgi_conformance.drivers.browser.coding import decoding
from asgi_conformance.drivers.browser.page import CLOSED, Page, Told
from asgi_conformance.drivers.browser.relay import Relayed
from asgi_conformance.sse import Event, EventStreamParser, mime_essence

OPENS_WITHIN = 20.0  # real seconds until a source has to be open, or refused
OUR_OWN = {b"accept", b"accept-encoding", b"cache-control"}  # headers that a browser sends by itself
REDIRECTS = {301, 302, 303, 307, 308}

OPEN_OR_REFUSED = "(log) => log.some((e) => e.what == 'open' || e.what == 'error')"


@asynccontextmanager
async def listening(
    probe: Probe, types: Sequence[str] = (), *, hold: int | None = None
) -> AsyncIterator[tuple[Page, list[Told]]]:
    """An empty page with an event source on the route, once it is open or refused; and what has happened so far.

    With `hold`, so many events of the first stream are let through, and then nothing.

    Raises:
        NotApplicable: a browser cannot ask for such a route, or is told to stop, or to go elsewhere.
        Blocked: there is no answer.
    """
    route = probe.route
    if route.method != "GET" or {name.lower() for name, _ in route.headers} - OUR_OWN:
        raise NotApplicable("a route that EventSource can ask for, which is by GET and without headers of one's own")
    async with probe.browser() as page:
        page.relay.holds.append(hold)
        await page.listen(route.path, types)
        log = await page.until(OPEN_OR_REFUSED, OPENS_WITHIN)
        first = page.relay.exchanges[0] if page.relay.exchanges else None
        if first is None or first.head is None:
            raise Blocked(f"no response head within {OPENS_WITHIN:g} s, or none at all")
        if first.head.status == 204 or first.head.status in REDIRECTS:
            raise NotApplicable(f"a stream: the status is {first.head.status}")
        yield page, log


@asynccontextmanager
async def open_stream(probe: Probe, types: Sequence[str] = (), *, hold: int | None = None) -> AsyncIterator[Page]:
    """The same, for what builds on an open source: Blocked where it is refused."""
    async with listening(probe, types, hold=hold) as (page, log):
        if not any(entry.what == "open" for entry in log):
            raise Blocked(f"the browser's source does not open: {answer_of(page.relay.exchanges[0])}")
        yield page


def refused(log: Sequence[Told]) -> bool:
    """Whether a source has failed for good."""
    return any(entry.what == "error" and entry.state == CLOSED for entry in log)


def answer_of(exchange: Relayed) -> str:
    """What the server has answered, in a few words: "status 500", "status 200 with the type text/html"."""
    if exchange.head is None:
        return "no response"
    if exchange.head.status != 200:
        return f"status {exchange.head.status}"
    essence = mime_essence(exchange.head.headers)
    return f"status 200 with the type {exchange.head.get('content-type')}" if essence else "status 200 without a type"


def require_readable(exchange: Relayed) -> None:
    """NotApplicable for a stream in a content coding that only the browser knows."""
    if not exchange.readable:
        coding = exchange.head.get("content-encoding") if exchange.head else None
        raise NotApplicable(f"a stream that can be read here: its coding is {coding}")


@dataclass(frozen=True, slots=True)
class Look:
    """What another client than a browser has got of the stream, and whether it was all there is."""

    events: list[Event]
    ended: bool


async def look(probe: Probe, *, seconds: float, enough: int) -> Look:
    """Read the stream as a plain client, until there are so many events, or so much time is over."""
    async with probe.exchange() as exchange:
        feed = await reading(exchange)
        events: list[Event] = []
        deadline = time.monotonic() + seconds
        while len(events) < enough:
            try:
                piece = await exchange.piece(max(0.0, deadline - time.monotonic()))
            except Unanswered:
                break
            if piece is None:
                return Look(events, exchange.complete)
            events += feed(piece.data)
    return Look(events, ended=False)


async def reading(exchange: HTTPExchange) -> Callable[[bytes], list[Event]]:
    """What reads events out of the body of a response, piece by piece. Blocked where it is no event stream."""
    try:
        head = await exchange.head(OPENS_WITHIN)
    except Unanswered as error:
        raise Blocked(str(error)) from error
    if head.status == 204 or head.status in REDIRECTS:
        raise NotApplicable(f"a stream: the status is {head.status}")
    if head.status != 200 or mime_essence(head.headers) != b"text/event-stream":
        raise Blocked(f"no event stream: the status is {head.status}, the type {head.get('content-type')}")
    decode = decoding(head)
    if decode is None:
        raise NotApplicable(f"a stream that can be read here: its coding is {head.get('content-encoding')}")
    parser = EventStreamParser()

    def feed(data: bytes) -> list[Event]:
        try:
            return parser.feed(decode(data))
        except zlib.error as error:
            raise Blocked(f"the content is not what content-encoding says: {error}") from error

    return feed
