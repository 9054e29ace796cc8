"""Server-sent events: any text as the payload of an event."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from asgi_conformance import MUST, PRACTICE, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.spec import HTML_SSE
from asgi_conformance.sse import Event, EventStreamLinter, EventStreamParser

from .stream import OPENS_WITHIN, Extent, is_event_stream, read

FIELDS = HTML_SSE["event-stream-interpretation"]
NEEDS = {"sse", "sse.payload"}
PLAIN = "plain"

LINE_ENDS = ("a\nb", "a\r\nb", "a\rb", "\na", "a\n", "a\n\n", "\n", "a\n\nb", "a\r\n\r\nb", "a\n\rb")
FAKES = (
    "a\n\ndata: b",
    "a\ndata: b",
    "a\rdata: b",
    "a\r\rdata: b\r\r",
    "a\r\n\r\nevent: alarm\r\ndata: b",
    "a\nid: 7",
    "a\revent: alarm",
    "a\n\nretry: 1\n\n",
    "a\n: b",
    "a\nb: c",
)
# What some splitting functions take for a line end, blanks that a parser may drop, and what it may stumble over.
CHARACTERS = (
    " a",
    "  a ",
    "\ta",
    "a\u2028b",
    "a\u2029b",
    "a\x85b",
    "a\x0bb\x0cc",
    "a\x1cb\x1dc\x1ed",
    "a\0b",
    "\ufeffa",
    ": a",
    "data: a",
    "é€🚋",
    "",
    "'\"\\{}%s",
)
NAMES = ("a\ndata: b", "a\rdata: b", "a\r\n\r\ndata: b", "a\n\nid: 7\n\n", "\n", " a", "é", "a\0b", "a\u2028b")


@dataclass(frozen=True, slots=True)
class Framed:
    """What a client got: the events, and what the stream said besides."""

    body: bytes
    events: list[Event]
    retry: int | None


async def _framed(probe: Probe, parameter: str, value: str) -> Framed | None:
    """What a client gets for that value; None where the application refuses it."""
    async with probe.exchange(path=_path(probe.route.path, parameter, value)) as exchange:
        try:
            head = await exchange.head(OPENS_WITHIN)
        except Unanswered:
            return None
        if head.status != 200 or not is_event_stream(head):
            return None
        seen = await read(exchange, head, Extent(20, 60.0))
        if not seen.ended and (await exchange.ending(0.0)).how == "raised":
            return None
    parser = EventStreamParser()
    events = parser.feed(seen.body)
    return Framed(seen.body, events, parser.retry)


def _path(path: str, parameter: str, value: str) -> str:
    """The path with another value for one parameter of its query."""
    place, _, query = path.partition("?")
    pairs = [(name, value if name == parameter else old) for name, old in parse_qsl(query, keep_blank_values=True)]
    return f"{place}?{urlencode(pairs, quote_via=quote)}"


async def _usual(probe: Probe, parameter: str) -> Framed:
    """What comes for a harmless value of that parameter."""
    query = probe.route.path.partition("?")[2]
    if parameter not in dict(parse_qsl(query, keep_blank_values=True)):
        raise NotApplicable(f"a parameter {parameter!r} in the query of the route")
    usual = await _framed(probe, parameter, PLAIN)
    if usual is None or not usual.events:
        raise Blocked(f"there is no event for {parameter}={PLAIN}")
    return usual


async def _judge_data(probe: Probe, values: Iterable[str]) -> None:
    """Each value has to arrive as the data of the one event, and nothing else may change."""
    usual = await _usual(probe, "data")
    places = [number for number, event in enumerate(usual.events) if _plain(event.data) is not None]
    if not places:
        raise Blocked(f"no event has the data {PLAIN!r}")
    place, as_json = places[0], _plain(usual.events[places[0]].data) == "json"
    for value in values:
        framed = await _framed(probe, "data", value)
        if framed is None:
            continue
        if len(framed.events) != len(usual.events):
            raise Violation(
                expected=f"{_events(len(usual.events))} for {value!r}", observed=_events(len(framed.events))
            )
        got = framed.events[place]
        if not _carries(got.data, value, as_json=as_json):
            raise Violation(expected=f"the data {_with_lf(value)!r}", observed=repr(got.data))
        _nothing_else(usual, framed, place, value)


def _nothing_else(usual: Framed, framed: Framed, place: int, value: str) -> None:
    """Everything but the data of that event has to be as usual."""
    for number, (before, now) in enumerate(zip(usual.events, framed.events, strict=True)):
        if (now.type, now.last_event_id) != (before.type, before.last_event_id):
            raise Violation(expected=f"type and id as usual for {value!r}", observed=f"{now.type} {now.last_event_id}")
        if number != place and now.data != before.data:
            raise Violation(expected=f"the other events as usual for {value!r}", observed=repr(now.data))
    if framed.retry != usual.retry:
        raise Violation(expected=f"no retry from {value!r}", observed=f"retry {framed.retry}")


def _plain(data: str) -> str | None:
    """How an event says the harmless value: as text, or as a JSON string."""
    return "text" if data == PLAIN else "json" if data == json.dumps(PLAIN) else None


def _carries(data: str, value: str, *, as_json: bool) -> bool:
    if not as_json:
        return data == _with_lf(value)
    try:
        return json.loads(data) in {value, _with_lf(value)}
    except ValueError:
        return False


def _with_lf(value: str) -> str:
    """The value as a client gets it at best: the standard has LF for each line end."""
    return re.sub(r"\r\n|\r", "\n", value)


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"


@check("sse.payload.line-ends", level=MUST, clause=FIELDS, needs=NEEDS)
async def test_lines_of_data_arrive(probe: Probe) -> None:
    r"""Text of several lines must arrive as one event with those lines.

    Each line needs a `data:` of its own, whether it ends with LF, CRLF or CR; clients join them with LF.

    Usual cause: `f"data: {text}\n\n"`; `text.split("\n")`, which overlooks CR; `text.splitlines()`, which drops
    the last line end and knows too many.
    Usual mend: `re.split(r"\r\n|\r|\n", text)`, or JSON, in which line ends are escaped.
    """
    await _judge_data(probe, LINE_ENDS)


@check("sse.payload.no-injection", level=MUST, clause=FIELDS, needs=NEEDS)
async def test_data_makes_no_fields(probe: Probe) -> None:
    r"""Text in the data of an event must not become another event, or a field of this one.

    Who can write a line break into a message writes events in the server's name otherwise: an alarm, a logout, an id
    from which the client never comes back.

    Usual cause: `f"data: {text}\n\n"` with text from outside.
    Usual mend: a framing function that splits at all three line ends, or JSON.
    """
    await _judge_data(probe, FAKES)


@check("sse.payload.characters", level=MUST, clause=FIELDS, needs=NEEDS)
async def test_characters_arrive_unchanged(probe: Probe) -> None:
    """Every other character must arrive as it is: blanks at both ends, NUL, U+2028, an empty text.

    Usual cause: `data:` without a space, so that the first blank of the text is taken for it; `str.splitlines`;
    `strip()`.
    Usual mend: `"data: " + line`, with lines split at CR, LF and CRLF only.
    """
    await _judge_data(probe, CHARACTERS)


async def _judge_name(probe: Probe, parameter: str, values: Sequence[str]) -> None:
    """The data has to arrive whatever the name, in as many events as usual."""
    usual = await _usual(probe, parameter)
    data = [event.data for event in usual.events]
    for value in values:
        framed = await _framed(probe, parameter, value)
        if framed is not None and [event.data for event in framed.events] != data:
            expected = f"{_events(len(data))} with the data as usual for {value!r}"
            raise Violation(expected=expected, observed=f"{[event.data for event in framed.events][:4]}")
        if framed is None:
            continue
        if _others(framed, parameter) != _others(usual, parameter):
            raise Violation(
                expected=f"the other fields as usual for {value!r}", observed=f"{_others(framed, parameter)}"
            )


def _others(framed: Framed, parameter: str) -> tuple[object, ...]:
    """The fields that the parameter is not about."""
    fields = [event.type if parameter == "id" else event.last_event_id for event in framed.events]
    return *fields, framed.retry


@check("sse.payload.event-name", level=MUST, clause=FIELDS, needs=NEEDS)
async def test_event_name_makes_no_fields(probe: Probe) -> None:
    r"""A name with a line break in it must not become more than a name.

    Refusing it is best: there is no way to say it.

    Usual cause: `f"event: {name}\n"` with a name from outside.
    """
    await _judge_name(probe, "event", NAMES)


@check("sse.payload.id", level=PRACTICE, clause=FIELDS, needs=NEEDS)
async def test_id_is_one_that_clients_take(probe: Probe) -> None:
    r"""An id with a line break or a NUL in it should be refused, not sent.

    A line break begins another field; an id with a NUL is ignored, so that the client keeps the one before.

    Usual cause: `f"id: {key}\n"` with a key from outside.
    """
    await _judge_name(probe, "id", NAMES)
    framed = await _framed(probe, "id", "a\0b")
    if framed is not None and any(finding.rule == "P7" for finding in EventStreamLinter().feed(framed.body)):
        raise Violation(expected="a refusal of an id with NUL", observed="an event whose id clients ignore")
