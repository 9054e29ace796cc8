"""A browser listens to an event stream: it opens, its events arrive, and it ends when the page is done with it."""

import time

from asgi_conformance import MUST, PRACTICE, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.browser.page import Page, events
from asgi_conformance.drivers.browser.relay import Relayed
from asgi_conformance.drivers.server.driver import ServerDriver
from asgi_conformance.spec import HTML_SSE

from .pages import answer_of, listening, look, open_stream, reading, refused, require_readable

PROCESSING = HTML_SSE["sse-processing-model"]
DISPATCH = HTML_SSE["event-stream-interpretation"]
CLOSE = HTML_SSE["dom-eventsource-close"]

LOOK = 2.0  # real seconds, for the types of the events, which a page has to name
ENOUGH = 3  # events
ARRIVES_WITHIN = 5.0  # real seconds, after others have long got theirs
QUIET_FOR = 6.0  # real seconds, after which a stream is left in peace
ENDS_WITHIN = 8.0
LATE_SENDS = 3  # messages after which an application that goes on has not noticed that nobody is there


@check("browser.stream.opens", level=MUST, clause=PROCESSING, needs={"sse", "browser"}, slow=True)
async def test_source_opens(probe: Probe) -> None:
    """An event stream must open in a browser's `EventSource`.

    A browser is the strictest client: any status but 200 and any type but `text/event-stream` make the source fail for
    good, and so does a charset that is not UTF-8. The page gets an `error` without a reason.

    Usual cause: a login page, or an error page, with status 200; a type or charset that a middleware adds; an answer
    of another kind for what calls itself a browser.
    """
    async with listening(probe) as (page, log):
        if refused(log):
            raise Violation(
                expected="a source that opens", observed=f"one that is closed: {answer_of(page.relay.exchanges[0])}"
            )


@check("browser.stream.events-arrive", level=PRACTICE, clause=DISPATCH, needs={"sse", "browser"}, slow=True)
async def test_events_arrive(probe: Probe) -> None:
    """Each event should reach the page's listeners, those of its type, when other clients have it as well.

    A browser asks for compressed answers, which other clients do not: what waits in a compressor is missing in the
    browser alone.

    Usual cause: a compressing middleware, or a proxy, that waits for more bytes.
    Usual mend: no compression of `text/event-stream`, or a flush behind each event.
    """
    seen = await look(probe, seconds=LOOK, enough=6)
    types = sorted({event.type for event in seen.events} | {"message"})
    async with open_stream(probe, types) as page:
        stream = page.streams[0]
        others = await _events_of_another(probe, page)
        require_readable(stream)
        log = await page.until("(log) => log.some((e) => e.what == 'event')", ARRIVES_WITHIN if others else 0.0)
        if others > 1 and stream.over is None and not events(log):
            raise Violation(
                expected="events in the page while the stream is open",
                observed=f"none {ARRIVES_WITHIN:g} s after another client had {others}",
            )
        await _judge_arrivals(page, stream, types)


async def _events_of_another(probe: Probe, page: Page) -> int:
    """How many events another client gets until the page has one, or these are enough, or none comes for too long."""
    count, deadline = 0, time.monotonic() + QUIET_FOR
    async with probe.exchange() as exchange:
        feed = await reading(exchange)
        while count < ENOUGH and not events(await page.log()):
            try:
                piece = await exchange.piece(max(0.0, deadline - time.monotonic()))
            except Unanswered:
                break
            if piece is None:
                break
            count += len(feed(piece.data))
    return count


async def _judge_arrivals(page: Page, stream: Relayed, types: list[str]) -> None:
    """What was passed on to the browser is what the page gets, in the same order."""
    sent = [event for event in stream.events if event.type in types]
    if not sent:
        raise NotApplicable("an event while the stream was looked at")
    test = f"(log) => log.filter((e) => e.what == 'event').length >= {len(sent)}"
    got = events(await page.until(test, ARRIVES_WITHIN))
    for number, expected in enumerate(sent):
        if number >= len(got) or got[number] != expected:
            observed = str(got[number]) if number < len(got) else "nothing"
            raise Violation(expected=f"{expected} as event {number + 1} in the page", observed=observed)


@check("browser.stream.close-ends-call", level=PRACTICE, clause=CLOSE, needs={"sse", "browser", "messages"}, slow=True)
async def test_close_ends_the_call(probe: Probe) -> None:
    """When a page closes its source, the application should stop producing events for it.

    `close()`, a reload and a closed tab all look the same to a server: the connection ends. Every one that goes
    unnoticed leaves a stream behind that produces for nobody.

    Usual cause: a loop that never looks for `http.disconnect`, and an `except` around `send`.
    """
    async with open_stream(probe) as page:
        stream = page.streams[0]
        driver = probe.driver_as(ServerDriver)
        call = await driver.call(lambda call: call.port == stream.port, ENDS_WITHIN)
        if call is None or call.ending is not None or stream.over is not None:
            raise NotApplicable("a stream that is still open when the page closes it")
        await page.close_sources()
        await page.relay.until(lambda: stream.over is not None, ENDS_WITHIN)
        sent = len(call.sent)
        await driver.call(lambda other: other is call and call.ending is not None, ENDS_WITHIN)
        late = len(call.sent) - sent
        # One that has nothing to send may find out with the next event, whenever that comes.
        if call.ending is None and late >= LATE_SENDS:
            raise Violation(
                expected="the end of the stream after close()",
                observed=f"{late} more messages within {ENDS_WITHIN:g} s, and no end",
            )
