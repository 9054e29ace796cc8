"""A page in a browser, at an application's own origin: the event sources in it, and what they have told."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from asgi_conformance.drivers.base import PATIENCE
from asgi_conformance.drivers.browser.process import ANSWER_WITHIN, Browser, the_browser
from asgi_conformance.drivers.browser.relay import Relay, Relayed
from asgi_conformance.drivers.wire_sight import Note, silent
from asgi_conformance.sse import Event

CONNECTING, OPEN, CLOSED = 0, 1, 2  # a source's readyState

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened in the page.

    Args:
        what: ``source`` (one was made), ``open``, ``event``, ``error`` or ``close`` of one; ``fault`` of a script.
        source: the number of the event source, by the order in which they were made.
        at: milliseconds on the page's clock.
        state: the source's readyState at ``open`` and ``error``.
        event: with its type, data and lastEventId.
        text: the message of a fault, the address of a new source.
    """

    what: str
    source: int | None
    at: float
    state: int | None = None
    event: Event | None = None
    text: str = ""


class Page:
    """A page that is open; made by :func:`opened`. What it says to its server goes by way of `relay`."""

    def __init__(self, browser: Browser, relay: Relay, note: Note) -> None:
        self._browser = browser
        self._note = note
        self._noted = 0
        self.number = next(_numbers)
        self.relay = relay

    async def listen(self, path: str, types: Sequence[str] = ()) -> None:
        """Make an `EventSource`, with `onmessage` and a listener for each of the other types."""
        script = "([url, types]) => recorder.listen(url, types)"
        await self.evaluate(script, [path, [kind for kind in types if kind != "message"]])

    async def close_sources(self) -> None:
        """Call `close()` of every event source."""
        self._note("note", "the page closes its event source")
        await self.evaluate("() => recorder.close()")

    async def log(self) -> list[Told]:
        """What has happened so far."""
        return await self.until("() => true", 0.0)

    async def until(self, test: str, within: float = PATIENCE) -> list[Told]:
        """Wait until the JavaScript function `test` is true of the log, or the bound is over; the log either way.

        The entries are those of ``recorder.js``.
        """
        script = f"(ms) => recorder.until({test}, ms)"
        entries = [_told(entry) for entry in await self.evaluate(script, within * 1000, within=within + ANSWER_WITHIN)]
        for entry in entries[self._noted :]:
            self._note("note", f"the page: {_shown(entry)}")
        self._noted = len(entries)
        return entries

    async def evaluate(self, script: str, argument: Any = None, *, within: float = ANSWER_WITHIN) -> Any:
        """What a JavaScript function in the page gives. Raises BrowserFault when it raises."""
        return await self._browser.ask("evaluate", within=within, page=self.number, script=script, argument=argument)

    @property
    def streams(self) -> list[Relayed]:
        """The event streams that the page has been answered with."""
        return [exchange for exchange in self.relay.exchanges if exchange.is_stream]


@asynccontextmanager
async def opened(relay: Relay, *, path: str | None = None, note: Note = silent) -> AsyncIterator[Page]:
    """A fresh page: the application's own at that path, or (None) an empty one at its origin.

    Raises Unreachable where there is no browser, or none that starts.
    """
    browser = the_browser()
    async with browser.attached():
        page = Page(browser, relay, note)
        await browser.ask("open", page=page.number, origin=relay.origin, path=path)
        try:
            yield page
        finally:
            await browser.ask("close", page=page.number)


def events(log: Sequence[Told]) -> list[Event]:
    """The events among what has happened."""
    return [entry.event for entry in log if entry.event is not None]


def _told(entry: dict[str, Any]) -> Told:
    event = Event(entry["type"], entry["data"], entry["last_event_id"]) if entry["what"] == "event" else None
    text = entry.get("text") or entry.get("url") or ""
    return Told(entry["what"], entry["source"], entry["at"], entry.get("state"), event, text)


def _shown(entry: Told) -> str:
    if entry.event is not None:
        return f"{entry.event.type} {entry.event.data!r}, lastEventId {entry.event.last_event_id!r}"
    state = "" if entry.state is None else f", readyState {entry.state}"
    return f"{entry.what} {entry.text}".rstrip() + state
