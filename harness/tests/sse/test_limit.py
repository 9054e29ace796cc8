"""The memory limit: what counts, where it is exceeded, and what is left then."""

from collections.abc import Callable

import pytest

from asgi_conformance.sse import EventStreamParser, EventTooLarge

from .cuts import at

WHOLE: Callable[[bytes], list[bytes]] = lambda stream: [stream]  # noqa: E731 - one of two ways to cut
BYTES: Callable[[bytes], list[bytes]] = lambda stream: at(stream, list(range(1, len(stream))))  # noqa: E731


@pytest.fixture(params=[WHOLE, BYTES], ids=["whole", "byte by byte"])
def cut(request: pytest.FixtureRequest) -> Callable[[bytes], list[bytes]]:
    way: Callable[[bytes], list[bytes]] = request.param
    return way


# Streams with the largest size that one of their events, or lines, has.
SIZES = [
    (b"data: 4567890\n\n", 13),
    (b"data: 4567890\r\n\r\n", 13),
    (b"data: 4567890", 13),
    (b"data: 456\ndata: 456\n\n", 18),
    (b"data: 456\rdata: 456\r\r", 18),
    (b"data: 456\n\ndata: 456\n\n", 9),
    (b"data: 456\n\r\ndata: 456\n\r\ndata: 456\n\n", 9),
    (b"data\ndata\n\n", 8),
    (b"event: 89\nid: 4\ndata: 67\n\n", 22),
    (b"\xef\xbb\xbfdata: 456\n\n", 9),
    (b"data: \xe2\x82\xac\n\n", 9),
    (b": 345678\n: 345678\n\n", 8),
    (b"note: 78\nnote: 78\ndatas: 8\n", 8),
    (b"retry: 890\nretry: 890\n", 10),
    (b"data: 4\n: 345\ndata: 4\n", 14),
    (b"data: 4\n: 3456789012345\n\n", 22),
]


@pytest.mark.parametrize(("stream", "size"), SIZES)
def test_size_is_counted_to_the_byte(stream: bytes, size: int, cut: Callable[[bytes], list[bytes]]) -> None:
    unlimited, enough, short = (EventStreamParser(max_event_size=limit) for limit in (None, size, size - 1))
    assert [enough.feed(chunk) for chunk in cut(stream)] == [unlimited.feed(chunk) for chunk in cut(stream)]
    with pytest.raises(EventTooLarge, match=f"larger than {size - 1} bytes"):
        for chunk in cut(stream):
            short.feed(chunk)


def test_events_before_the_large_one_are_not_lost(cut: Callable[[bytes], list[bytes]]) -> None:
    parser = EventStreamParser(max_event_size=20)
    events = []
    with pytest.raises(EventTooLarge) as caught:
        for chunk in cut(b"id: 1\ndata: a\n\ndata: b\n\nid: 2\nretry: 5\ndata: " + b"c" * 20 + b"\n\ndata: d\n\n"):
            events += parser.feed(chunk)
    assert events + caught.value.events == [("message", "a", "1"), ("message", "b", "1")]
    assert caught.value.limit == 20
    assert (parser.last_event_id, parser.retry) == ("1", 5)
    with pytest.raises(ValueError, match="closed"):
        parser.feed(b"data: e\n\n")


def test_stream_of_small_events_may_be_of_any_length() -> None:
    parser = EventStreamParser(max_event_size=100)
    for size in (1, 99, 100, 101, 5000):
        count = sum(len(parser.feed(chunk)) for chunk in at(b"data: tram\n\n" * 500, list(range(size, 6000, size))))
        assert count == 500


def test_keep_alives_without_a_blank_line_do_not_add_up() -> None:
    parser = EventStreamParser(max_event_size=20)
    for _ in range(1000):
        assert parser.feed(b": ping\nnote: x\n") == []
    assert parser.feed(b"data: a\n\n") == [("message", "a", "")]


def test_what_one_chunk_leaves_counts_for_the_next() -> None:
    parser = EventStreamParser(max_event_size=20)
    assert parser.feed(b"data: 1234\n\ndata: 1234\n") == [("message", "1234", "")]
    assert parser.feed(b"data: 1234") == []
    with pytest.raises(EventTooLarge):
        parser.feed(b"5")


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_is_positive(limit: int) -> None:
    with pytest.raises(ValueError, match="positive or None"):
        EventStreamParser(max_event_size=limit)
