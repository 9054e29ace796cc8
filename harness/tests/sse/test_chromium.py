"""The vectors through the EventSource of a real browser, from a real server: the second opinion on the parser.

What a page is told is compared in full; what the browser keeps to itself, where it shows: the last event id in the
request of the browser that comes back, the reconnection time in when that is.
"""

import asyncio
from pathlib import Path

import pytest

from asgi_conformance.drivers.browser.page import Told, events, opened
from asgi_conformance.drivers.browser.process import missing
from asgi_conformance.drivers.browser.relay import Relay, Relayed
from asgi_conformance.drivers.server.driver import ServerDriver
from asgi_conformance.loading import AppRef

from .vectors import VECTORS, Vector

DEFAULT_MS = 3000  # Chromium's own
WAITED_FOR_MS = 10_000
GRAIN_MS = 5  # of the page's clock and timers

# Where Chromium and the vectors differ, and what the standard has to say to it. One that is gone fails the test.
EXPLAINED = {
    "bom-leading/cr": "Chromium takes no line end right behind the byte order mark for one; the standard drops the "
    "mark before there are lines",
    "retry-empty/after-value": "for an empty retry Chromium goes back to its default; the standard knows no such "
    "thing, and a value without a digit is no number",
    "retry-huge": "Chromium ignores a number that does not fit into 64 bits; the standard has no limit",
    "retry-huge/5000-digits": "the same",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=f"could not run: {missing()}"),
]

ALL_OVER = """(log) => {{
  const ended = new Set(log.filter((e) => e.what == 'error').map((e) => e.source));
  const refused = new Set(log.filter((e) => e.what == 'error' && e.state == 2).map((e) => e.source));
  return ended.size >= {ended} && {refused}.every((source) => refused.has(source));
}}"""
LISTEN = "([numbers, how, types]) => numbers.forEach((n) => recorder.listen(`/${n}/${how}`, types))"


def reconnects(vector: Vector) -> bool:
    """Whether the browser comes back while somebody waits for it."""
    return vector.retry is None or vector.retry <= WAITED_FOR_MS


def comes_back_soon(vector: Vector) -> bool:
    """Whether the stream sets a time that is far from the browser's own."""
    return vector.retry is not None and vector.retry < DEFAULT_MS / 2


# By themselves, so that their time is not spent waiting for one of the browser's six connections.
ORDER = sorted(range(len(VECTORS)), key=lambda number: not comes_back_soon(VECTORS[number]))
SOON = sum(map(comes_back_soon, VECTORS))


async def through_the_browser(how: str) -> tuple[list[Told], list[Relayed]]:
    """What the page was told of all vectors, its sources being in that order, and what the browser has asked for."""
    app = AppRef(f"{__package__}.streams:app", app_dir=str(Path(__file__).parents[3]))
    types = sorted({kind for vector in VECTORS for kind, _, _ in vector.events} - {"message"})
    async with (
        ServerDriver("uvicorn", app, leaving="kill") as server,
        Relay(server.raw, server.place) as relay,
        opened(relay) as page,
    ):
        log: list[Told] = []
        for begin, end in ((0, SOON), (SOON, len(ORDER))):
            await page.evaluate(LISTEN, [ORDER[begin:end], how, types])
            refused = [source for source in range(end) if reconnects(VECTORS[ORDER[source]])]
            log = await page.until(ALL_OVER.format(refused=refused, ended=end), 60.0)
        await page.close_sources()
        return log, list(relay.exchanges)


@pytest.mark.parametrize("how", ["whole", "bytes"])
def test_chromium_agrees_with_the_vectors(how: str) -> None:
    log, exchanges = asyncio.run(through_the_browser(how))
    asked: dict[str, list[Relayed]] = {}
    for exchange in exchanges:
        asked.setdefault(exchange.target, []).append(exchange)
    differences = {}
    for source, number in enumerate(ORDER):
        vector = VECTORS[number]
        own = [entry for entry in log if entry.source == source]
        # HTTP takes blanks off the ends of a header's value.
        expected = (list(vector.events), [vector.last_event_id.strip(" ")] if reconnects(vector) else [])
        _, *again = asked[f"/{number}/{how}"]
        got = ([tuple(event) for event in events(own)], [exchange.last_event_id or "" for exchange in again])
        if got != expected:
            differences[vector.name] = f"expected {expected}, Chromium has {got}"
            continue
        errors = [entry.at for entry in own if entry.what == "error"]
        wait = DEFAULT_MS if vector.retry is None else vector.retry
        # The loss, and the answer that tells to stop: by the page's clock, which is the browser's own.
        gap = errors[1] - errors[0] if again else wait
        if gap < wait - GRAIN_MS or (comes_back_soon(vector) and gap > DEFAULT_MS):
            differences[vector.name] = f"a reconnection after {wait} ms expected, Chromium has {gap:.0f}"
    assert set(differences) == set(EXPLAINED), differences
