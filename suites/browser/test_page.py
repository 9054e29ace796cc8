"""A page of the application listens to its event streams, as a user's browser sees it."""

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.browser.page import Page, Told, events
from asgi_conformance.spec import HTML_SSE

PROCESSING = HTML_SSE["sse-processing-model"]
INTERFACE = HTML_SSE["the-eventsource-interface"]
NEEDS = {"http.page", "browser"}

LISTENS_WITHIN = 15.0  # real seconds for a first event in each source, or until one fails
LONGEST_WAIT = 13.0  # a browser's own wait, and some patience

EACH_HAS_AN_EVENT = """(log) => {
  const made = log.filter((e) => e.what == 'source');
  const told = new Set(log.filter((e) => e.what == 'event').map((e) => e.source));
  return log.some((e) => e.what == 'fault') || (made.length > 0 && made.every((e) => told.has(e.source)));
}"""


async def _listened(page: Page) -> list[Told]:
    """What has happened when each event source of the page has had an event, or its script has failed."""
    log = await page.until(EACH_HAS_AN_EVENT, LISTENS_WITHIN)
    if not any(entry.what == "source" for entry in log):
        raise NotApplicable("a page that makes an EventSource")
    return log


@check("browser.page.script-runs", level=PRACTICE, clause=INTERFACE, needs=NEEDS, slow=True)
async def test_page_takes_its_events(probe: Probe) -> None:
    """The script of a page should take the events of its streams without an error.

    An exception in a listener is seen in the console alone: the user sees a page on which nothing happens.

    Usual cause: `JSON.parse` of what is no JSON, such as a Python dict printed into the stream.
    Usual mend: `json.dumps`.
    """
    async with probe.browser(path=probe.route.path) as page:
        log = await _listened(page)
        faults = [entry.text for entry in log if entry.what == "fault"]
        if faults:
            raise Violation(expected="a script that takes its events", observed=faults[0])
        if not events(log):
            raise Blocked(f"no event within {LISTENS_WITHIN:g} s")


@check("browser.page.comes-back", level=PRACTICE, clause=PROCESSING, needs=NEEDS, slow=True)
async def test_page_comes_back(probe: Probe) -> None:
    """A page that loses its connections should listen again by itself, to all of its streams.

    The browser reconnects, unless the page closes its source at the first `error`.

    Usual cause: `source.close()` in `onerror`, copied from an example.
    Usual mend: nothing in `onerror`, or a look at `readyState`: it is CLOSED when the server has refused.
    """
    async with probe.browser(path=probe.route.path) as page:
        await _listened(page)
        before = [stream.target for stream in page.streams]
        if not before:
            raise Blocked("none of the page's sources has opened")
        page.relay.cut()
        asked = len(page.relay.exchanges)
        paths = {target.partition("?")[0] for target in before}

        def missing() -> set[str]:
            return paths - {exchange.target.partition("?")[0] for exchange in page.relay.exchanges[asked:]}

        if not await page.relay.until(lambda: not missing(), LONGEST_WAIT):
            raise Violation(
                expected="the page to listen again after its connection was lost",
                observed=f"no further request for {', '.join(sorted(missing()))} within {LONGEST_WAIT:g} s",
            )
