"""The parser against the vectors, under every cut."""

import random

import pytest

from asgi_conformance.sse import Event, EventStreamParser

from .cuts import at, divisions
from .naive import decode, interpret
from .vectors import TIMELINESS, VECTORS, Vector


def outcome(chunks: list[bytes]) -> tuple[list[tuple[str, str, str]], str, int | None]:
    """What a new parser makes of the chunks."""
    parser = EventStreamParser()
    events = [tuple(event) for chunk in chunks for event in parser.feed(chunk)]
    parser.close()
    return events, parser.last_event_id, parser.retry


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_vector_holds_under_every_cut(vector: Vector) -> None:
    expected = (list(vector.events), vector.last_event_id, vector.retry)
    assert outcome(list(vector.chunks)) == expected
    for how, chunks in divisions(vector.stream, vector.name):
        assert b"".join(chunks) == vector.stream
        assert outcome(chunks) == expected, how


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_naive_implementation_agrees_with_the_vector(vector: Vector) -> None:
    assert interpret(vector.stream) == (list(vector.events), vector.last_event_id, vector.retry)


def test_there_are_vectors_for_every_category() -> None:
    assert len(VECTORS) >= 130
    assert len({vector.name for vector in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize(("stream", "after"), [(stream, after) for _, stream, after, _ in TIMELINESS])
def test_event_is_out_with_the_byte_that_completes_it(stream: bytes, after: int) -> None:
    parser = EventStreamParser()
    out = [count for count, byte in enumerate(stream, 1) for _ in parser.feed(bytes([byte]))]
    assert out == [after]


@pytest.mark.parametrize(("stream", "after"), [(stream, after) for _, stream, after, _ in TIMELINESS])
def test_event_is_out_with_the_chunk_that_completes_it(stream: bytes, after: int) -> None:
    for lead in (b"", b"data: before\n\n", b"\r\n", b": ping\r"):
        parser = EventStreamParser()
        before = parser.feed(lead)
        assert [event.data for event in before + parser.feed(stream[:after])][-1] == "t"
        assert parser.feed(stream[after:]) == []


def test_last_event_id_and_retry_can_be_read_at_any_time() -> None:
    parser = EventStreamParser()
    seen = []
    for chunk in (b"id: 1\n", b"retry: 5\n", b"\n", b"id: 2\n", b"data: a\n", b"\r", b"\n"):
        parser.feed(chunk)
        seen.append((parser.last_event_id, parser.retry))
    assert seen == [("", None), ("", 5), ("1", 5), ("1", 5), ("1", 5), ("2", 5), ("2", 5)]


def test_event_has_names() -> None:
    (event,) = EventStreamParser().feed(b"event: tick\nid: 7\ndata: a\n\n")
    assert (event.type, event.data, event.last_event_id) == ("tick", "a", "7")
    assert event == Event(type="tick", data="a", last_event_id="7")
    with pytest.raises(AttributeError):
        event.data = "b"  # type: ignore[misc]


def test_id_carries_over_from_an_earlier_connection() -> None:
    parser = EventStreamParser(last_event_id="5")
    assert parser.last_event_id == "5"
    assert parser.feed(b"data: a\n\n") == [("message", "a", "5")]
    assert parser.feed(b"id\ndata: b\n\ndata: c\n\n") == [("message", "b", ""), ("message", "c", "")]


@pytest.mark.parametrize(
    "chunk",
    [
        *(
            b"data: a\nx",
            b"data: a\nx\n",
            b"data: a\r\nx\n",
            b"data: a\r\n\nx",
            b"data: a\rb\n\n",
            b"data: a\rb\r\n\r\n",
        ),
        *(
            b"data: a\n\r",
            b"data: a\r\n\r",
            b"data:",
            b"data: ",
            b"data:\n",
            b"data:\n\n",
            b"data:\r\n\r\n",
            b"data: \n\n",
        ),
        *(
            b"data\n\n",
            b"data \n\n",
            b"data:a\n\n",
            b"data:  a\r\n\r\n",
            b"data: \xff\n\n",
            b"data: \r\n\n",
            b"data: a\n\n\n",
        ),
    ],
)
def test_chunk_that_is_nearly_one_event_is_read_by_the_rules(chunk: bytes) -> None:
    for before in (b"data: 1\n\n", b"id: 1\n\n", b"data: 1\r\r", b"event: x\n\n"):
        for after in (b"\n", b"\n\n", b"\r\ndata: 2\n\n", b"data: 2\n\n"):
            assert outcome([before, chunk, after]) == interpret(before + chunk + after)


def test_nothing_is_fed_after_the_end() -> None:
    parser = EventStreamParser()
    assert parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n") == [("message", "a", "1")]
    parser.close()
    parser.close()
    for chunk in (b"\n", b"", b"data: a\n\n"):
        with pytest.raises(ValueError, match="ended"):
            parser.feed(chunk)
    assert parser.last_event_id == "1"


def test_chunk_may_be_any_buffer_and_is_not_kept() -> None:
    parser = EventStreamParser()
    chunk = bytearray(b"data: tr")
    assert parser.feed(chunk) == []
    chunk[:] = b"XXXXXXXX"
    assert parser.feed(memoryview(b"am\n\n")) == [("message", "tram", "")]
    for wrong in ("data: a\n\n", 5, None):
        with pytest.raises(TypeError):
            parser.feed(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_other_buffers_make_no_difference(vector: Vector) -> None:
    parser = EventStreamParser()
    halves = at(vector.stream, [len(vector.stream) // 2])
    chunks = [halves[0], *(bytearray([byte]) for byte in halves[1])]
    assert tuple(event for chunk in chunks for event in parser.feed(chunk)) == vector.events


def test_shapes_with_a_shortcut_agree_with_the_rules() -> None:
    generator = random.Random("shortcuts")
    long = "long " * 120
    pieces = [
        *("data: a\n\n", "data:a\n\n", "data:  a\n\n", "data:\n\n", "data: \n\n", "data\n\n", "data: b\ndata: c\n\n"),
        *(": ping\n\n", "\n", f"data: {long}\n\n", f"data:{long}\n\n", "event: x\ndata: 1\n\n", "id: 3\ndata: 1\n\n"),
        *("id: 4\n\n", "event: y\n\n", "data: \ufeff\u2028\n\n", "data: x\rdata: y\n\n", "data: x\r\ndata: y\n\n"),
    ]
    for _ in range(600):
        text = "".join(
            generator.choices(pieces, weights=[30, 10, *[1] * (len(pieces) - 2)], k=generator.randint(1, 14))
        )
        if generator.random() < 0.5:
            text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        stream = text.encode()
        places = [generator.randint(0, len(stream)) for _ in range(generator.randint(0, 2))]
        assert outcome(at(stream, places)) == interpret(stream), (stream, places)


def test_decoding_is_that_of_the_encoding_standard() -> None:
    # All pairs, and every lead of three and four bytes with continuations at each of their bounds.
    edges = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF]
    sequences = [bytes([first, second]) for first in range(0x80, 0x100) for second in range(0x100)]
    sequences += [bytes([first, a, b]) for first in range(0xE0, 0x100) for a in edges for b in edges]
    sequences += [bytes([first, a, b, c]) for first in range(0xF0, 0xF6) for a in edges for b in edges for c in edges]
    values = [sequence for sequence in sequences if b"\r" not in sequence and b"\n" not in sequence]
    expected = [decode(value) for value in values]
    for chunks in ([b"data: " + value + b"\n\n" for value in values], [b"data: " + b"\ndata: ".join(values) + b"\n\n"]):
        parser = EventStreamParser()
        got = [line for chunk in chunks for event in parser.feed(chunk) for line in event.data.split("\n")]
        assert got == expected


def test_one_line_of_a_mebibyte() -> None:
    stream = b"data: " + b"tram " * 209715 + b"\n\n"
    assert outcome(at(stream, list(range(1024, len(stream), 1024)))) == ([("message", "tram " * 209715, "")], "", None)


def test_ten_thousand_lines_in_one_event() -> None:
    stream = b"".join(b"data: %d\n" % number for number in range(10_000)) + b"\n"
    expected = "\n".join(map(str, range(10_000)))
    for size in (7, 1000, len(stream)):
        assert outcome(at(stream, list(range(size, len(stream), size)))) == ([("message", expected, "")], "", None)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_ten_thousand_events_in_order(end: bytes) -> None:
    stream = b"".join(b"data: %d\n\n" % number for number in range(10_000)).replace(b"\n", end)
    expected = [("message", str(number), "") for number in range(10_000)]
    for size in (13, 4096, len(stream)):
        assert outcome(at(stream, list(range(size, len(stream), size)))) == (expected, "", None)


@pytest.mark.parametrize("line", [b"data: " + b"x" * 1000, b":" + b"x" * 1000])
def test_growing_line_is_not_touched_again(line: bytes) -> None:
    # Quadratic time would come from joining what has come so far with each chunk; so the pieces must lie side by side.
    parser = EventStreamParser()
    parser.feed(b"data: before\n\n")
    for _ in range(4000):
        assert parser.feed(line) == []
    assert [len(piece) for piece in parser._pending] == [len(line)] * 4000
    assert [len(event.data) for event in parser.feed(b"\n\n")] == ([] if line[:1] == b":" else [4000 * len(line) - 6])


def test_growing_event_is_not_touched_again() -> None:
    parser = EventStreamParser()
    for _ in range(4000):
        assert parser.feed(b"data: a\ndata: b\n") == []
    assert [parser._first, *parser._more] == ["a", "b"] * 4000
    assert parser.feed(b"\n") == [("message", "\n".join(["a", "b"] * 4000), "")]
