"""Server-sent events: ids, and coming back with ``Last-Event-ID``."""

from dataclasses import dataclass

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Headers, HTTPExchange
from asgi_conformance.spec import HTML_SSE
from asgi_conformance.sse import Event, EventStreamParser

from .stream import OPENS_WITHIN, Extent, extent, is_virtual, opened, passage, read

HEADER = HTML_SSE["the-last-event-id-header"]
FIELDS = HTML_SSE["event-stream-interpretation"]
NEEDS = {"sse", "sse.resume", "virtual-time"}
# What a browser sends back is any text that was once an id, of this server or the one before it at this address.
STRANGE_IDS = (
    b"nonsense",
    b"-1",
    b"999999999999",
    b"\xc3\xbc",
    b"\xff",
    b"0",
    b"1.5",
    b"1,2:3",
    b"NaN",
    b"%00",
    b"9" * 5000,
    b"",
)
TWICE = (b"1", b"2")  # a client of somebody's own may add the header to one that is there


def _resuming(last_id: str | bytes) -> Headers:
    """The header of a client that has got that id; a client without one sends none."""
    value = last_id.encode() if isinstance(last_id, str) else last_id
    return ((b"last-event-id", value),) if value else ()


@dataclass(frozen=True, slots=True)
class Rest:
    """What came after an id: the events in both readings, and whether that is all there is.

    An event before the first id of a connection may be a greeting that every connection has, or the next event of
    a stream in which not every event has an id. The standard's client cannot tell, and neither can a check.
    """

    carried: list[Event]  # the events, those before the first id with the id that the client came with
    own: list[Event]  # the events with an id of this connection
    ended: bool
    body: bytes = b""

    def follows(self, events: list[Event], before: list[Event], whole: "Rest") -> bool:
        """Whether the events are these, `before` them included; of streams that go on, as far as both were read."""
        for rest in (self.own, self.carried):
            got = before + rest
            if got == events:
                return True
            goes_on = not (whole.ended and self.ended)
            if goes_on and (rest or got == events) and all(a == b for a, b in zip(events, got, strict=False)):
                return True
        return False


async def _from(probe: Probe, last_id: str = "") -> Rest:
    """What follows the id; nothing where the server says so (204)."""
    try:
        seen = await passage(probe, headers=_resuming(last_id), limit=_limit(probe))
    except NotApplicable:
        return Rest([], [], ended=True)
    own = [event for event in seen.events if event.last_event_id]
    carried = EventStreamParser(last_event_id=last_id).feed(seen.body) if last_id else own
    return Rest(carried, own, seen.ended, seen.body)


def _limit(probe: Probe) -> Extent:
    return Extent(300, 600.0) if "sse.finite" in probe.route.capabilities else Extent(12, 600.0)


async def _all(probe: Probe) -> Rest:
    whole = await _from(probe)
    if not whole.own:
        raise Blocked("there are no events with ids")
    return whole


def _told(events: list[Event]) -> str:
    if not events:
        return "no events"
    ids = ", ".join(event.last_event_id for event in events[:4])
    return f"events with the ids {ids}{', …' if len(events) > 4 else ''}"


@check("sse.resume.exact-rest", level=PRACTICE, clause=HEADER, needs=NEEDS)
async def test_resuming_gives_the_rest(probe: Probe) -> None:
    """A client that comes back with the id of an event should get the events behind it: all, once, in order.

    That is what ids are for. An event too few is lost for good, one too many is counted twice.

    Usual cause: `>=` for `>`; the id of the last event sent, and not of the last one received; a list that has
    moved on in the meantime.
    """
    whole = await _all(probe)
    events = whole.own
    for number, event in enumerate(events, 1):
        rest = await _from(probe, event.last_event_id)
        if not rest.follows(events[number:], [], whole):
            raise Violation(
                expected=f"{_told(events[number:])} after {event.last_event_id!r}", observed=_told(rest.own)
            )


@check("sse.resume.cut-anywhere", level=PRACTICE, clause=FIELDS, needs=NEEDS)
async def test_cut_anywhere_loses_nothing(probe: Probe) -> None:
    """Wherever a stream breaks, what was received and what follows on resuming should be the stream as a whole.

    A client resumes from the last id that a blank line has committed, be it that of an event or of a block
    without data.

    Usual cause: an `id` in a block of its own before the event it belongs to; keep-alives with an id; events
    that share an id.
    Usual mend: the id in the block of its event, after whose blank line both are there.
    """
    whole = await _all(probe)
    events = whole.own
    parser = EventStreamParser()
    got: list[Event] = []
    places: dict[tuple[int, str], int] = {}
    for number, byte in enumerate(whole.body[: _cuts(whole)], 1):
        got += [event for event in parser.feed(bytes([byte])) if event.last_event_id]
        places.setdefault((len(got), parser.last_event_id), number)
    for (count, last_id), cut in places.items():
        rest = await _from(probe, last_id)
        if not rest.follows(events, events[:count], whole):
            raise Violation(
                expected=f"{_told(events[count:])} after a cut behind byte {cut}",
                observed=f"{_told(rest.own)} (the last id was {last_id!r})",
            )


def _cuts(whole: Rest) -> int:
    """How far to cut: everywhere in a short stream, in the beginning of a long one."""
    return min(len(whole.body), 4000)


@check("sse.resume.separate-clients", level=PRACTICE, clause=HEADER, needs=NEEDS)
async def test_clients_resume_for_themselves(probe: Probe) -> None:
    """Two clients that resume from different ids at the same time should each get the rest of their own.

    Usual cause: the place in the stream is kept in a variable of the module or of the application.
    Usual mend: a variable of the generator.
    """
    whole = await _all(probe)
    events = whole.own
    if len(events) < 4:
        raise NotApplicable("a stream with four events")
    early, late = events[0].last_event_id, events[1].last_event_id
    async with opened(probe, headers=_resuming(early)) as (one, head):
        first = await read(one, head, Extent(1, 60.0))
        async with opened(probe, headers=_resuming(late)) as (other, other_head):
            second = await read(other, other_head, Extent(2, 60.0))
            more = await read(one, head, Extent(2, 60.0))
    for last_id, body, expected in ((early, first.body + more.body, events[1:]), (late, second.body, events[2:])):
        own = [event for event in EventStreamParser().feed(body) if event.last_event_id]
        carried = EventStreamParser(last_event_id=last_id).feed(body)
        if not Rest(carried, own, ended=False).follows(expected, [], whole) and own:
            raise Violation(expected=f"{_told(expected[:2])} after {last_id!r}", observed=_told(own[:2]))


@check("sse.resume.unknown-id", level=PRACTICE, clause=HEADER, needs={"sse"})
async def test_unknown_id_is_no_error(probe: Probe) -> None:
    """A `Last-Event-ID` that the server does not know should not make it fail.

    The header comes from clients that were connected to an older version, another server or another stream, or
    from anybody. A client that gets 500 gives up for good; one whose stream breaks comes back with the same id, for
    ever.

    Usual cause: `int(request.headers["last-event-id"])`.
    Usual mend: begin at the start, or at the present, when the id says nothing; 204 if the client is to stop.
    """
    async with opened(probe) as (exchange, _):
        if await _broken(exchange, probe):
            raise NotApplicable("a stream that works without the header")
    strange = [(value,) for value in STRANGE_IDS]
    for values in (*strange, TWICE) if is_virtual(probe) else strange[:2]:
        value = b", ".join(values)
        async with probe.exchange(headers=tuple((b"last-event-id", value) for value in values)) as exchange:
            try:
                status = (await exchange.head(OPENS_WITHIN)).status
            except Unanswered as reason:
                raise Violation(expected=f"a response with {_header(value)}", observed=str(reason)) from reason
            if status >= 500:
                raise Violation(expected=f"a stream, or a refusal, with {_header(value)}", observed=f"status {status}")
            if fault := await _broken(exchange, probe):
                raise Violation(expected=f"a stream with {_header(value)}", observed=fault)


async def _broken(exchange: HTTPExchange, probe: Probe) -> str | None:
    """Whether the response breaks at its beginning, and how."""
    try:
        piece = await exchange.piece(1.0 if is_virtual(probe) else 0.2)
    except Unanswered:
        return None
    if piece is not None or exchange.complete:
        return None
    return f"a response that breaks off: {(await exchange.ending(1.0)).error or 'without an end'}"


def _header(value: bytes) -> str:
    shown = value.decode("utf-8", "backslashreplace")
    return f"Last-Event-ID {shown if len(shown) < 20 else shown[:20] + '…'!r}"


@check("sse.ids.unique", level=PRACTICE, clause=FIELDS, needs={"sse", "sse.ids", "virtual-time"})
async def test_every_event_has_an_id_of_its_own(probe: Probe) -> None:
    """Where a stream has ids, each event should have one of its own.

    Without one, an event takes over the id of the event before it, and a client that resumes from there gets it
    twice.

    Usual cause: a timestamp in seconds as id; events of another kind that were forgotten.
    """
    seen = await passage(probe, limit=extent(probe))
    if not seen.events:
        raise NotApplicable("an event while the stream was looked at")
    # A greeting at the start of each connection has no place in the stream.
    ids = [event.last_event_id for event in seen.events if event.last_event_id]
    if not ids:
        raise Violation(expected="an id on every event", observed=f"none on {len(seen.events)} events")
    for number, one in enumerate(ids):
        if one in ids[:number]:
            raise Violation(expected="an id of its own on every event", observed=f"{one!r} for two events")
