"""The framer: what it writes is what a client gets, or it raises."""

from typing import Any

import pytest

from asgi_conformance.sse import Event, EventStreamParser, frame, lint_stream


def received(block: bytes) -> list[Event]:
    """What a client makes of a block, between two events that must stay as they are."""
    parser = EventStreamParser()
    events = parser.feed(b"data: before\n\n" + block + b"data: after\n\n")
    assert events[0].data == "before"
    assert events[-1].data == "after"
    assert events[-1].type == "message"
    return events[1:-1]


DATA = {
    "plain": "tram",
    "LF": "a\nb",
    "CRLF": "a\r\nb",
    "CR": "a\rb",
    "all three": "a\r\n\rb\n\rc",
    "blank line and a fake field": "a\n\nevent: fake\ndata: b",
    "the same with CR": "a\r\revent: fake\rdata: b",
    "the same with CRLF": "a\r\n\r\nid: fake\r\ndata: b",
    "newline at the end": "a\n",
    "two at the end": "a\n\n",
    "newline at the start": "\na",
    "newline alone": "\n",
    "CR alone": "\r",
    "empty": "",
    "space at the start": " a",
    "two spaces": "  ",
    "space at the start of a later line": "a\n b",
    "tab": "\ta",
    "VT": "a\x0bb",
    "FF": "a\x0cb",
    "FS": "a\x1cb",
    "GS": "a\x1db",
    "RS": "a\x1eb",
    "U+0085": "a\x85b",
    "U+2028": "a\u2028b",
    "U+2029": "a\u2029b",
    "NUL": "a\0b",
    "BOM at the start": "\ufeffa",
    "BOM on a later line": "a\n\ufeffb",
    "looks like a field": "id: 7",
    "looks like a comment": ": ping",
    "colon first": ":",
    "not ASCII": "süd 🚋",
}

FAKES = ["a\nb", "a\r\nb", "a\rb", "a\nid: fake", "a\rid: fake", "a\r\nid: fake", "a\n\ndata: fake\n", "\n", "a\n"]


@pytest.mark.parametrize("data", DATA.values(), ids=DATA.keys())
def test_data_arrives_as_one_event_with_lf_for_line_ends(data: str) -> None:
    assert received(frame(data)) == [("message", data.replace("\r\n", "\n").replace("\r", "\n"), "")]


@pytest.mark.parametrize(
    "data", [b"bytes", {"a": 1}, 5, 1.5, True, ["a"], object()], ids=lambda data: type(data).__name__
)
def test_data_that_is_no_text_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match="data must be a str"):
        frame(data)


@pytest.mark.parametrize("name", ["data", "event", "id", "comment"])
def test_lone_surrogate_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not contain a lone surrogate"):
        frame(**{"data": "a", name: "x\ud83d"})


@pytest.mark.parametrize(
    "value", ["tick", " tick", "tick ", "a: b", "x\u2028y", "t\0", "näh", "error", "message", ":", "\ufeffa"]
)
def test_event_type_arrives(value: str) -> None:
    assert received(frame("a", event=value)) == [(value, "a", "")]


@pytest.mark.parametrize("value", FAKES)
def test_event_type_with_a_line_end_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="event must not contain CR or LF"):
        frame("a", event=value)


def test_empty_event_type_is_refused() -> None:
    with pytest.raises(ValueError, match="'message'"):
        frame("a", event="")


@pytest.mark.parametrize("value", ["1", "", " 1", "1 ", "süd", "a:b,c", "x\x1cy", "\ufeff"])
def test_id_arrives(value: str) -> None:
    assert received(frame("a", id=value)) == [("message", "a", value)]


@pytest.mark.parametrize("value", FAKES)
def test_id_with_a_line_end_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="id must not contain CR or LF"):
        frame("a", id=value)


@pytest.mark.parametrize("value", ["\0", "1\0", "\x001", "1\x002"])
def test_id_with_a_nul_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="NUL"):
        frame("a", id=value)


@pytest.mark.parametrize(
    "value", [*FAKES, "ping", "", "data: fake", "a\0", "\u2028data: fake", "\ndata: fake\n\n", "\ufeff"]
)
def test_comment_is_never_a_field(value: str) -> None:
    assert received(frame(comment=value)) == []
    assert received(frame("a", comment=value)) == [("message", "a", "")]
    assert all(line.startswith(b":") for line in frame(comment=value)[:-2].splitlines())


@pytest.mark.parametrize("value", [1, 250, 0, 10**30])
def test_retry_is_set(value: int) -> None:
    parser = EventStreamParser()
    assert parser.feed(frame("a", retry=value)) == [("message", "a", "")]
    assert parser.retry == value


@pytest.mark.parametrize("value", [True, False, 1.5, 3.0, "5", "soon", b"5", [1]], ids=repr)
def test_retry_that_is_no_int_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="retry must be an int"):
        frame("a", retry=value)


def test_negative_retry_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        frame("a", retry=-1)


def test_retry_that_python_cannot_write_is_refused() -> None:
    with pytest.raises(ValueError, match="digits"):
        frame("a", retry=10**5000)


def test_event_without_data_is_refused() -> None:
    for rest in ({}, {"id": "1"}, {"comment": "x"}):
        with pytest.raises(ValueError, match="no data"):
            frame(event="tick", **rest)


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="needs data"):
        frame()


def test_id_without_data_is_committed_without_an_event() -> None:
    parser = EventStreamParser()
    assert parser.feed(frame(id="8")) == []
    assert parser.last_event_id == "8"


def test_everything_in_one_block() -> None:
    block = frame("a\nb", event="tick", id="7", retry=250, comment="note")
    assert block == b": note\nevent: tick\nid: 7\nretry: 250\ndata: a\ndata: b\n\n"
    assert lint_stream(block) == []
