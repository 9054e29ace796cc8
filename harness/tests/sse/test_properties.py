"""What holds for any bytes and any cuts: the parser is the naive one, what is framed comes back, findings stay."""

from hypothesis import given, settings
from hypothesis import strategies as st

from asgi_conformance.sse import EventStreamLinter, EventStreamParser, EventTooLarge, frame, lint_stream

from .cuts import at
from .naive import interpret

BYTES = [bytes([byte]) for byte in b":\r\n \0\t0129xd"]
WORDS = [
    *(b"data", b"id", b"event", b"retry", b"data: ", b"data:", b"id: ", b"event: ", b"retry: "),
    *(b"\n\n", b"\r\n", b"\r\n\r\n", b"\xef", b"\xbb", b"\xbf", b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xa9"),
    *(b"\xe2\x80\xa8", b"\xf0\x9f\x9a\x8b", b"\xc2\x85", b"\x0b", b"data: a\n\n", b"data: a\r\n\r\n"),
    *(b"data: " + b"long" * 120 + b"\n\n", b"data: " + b"long" * 120),
]
FEW = [b"\r", b"\n", b"\r\n", b"data: a", b"data:b", b"id: 1", b"x"]  # little to choose from finds what lines do


def chunked(words: list[bytes], size: int) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.lists(st.sampled_from(words), max_size=size).map(b"".join), max_size=10)


soup = st.one_of(chunked(FEW, 4), chunked(BYTES + WORDS, 6))  # chunks that end where words end,
places = st.lists(st.integers(0, 10**4), max_size=6)  # and places to cut elsewhere


def ways(chunks: list[bytes], places: list[int]) -> list[list[bytes]]:
    stream = b"".join(chunks)
    cut = at(stream, [place % (len(stream) + 1) for place in places])
    return [[stream], chunks, cut, [bytes([byte]) for byte in stream]]


@settings(max_examples=200, deadline=None)
@given(soup, places)
def test_parser_agrees_with_the_naive_one(soup: list[bytes], places: list[int]) -> None:
    expected = interpret(b"".join(soup))
    for chunks in ways(soup, places):
        parser = EventStreamParser()
        events = [tuple(event) for chunk in chunks for event in parser.feed(chunk)]
        assert (events, parser.last_event_id, parser.retry) == expected


def until_too_large(chunks: list[bytes], limit: int) -> tuple[list[tuple[str, str, str]], bool, str, int | None]:
    parser = EventStreamParser(max_event_size=limit)
    events: list[tuple[str, str, str]] = []
    try:
        for chunk in chunks:
            events += parser.feed(chunk)
    except EventTooLarge as error:
        return events + error.events, True, parser.last_event_id, parser.retry
    return events, False, parser.last_event_id, parser.retry


@settings(max_examples=100, deadline=None)
@given(soup, places, st.integers(1, 60))
def test_limit_does_not_depend_on_the_cuts(soup: list[bytes], places: list[int], limit: int) -> None:
    expected = until_too_large(soup, limit)
    for chunks in ways(soup, places):
        assert until_too_large(chunks, limit) == expected
    events, _, _ = interpret(b"".join(soup))
    if expected[1]:
        assert events[: len(expected[0])] == expected[0]
    else:
        assert events == expected[0]


text = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\r\n: \0\ufeff\u2028\x85")), max_size=20
)
word = text.filter(lambda value: value and not set(value) & set("\r\n"))
ident = text.filter(lambda value: not set(value) & set("\r\n\0"))
message = st.fixed_dictionaries(
    {"data": text}, optional={"event": word, "id": ident, "retry": st.integers(0, 10**30), "comment": text}
)
bookmark = st.fixed_dictionaries({"id": ident}, optional={"retry": st.integers(0), "comment": text})


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(message, bookmark), max_size=6), places)
def test_what_is_framed_comes_back(blocks: list[dict[str, str]], places: list[int]) -> None:
    expected, last, retry = [], "", None
    for block in blocks:
        last, retry = block.get("id", last), block.get("retry", retry)
        if "data" in block:
            data = block["data"].replace("\r\n", "\n").replace("\r", "\n")
            expected.append((block.get("event", "message"), data, last))
    for chunks in ways([frame(**block) for block in blocks], places):  # type: ignore[arg-type]
        parser = EventStreamParser()
        got = [event for chunk in chunks for event in parser.feed(chunk)]
        assert (got, parser.last_event_id, parser.retry) == (expected, last, retry)


@settings(max_examples=80, deadline=None)
@given(soup, places)
def test_findings_do_not_depend_on_the_cuts(soup: list[bytes], places: list[int]) -> None:
    expected = lint_stream(b"".join(soup))
    for chunks in ways(soup, places):
        linter = EventStreamLinter()
        found = [finding for chunk in chunks for finding in linter.feed(chunk)] + linter.close()
        assert sorted(found, key=lambda finding: (finding.offset, int(finding.rule[1:]))) == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(message, min_size=1, max_size=5))
def test_what_is_framed_has_no_errors(blocks: list[dict[str, str]]) -> None:
    findings = lint_stream(b"".join(frame(**block) for block in blocks))  # type: ignore[arg-type]
    assert [finding for finding in findings if finding.severity == "error" and finding.rule != "P14"] == []
