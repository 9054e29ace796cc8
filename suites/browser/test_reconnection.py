"""A browser loses its event stream, and comes back by itself."""

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.browser.page import Page
from asgi_conformance.drivers.browser.page import events as page_events
from asgi_conformance.drivers.browser.relay import Relayed
from asgi_conformance.spec import HTML_SSE
from asgi_conformance.sse import Event

from .pages import answer_of, look, open_stream, refused, require_readable

PROCESSING = HTML_SSE["sse-processing-model"]
HEADER = HTML_SSE["the-last-event-id-header"]
NEEDS = {"sse", "browser"}

SOON = 1.0  # real seconds for a first event, before the connection is cut anyway
DEFAULT_MS = 3000  # what browsers wait when the stream does not say
LONGEST_MS = 8000  # what can be waited for here
GRACE = 10.0  # real seconds beyond the wait, for a new connection
ANSWERS_WITHIN = 15.0
LOOK = 5.0  # real seconds
OVER = {404, 410, 401, 403}  # answers that say: not again, and not you
ENOUGH = 3  # events behind the ones that the page had
SHORTEST = 0.1  # seconds between a loss and the next attempt
PATIENT = 1.0  # seconds, which nobody is late by
ATTEMPTS = 5


@check("browser.reconnection.comes-back", level=PRACTICE, clause=PROCESSING, needs=NEEDS, slow=True)
async def test_browser_comes_back(probe: Probe) -> None:
    """A browser that loses its connection should find the stream open when it comes back.

    Connections are lost all the time. The browser tries once more, with `Last-Event-ID` if there was an id; an
    answer that is no event stream makes the source fail for good, and the page is dead until it is loaded again.

    Usual cause: an id that the application cannot read, and a 500; a place in a list of clients that the lost
    connection still holds.
    """
    async with open_stream(probe) as page:
        await _until_something(page, page.streams[0])
        again = await _lose(page)
        await page.relay.until(lambda: again.head is not None or again.over is not None, ANSWERS_WITHIN)
        if again.head is None:
            raise Violation(expected="an answer when the browser comes back", observed=f"none in {ANSWERS_WITHIN:g} s")
        if again.is_stream:
            log = await page.until("(log) => log.filter((e) => e.what == 'open').length > 1", ANSWERS_WITHIN)
            if not refused(log):
                return
        elif again.head.status == 204:
            return
        elif again.head.status in OVER:
            raise NotApplicable(f"a stream that can be had twice: {answer_of(again)}")
        raise Violation(expected="the event stream when the browser comes back", observed=_told(again))


async def _until_something(page: Page, stream: Relayed) -> None:
    """Let the stream begin: its first event, or some time."""
    await page.relay.until(lambda: stream.events or stream.over is not None, SOON)


async def _lose(page: Page) -> Relayed:
    """Cut the connection; the browser's next request for the stream. Blocked when there is none."""
    last = page.streams[-1]
    before = len(page.relay.exchanges)
    page.relay.cut()
    wait = DEFAULT_MS if last.retry is None else last.retry
    if wait > LONGEST_MS:
        raise NotApplicable(f"a reconnection that can be waited for: retry is {wait}")
    if not await page.relay.until(lambda: len(page.relay.exchanges) > before, wait / 1000 + GRACE):
        raise Blocked("the browser does not come back")
    return page.relay.exchanges[before]


def _told(exchange: Relayed) -> str:
    id_sent = "" if exchange.last_event_id is None else f", with Last-Event-ID {exchange.last_event_id!r}"
    return f"{answer_of(exchange)}{id_sent}"


@check("browser.reconnection.exact-rest", level=PRACTICE, clause=HEADER, needs=NEEDS | {"sse.resume"}, slow=True)
async def test_nothing_is_lost_and_nothing_twice(probe: Probe) -> None:
    """A page whose connection is cut should get all events of a stream with ids, once, and in order.

    The browser sends the last id back in `Last-Event-ID`, and leaves the rest to the application.

    Usual cause: the header is not read; `>=` for `>`.
    """
    whole = await look(probe, seconds=LOOK, enough=12)
    events = _own(whole.events)
    if len(events) < 3:
        raise NotApplicable("a stream with three events that have ids")
    types = sorted({event.type for event in whole.events})
    hold = whole.events.index(events[1]) + 1
    async with open_stream(probe, types, hold=hold) as page:
        first = page.streams[0]
        require_readable(first)
        seen = f"(log) => log.filter((e) => e.what == 'event').length >= {hold}"
        log = await page.until(seen, LOOK + ANSWERS_WITHIN)
        again = await _lose(page)
        ids = [event.last_event_id for event in events]
        got = [event.last_event_id for event in _own(first.events)]
        if len(page_events(log)) != len(first.events) or got != ids[: len(got)]:
            raise NotApplicable("a stream that begins alike for each client")
        left = len(ids) - len(got) if whole.ended else ENOUGH
        await page.relay.until(lambda: len(_own(again.events)) >= left or again.over is not None, LOOK + GRACE)
        if not again.is_stream:
            raise Blocked(f"no stream for a browser that comes back: {answer_of(again)}")
        rest = [event.last_event_id for event in _own(again.events)]
        expected = ids[len(got) :]
        complete = whole.ended and again.how == "complete"
        if (complete and rest != expected) or rest[: len(expected)] != expected[: len(rest)]:
            raise Violation(
                expected=f"the ids {_listed(expected)} after Last-Event-ID {again.last_event_id!r}",
                observed=_listed(rest),
            )


def _own(events: list[Event]) -> list[Event]:
    return [event for event in events if event.last_event_id]


def _listed(ids: list[str]) -> str:
    return ", ".join([*ids[:8], *(["…"] if len(ids) > 8 else [])]) or "none"


@check("browser.reconnection.unhurried", level=PRACTICE, clause=PROCESSING, needs=NEEDS, slow=True)
async def test_browser_takes_its_time(probe: Probe) -> None:
    """A stream should not have its browsers come back within a tenth of a second.

    `retry` is in milliseconds. When a server restarts, each open page asks for its stream that often, and a stream that
    ends by itself is asked for without a pause.

    Usual cause: `retry: 5`, meant as seconds; `retry: 0`.
    """
    gaps: list[float] = []
    async with open_stream(probe) as page:
        stream = page.streams[0]
        while len(gaps) < ATTEMPTS:
            await _until_something(page, stream)
            again = await _lose(page)
            gaps.append(again.at - (stream.over or again.at))
            await page.relay.until(lambda: page.relay.exchanges[-1].head is not None, ANSWERS_WITHIN)
            # What comes instead of the stream is for another check.
            if gaps[-1] < SHORTEST or gaps[-1] >= PATIENT or not again.is_stream:
                break
            stream = again
    # The shortest counts: on a busy machine a browser is late, and never early.
    if min(gaps) < SHORTEST:
        raise Violation(
            expected=f"{SHORTEST * 1000:g} ms before the browser comes back",
            observed=f"retry {stream.retry}, and it is back after {min(gaps) * 1000:.0f} ms",
        )


@check("browser.reconnection.told-to-stop", level=PRACTICE, clause=PROCESSING, needs=NEEDS | {"sse.stops"}, slow=True)
async def test_browser_is_told_to_stop(probe: Probe) -> None:
    """When a stream that promises it is over, the browser should be told to stop: by 204 when it comes back.

    The end of the response means nothing to an `EventSource` but a connection that was lost: it comes back, and from a
    stream that begins again it gets all events again, for ever.

    Usual cause: no id on the last event, so that nobody can know; 200 with an empty body, which is one more end.
    """
    async with open_stream(probe) as page:
        first = page.streams[0]
        log = await page.until("(log) => log.some((e) => e.what == 'error')", LOOK * 4)
        if first.over is None:
            raise NotApplicable("a stream that is over while it was looked at")
        if not refused(log):
            # The second error is that of the answer to the browser that has come back.
            log = await page.until("(log) => log.filter((e) => e.what == 'error').length > 1", LOOK * 4)
        again = page.relay.exchanges[1] if len(page.relay.exchanges) > 1 else None
        if again is None or again.head is None:
            raise Blocked("the browser does not come back, or is not answered")
        if again.head.status != 204:
            events = f" and {len(again.events)} events" if again.is_stream else ""
            raise Violation(
                expected="status 204 for a browser that has got everything", observed=f"{_told(again)}{events}"
            )
