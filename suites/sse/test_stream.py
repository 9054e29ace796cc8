"""Server-sent events: the bytes of the stream, field by field."""

from asgi_conformance import MUST, PRACTICE, SHOULD, NotApplicable, Probe, Violation, check
from asgi_conformance.spec import HTML_SSE, PRACTICES
from asgi_conformance.sse import Severity, frame, lint_stream

from .stream import extent, opened, passage, read, require

PARSING = HTML_SSE["parsing-an-event-stream"]
FIELDS = HTML_SSE["event-stream-interpretation"]
TOLERANT = PRACTICES["sse-tolerant-clients"]


@check("sse.stream.utf8", level=MUST, clause=PARSING, needs={"sse"})
async def test_bytes_are_utf8(probe: Probe) -> None:
    """An event stream must be valid UTF-8.

    For bytes that are not, a client puts U+FFFD into the event, without a word.

    Usual cause: bytes from a file, a database or another program, passed on as they are; a character that was
    cut in two.
    Usual mend: decode where the text comes from, with the encoding that it has there.
    """
    await require(probe, "P1", Severity.ERROR)


@check("sse.stream.no-bom-inside", level=PRACTICE, clause=PARSING, needs={"sse"})
async def test_no_byte_order_mark_inside(probe: Probe) -> None:
    """No line of an event stream but the first should begin with a byte order mark.

    At the very start clients drop it; later it belongs to the field's name, which nobody knows then.

    Usual cause: pieces of several files, or `encode("utf-8-sig")` for each event.
    Usual mend: `encode()`.
    """
    await require(probe, "P2", Severity.ERROR)


@check("sse.stream.one-line-end", level=SHOULD, clause=TOLERANT, needs={"sse"})
async def test_one_kind_of_line_end(probe: Probe) -> None:
    """An event stream should use one kind of line end from start to end.

    CR, LF and CRLF may be mixed by the standard, but clients that look for the first blank line by text, such as
    LF LF, run events together. Hence a warning.

    Usual cause: events of a library with CRLF beside lines that were written by hand.
    """
    await require(probe, "P3", Severity.WARNING)


@check("sse.stream.known-fields", level=PRACTICE, clause=FIELDS, needs={"sse"})
async def test_fields_are_known(probe: Probe) -> None:
    """Each line of an event stream should be a comment or one of `data`, `event`, `id` and `retry`.

    Clients ignore every other line, also `Data` and `data ` with a space before the colon, so what it was to
    say is lost.

    Usual cause: text with line breaks in one `data:` line, whose rest has no field name; a misspelt name; an
    indented template.
    Usual mend: a `data:` line for each line of the text.
    """
    await require(probe, "P4", Severity.ERROR)


@check("sse.stream.block-has-data", level=PRACTICE, clause=FIELDS, needs={"sse"})
async def test_blocks_are_seen(probe: Probe) -> None:
    """Each block of an event stream should carry data, or consist of comments, a `retry` or an `id`.

    An `event` without `data` is dropped by clients: no listener is ever called.

    Usual cause: an event whose name was thought to be all of it; a line break too many between `event:` and
    `data:`.
    Usual mend: an empty `data:` line is enough.
    """
    await require(probe, "P6", Severity.ERROR)


@check("sse.stream.id-without-nul", level=PRACTICE, clause=FIELDS, needs={"sse"})
async def test_ids_have_no_nul(probe: Probe) -> None:
    """An `id` should have no NUL character in it.

    Clients ignore such an id and keep the one before it, so they resume from the wrong place.
    """
    await require(probe, "P7", Severity.ERROR)


@check("sse.stream.fields-once", level=SHOULD, clause=TOLERANT, needs={"sse"})
async def test_fields_occur_once(probe: Probe) -> None:
    """A block should have one `id`, one `event` and one `retry` at most.

    The last one counts, so the others say nothing; somebody wanted them to. Hence a warning.

    Usual cause: two layers that each add an id; a blank line that was forgotten between two events.
    """
    await require(probe, "P8", Severity.WARNING)


@check("sse.stream.retry-digits", level=PRACTICE, clause=FIELDS, needs={"sse"})
async def test_retry_is_digits(probe: Probe) -> None:
    """A `retry` should be milliseconds in ASCII digits, and nothing else.

    Clients ignore any other value, and use the time that they think best.

    Usual cause: `5s`, `1.5` or `3e3`; a negative number.
    """
    await require(probe, "P9", Severity.ERROR)


@check("sse.stream.retry-sane", level=SHOULD, clause=TOLERANT, needs={"sse"})
async def test_retry_is_sane(probe: Probe) -> None:
    """A `retry` should not be 0, and be below an hour.

    With 0 every client comes back at once when a server restarts; the unit is milliseconds, so that a value of
    hours is often meant to be another. Legal, hence a warning.
    """
    await require(probe, "P9", Severity.WARNING)


@check("sse.stream.id-without-blanks", level=SHOULD, clause=TOLERANT, needs={"sse"})
async def test_ids_have_no_outer_blanks(probe: Probe) -> None:
    """An `id` should neither begin nor end with a blank.

    The client sends it back in `Last-Event-ID`, and HTTP takes blanks off the ends of header values. Then the
    server does not know the id again.

    Usual cause: two spaces behind the colon; an id that was not stripped.
    """
    await require(probe, "P10", Severity.WARNING)


@check("sse.stream.no-foreign-line-ends", level=SHOULD, clause=TOLERANT, needs={"sse"})
async def test_no_foreign_line_ends(probe: Probe) -> None:
    """No field should hold a character that some clients take for a line end.

    They are U+2028, U+2029, U+0085, VT, FF, FS, GS and RS. By the standard they are ordinary characters. Clients
    that split with a general function, such as Python's `str.splitlines`, cut the event there, so that JSON arrives
    in halves. Hence a warning.

    Usual cause: JSON with `ensure_ascii=False`; text as users typed it.
    Usual mend: JSON with escapes, as `json.dumps` writes it by default.
    """
    await require(probe, "P11", Severity.WARNING)


@check("sse.stream.ends-on-block", level=PRACTICE, clause=FIELDS, needs={"sse"})
async def test_stream_ends_behind_a_block(probe: Probe) -> None:
    """A stream that ends should end behind the blank line of its last event.

    A client drops an event whose blank line never came.

    Usual cause: the last event without its second line break; one line break only behind each event.
    Usual mend: end each event, also the last one, with a blank line.
    """
    if "sse.endless" in probe.route.capabilities:
        raise NotApplicable("a stream that ends")
    seen = await require(probe, "P12", Severity.ERROR, full=True)
    if not seen.ended:
        raise NotApplicable("a stream that ends")


@check("sse.stream.whole-events", level=PRACTICE, clause=PRACTICES["sse-timeliness"], needs={"sse", "virtual-time"})
async def test_events_are_whole_while_time_passes(probe: Probe) -> None:
    """The blank line of an event should be sent with the event, not with the next one.

    The blank line is what makes the event: until it comes, the client has nothing, however long ago the data
    arrived.

    Usual cause: one line break behind the data, and one more before the next event; `data:` and the blank line
    written by different hands.
    Usual mend: end each piece that is yielded with a blank line.
    """
    seen = await passage(probe)
    if len(seen.pieces) < 2:
        raise NotApplicable("a stream with several pieces")
    body = b""
    for piece, at, following in zip(seen.pieces, seen.times, seen.times[1:], strict=False):
        body += piece
        if following - at >= 0.1 and _is_unfinished(body):
            raise Violation(
                expected="the blank line together with the event",
                observed=f"an event without it for {following - at:.1f} s",
            )


def _is_unfinished(body: bytes) -> bool:
    """Whether there are bytes of an event behind the last blank line."""
    text = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    last = text.rpartition(b"\n\n")[2].strip(b"\n")
    return any(line.startswith(b"data") for line in last.split(b"\n"))


@check(
    "sse.stream.compressed-in-time", level=PRACTICE, clause=PRACTICES["sse-timeliness"], needs={"sse", "virtual-time"}
)
async def test_compressed_events_arrive_in_time(probe: Probe) -> None:
    """A stream that is compressed should reach the client as it is produced, each event when it is there.

    A compressor keeps what it gets until it has some kilobytes of it, and events are small: the client gets none for
    minutes, and then many.

    Usual cause: middleware that compresses whatever has no length.
    Usual mend: leave `text/event-stream` out, or flush the compressor behind each event (`Z_SYNC_FLUSH`).
    """
    async with opened(probe, headers=((b"accept-encoding", b"gzip"),)) as (exchange, head):
        if (head.get("content-encoding") or "identity").strip().lower() == "identity":
            return
        compressed = await read(exchange, head, extent(probe))
    plain = await passage(probe, headers=((b"accept-encoding", b"identity"),))
    if len(plain.pieces) > 2 and plain.times[-1] >= 1.0 and not compressed.body and not compressed.ended:
        raise Violation(
            expected="events as they are produced, compressed or not",
            observed=f"none of them compressed, {len(plain.pieces)} pieces of the body otherwise",
        )


@check("sse.data.json", level=PRACTICE, clause=PRACTICES["sse-json"], needs={"sse", "sse.json"})
async def test_data_is_json(probe: Probe) -> None:
    """Where JSON is promised, the data of each event should be one JSON value.

    `JSON.parse` raises at the first other one, in the listener, where nobody looks.

    Usual cause: a dict put into an f-string, which gives it Python's quotes; `NaN`; text with line breaks.
    Usual mend: `json.dumps`.
    """
    types = {word.strip() for word in probe.promise("sse.json").split(",")}
    seen = await passage(probe)
    judged = [event for event in seen.events if "*" in types or event.type in types]
    if not judged:
        raise NotApplicable("an event that is to be JSON, while the stream was looked at")
    for event in judged:
        for finding in lint_stream(frame(event.data), declared_json=True):
            if finding.rule == "P15":
                raise Violation(expected=f"one JSON value as data of {event.type!r}", observed=finding.observed)
