"""Server-sent events: the source of a stream fails."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from asgi_conformance import PRACTICE, Probe, Unanswered, Violation, check
from asgi_conformance.spec import PRACTICES
from asgi_conformance.sse import EventStreamParser

from .stream import OPENS_WITHIN, Extent, is_event_stream, is_virtual, read

ERRORS = PRACTICES["sse-errors"]
NEEDS = {"sse.raises"}
COUNTS = (1, 2, 3, 10)


@dataclass(frozen=True, slots=True)
class Failed:
    """What a client got of a stream whose source failed; status 0 without a response."""

    status: int
    events: int = 0
    complete: bool = False
    goes_on: bool = False


async def _failed(probe: Probe, after: int) -> Failed:
    """What comes of a stream whose source fails after so many events."""
    within = 60.0 if is_virtual(probe) else 10.0
    async with probe.exchange(path=_path(probe.route.path, after)) as exchange:
        try:
            head = await exchange.head(OPENS_WITHIN)
        except Unanswered:
            return Failed(0)
        if head.status != 200 or not is_event_stream(head):
            return Failed(head.status)
        seen = await read(exchange, head, Extent(100, within))
        events = len(EventStreamParser().feed(seen.body))
        if seen.ended:
            return Failed(200, events, complete=True)
        try:
            goes_on = await exchange.piece(0.0) is not None
        except Unanswered:
            goes_on = True
        return Failed(200, events, goes_on=goes_on)


def _path(path: str, after: int) -> str:
    """The path with another number of events before the failure."""
    place, _, query = path.partition("?")
    pairs = {**dict(parse_qsl(query)), "after": str(after)}
    return f"{place}?{urlencode(pairs)}"


@check("sse.error.events-arrive", level=PRACTICE, clause=ERRORS, needs=NEEDS)
async def test_events_before_a_failure_arrive(probe: Probe) -> None:
    """When the source of a stream fails, the events that it gave before should have arrived.

    They happened, and their ids are where the client resumes from.

    Usual cause: a layer that collects some events before it sends them, and drops them when an exception passes
    through; a queue between the source and the response that is thrown away with what is in it.
    Usual mend: send each event when it is there; let a failure wait behind the events before it.
    """
    for count in COUNTS:
        failed = await _failed(probe, count)
        if failed.status != 200:
            observed = f"status {failed.status}" if failed.status else "no response"
            raise Violation(expected=f"{count} events before the failure", observed=observed)
        if failed.events < count:
            raise Violation(expected=f"{count} events before the failure", observed=str(failed.events))


@check("sse.error.visible", level=PRACTICE, clause=ERRORS, needs=NEEDS)
async def test_failure_is_visible(probe: Probe) -> None:
    """A stream whose source fails should break off, or tell so in an event; it should neither end well nor go silent.

    A client that reads a stream to its end takes a proper end for the end of the matter: the answer is complete, the
    job is done. On a stream that stays open it waits for ever.

    Usual cause: an `except` around the generator that only writes to the log; a producer task whose exception nobody
    asks for.
    Usual mend: let the exception pass, or yield an event such as `event: error` first.
    """
    for count in COUNTS[:2]:
        failed = await _failed(probe, count)
        if failed.goes_on:
            raise Violation(expected="an end of the stream when its source has failed", observed="a stream that stays")
        if failed.complete and failed.events == count:
            observed = f"a complete stream of {count} event{'s' if count > 1 else ''}"
            raise Violation(expected="a stream that breaks off, or an event that tells", observed=observed)


@check("sse.error.before-first-event", level=PRACTICE, clause=ERRORS, needs=NEEDS)
async def test_failure_before_the_first_event_is_no_empty_stream(probe: Probe) -> None:
    """A source that fails before its first event should not look like a stream without events.

    A status from 500 on is best: clients of event streams give up, and others know what to do. Behind a head with
    status 200 only breaking off is left, or an event that tells.

    Usual cause: the source is opened inside of the generator, whose exceptions are caught; an empty default.
    Usual mend: do what can fail, such as the query, before the response is made.
    """
    failed = await _failed(probe, 0)
    if failed.goes_on:
        raise Violation(expected="an error status, or a stream that breaks off", observed="a stream that stays")
    if failed.complete and not failed.events:
        raise Violation(expected="an error status, or a stream that breaks off", observed="a complete, empty stream")
