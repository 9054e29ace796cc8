"""The parser's shortcuts take only what they may: streams that are almost regular, against the naive parser."""

from itertools import product

import pytest

from asgi_conformance.sse import EventStreamParser

from .naive import interpret

# What a block may consist of; a number takes the place of #.
SHAPES = [
    ("data: #",),
    ("data:#",),
    ("event: tick", "data: #"),
    ("id: #", "data: #"),
    ("data: #", "id: #"),
    ("event: tick", "id: #", "data: #"),
    ("id: #", "event: tick", "data: #"),
    ("id: #", "data: #", "event: tick"),
    ("event:tick", "data:#"),
    ("data: #", "data: more"),
    ("id: #", "event: tick", "id: 0#", "data: #"),
    ("event: #",),
    ("retry: #", "data: #"),
    ("id: #",),
]
# Lines that do not fit, in the place of one that does, or before it.
ODD = [
    *("", " ", "data", "data:", "data: ", "data:  x", "data:x", "Data: x", " data: x", "data : x", "datax: y"),
    *(
        "id: ",
        "id",
        "id: \0",
        "id: 4\0",
        "id:  5",
        "event: ",
        "event",
        "event: \0",
        "event:  x",
        "retry: 7",
        "retry: -",
    ),
    *(": note", ":", "x", "data: \ndata: x", "data: \u2028", "data: \x0b", "event: \x85", "id: \x1c", "data: \ufeff"),
    *("data: x\ry", "event: x\ry", "id: 4\r5", "data: \r", "id: 6\r", "event: \r", "\r", "data: x\r\r", "x" * 500),
]
BLOCKS = 12


def lines_of(shape: tuple[str, ...]) -> list[str]:
    return [line.replace("#", str(number)) for number in range(BLOCKS) for line in (*shape, "")]


def outcome(chunks: list[bytes]) -> tuple[list[tuple[str, str, str]], str, int | None]:
    parser = EventStreamParser()
    events = [tuple(event) for chunk in chunks for event in parser.feed(chunk)]
    return events, parser.last_event_id, parser.retry


def agree(lines: list[str], end: str) -> None:
    """The parser, in one go, from the middle of a block on and a block at a time, and the naive one."""
    stream = "".join(line + end for line in lines).encode()
    expected = interpret(stream)
    assert outcome([stream]) == expected, stream
    middle = stream.index(end.encode()) + len(end)
    assert outcome([stream[:middle], stream[middle:]]) == expected, stream
    blank = (end + end).encode()
    blocks = [block + blank for block in stream.split(blank)]
    assert outcome([*blocks[:-1], blocks[-1].removesuffix(blank)]) == expected, stream


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("shape", "end"), [*product(SHAPES, ["\n", "\r\n", "\r"])])
def test_one_odd_line_among_regular_ones_counts(shape: tuple[str, ...], end: str) -> None:
    regular = lines_of(shape)
    agree(regular, end)
    for place in (0, 1, len(shape), len(regular) // 2, len(regular) // 2 + 1, len(regular) - 2, len(regular) - 1):
        for odd in ODD:
            agree([*regular[:place], odd, *regular[place + 1 :]], end)
            agree([*regular[:place], odd, *regular[place:]], end)


def test_the_id_of_the_stream_goes_on_behind_a_shortcut() -> None:
    parser = EventStreamParser()
    table = "".join(f"id: {number}\nevent: tick\ndata: x\n\n" for number in range(30)).encode()
    assert [event.last_event_id for event in parser.feed(table)] == [str(number) for number in range(30)]
    assert parser.feed(b"data: y\n\n") == [("message", "y", "29")]
    assert parser.feed(b"id: 30\nevent: tick\ndata: z\n\n") == [("tick", "z", "30")]
    assert parser.feed(b"event: tick\ndata: z\n\n" * 20) == [("tick", "z", "30")] * 20
    assert parser.feed(b"id: 31\r\ndata: z\r\n\r\n") == [("message", "z", "31")]
    assert (parser.last_event_id, parser.feed(b"data: z\n\n")) == ("31", [("message", "z", "31")])


def test_limit_holds_beside_the_shortcuts() -> None:
    stream = "".join(f"id: {number}\nevent: tick\ndata: x\n\n" for number in range(30)).encode()
    limited = EventStreamParser(max_event_size=100)
    assert limited.feed(stream) == EventStreamParser().feed(stream)
