"""The linter: for each rule what breaks it and what does not, with exactly the findings that it gives."""

import pytest

from asgi_conformance.sse import RULES, EventStreamLinter, Finding, lint_stream

E, W = "error", "warning"

CLEAN = [
    b"",
    b"data: a\n\n",
    b": ping\n\ndata: a\n\n: ping\n\n",
    b"retry: 3000\n\nid: 1\nevent: tick\ndata: a\ndata: b\n\n",
    b"id: 1\ndata: a\r\n\r\n".replace(b"1\n", b"1\r\n"),
    b"data: a\r\r",
    b"data: a\n\n\n\n",
    b"id: 7\n\n",
    b"id:\n\n",
    b"data:\n\n",
    b"data: \xef\xbb\xbfa \xc3\xa9\n\n",
    b": \xe2\x80\xa8\n\n",
    b"retry: 3599999\ndata: a\n\n",
    b"event: tick\ndata: ping\n\n",
]

BROKEN = [
    ("invalid byte", b"data: a\xff\n\n", [("P1", E, 7)]),
    ("invalid in a comment", b"data: a\n: \xe2\x82\n\n", [("P1", E, 10)]),
    ("invalid once a line", b"data: \xff\xff\ndata: \xff\n\n", [("P1", E, 6), ("P1", E, 15)]),
    ("cut character at the end", b"data: a\n\ndata: \xe2\x82", [("P12", E, 9), ("P1", E, 15)]),
    ("byte order mark first", b"\xef\xbb\xbfdata: a\n\n", [("P2", W, 0)]),
    ("byte order mark only", b"\xef\xbb\xbf", [("P2", W, 0)]),
    ("byte order mark twice", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\ndata: b\n\n", [("P2", W, 0), ("P2", E, 3)]),
    ("byte order mark later", b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [("P2", E, 9), ("P6", E, 9)]),
    ("mixed line ends", b"data: a\n\ndata: b\r\n\r\n", [("P3", W, 16)]),
    ("mixed line ends, said once", b"data: a\r\ndata: b\n\r\ndata: c\n\n", [("P3", W, 16)]),
    ("CR at the end of an LF stream", b"data: a\n\r", [("P3", W, 8)]),
    ("unknown field", b"colour: red\ndata: a\n\n", [("P4", E, 0)]),
    ("case", b"Data: a\ndata: b\n\n", [("P4", E, 0)]),
    ("blank in front", b" data: a\ndata: b\n\n", [("P4", E, 0)]),
    ("blank behind", b"data : a\ndata: b\n\n", [("P4", E, 0)]),
    ("continuation without a field", b"data: a\nb\n\n", [("P4", E, 8), ("P5", W, 8)]),
    ("no colon", b"data\n\n", [("P5", W, 0)]),
    ("event without data", b"event: tick\n\n", [("P6", E, 0)]),
    ("event and id without data", b"data: a\nid: 1\n\nevent: tick\nid: 2\n\n", [("P6", E, 15)]),
    ("nothing but unknown fields", b"note: x\n\n", [("P4", E, 0), ("P6", E, 0)]),
    ("NUL in the id", b"id: 1\x00\ndata: a\n\n", [("P7", E, 4)]),
    ("two ids", b"id: 1\nid: 2\nid: 3\ndata: a\n\n", [("P8", W, 6)]),
    ("two types", b"event: a\nevent: b\ndata: a\n\n", [("P8", W, 9)]),
    ("two retries", b"retry: 1\nretry: 2\n\n", [("P8", W, 9)]),
    ("retry with a sign", b"retry: +1\n\n", [("P9", E, 7)]),
    ("retry without digits", b"retry:\n\n", [("P9", E, 6)]),
    ("retry in other digits", "retry: ٣\n\n".encode(), [("P9", E, 7)]),
    ("retry of nothing", b"retry: 00\n\n", [("P9", W, 7)]),
    ("retry of an hour", b"retry: 3600000\n\n", [("P9", W, 7)]),
    ("retry of 5000 digits", b"retry: " + b"9" * 5000 + b"\n\n", [("P9", W, 7)]),
    ("blank behind the id", b"id: 1 \ndata: a\n\n", [("P10", W, 4)]),
    ("blank before the id", b"id:  1\ndata: a\n\n", [("P10", W, 4)]),
    ("tab before the id", b"id:\t1\ndata: a\n\n", [("P10", W, 3)]),
    ("U+2028", b"data: fog\xe2\x80\xa8rain\n\n", [("P11", W, 9)]),
    ("U+2029", b"data: fog\xe2\x80\xa9\n\n", [("P11", W, 9)]),
    ("U+0085", b"event: \xc2\x85\ndata: a\n\n", [("P11", W, 7)]),
    ("VT", b"id: \x0b\ndata: a\n\n", [("P11", W, 4)]),
    ("FF, FS, GS, RS", b"data: \x0c\ndata: \x1c\ndata: \x1d\ndata: \x1e\n\n",
     [("P11", W, 6), ("P11", W, 14), ("P11", W, 22), ("P11", W, 30)]),
    ("end inside of a block", b"data: a\n\ndata: b\n", [("P12", E, 9)]),
    ("end inside of a line", b"data: a\n\nda", [("P12", E, 9)]),
    ("end inside of a comment block", b"data: a\n\n: bye\n", [("P12", W, 9)]),
    ("end inside of a comment", b"data: a\n\n: by", [("P12", W, 9)]),
    ("end after one CR", b"data: a\r", [("P12", E, 0)]),
    ("keep-alive event", b"event: ping\ndata: 2024\n\n", [("P14", W, 0)]),
    ("keep-alive data", b"data: a\n\ndata: keep-alive\n\n", [("P14", W, 9)]),
    ("keep-alive event with an id", b"id: 1\nevent: heartbeat\ndata:\n\n", [("P14", E, 0)]),
    ("keep-alive comment with an id", b": ping\nid: 4\n\n", [("P14", E, 0)]),
    ("some events without id", b"data: a\n\nid: 1\ndata: b\n\ndata: c\n\n", [("P16", W, 0)]),
    ("an ignored id is none", b"id: 1\ndata: b\n\nid: \x00\ndata: c\n\n", [("P16", W, 15), ("P7", E, 19)]),
]  # fmt: skip


def found(findings: list[Finding]) -> list[tuple[str, str, int]]:
    return [(finding.rule, finding.severity, finding.offset) for finding in findings]


@pytest.mark.parametrize("stream", CLEAN)
def test_nothing_is_found_in_a_clean_stream(stream: bytes) -> None:
    assert lint_stream(stream) == []


@pytest.mark.parametrize(("stream", "expected"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_exactly_this_is_found(stream: bytes, expected: list[tuple[str, str, int]]) -> None:
    assert found(lint_stream(stream)) == expected


def test_every_rule_has_a_case() -> None:
    in_table = {rule for _, _, expected in BROKEN for rule, _, _ in expected}
    assert set(RULES) - in_table == {"P13", "P15"}  # these need to be told something; they have their own tests
    assert [rule.id for rule in RULES.values()] == [f"P{number}" for number in range(1, 17)]
    assert len({rule.name for rule in RULES.values()}) == 16


def test_finding_can_be_read() -> None:
    (finding,) = lint_stream(b"data: a\n\nDATA: b\ndata: c\n\n")
    assert str(finding) == (
        "P4 known-field (error) at byte 9: expected data, event, id, retry or a comment, observed 'DATA'"
    )


def test_long_values_are_not_shown_in_full() -> None:
    (finding,) = lint_stream(b"x" * 10_000 + b": 1\ndata: a\n\n")
    assert finding.observed == f"{'x' * 40!r}… (10000 characters)"


def test_findings_come_as_soon_as_they_can_be_made() -> None:
    linter = EventStreamLinter()
    assert found(linter.feed(b"data: a\n\nDATA: b\nevent: c\n")) == [("P4", E, 9)]
    assert found(linter.feed(b"\nda")) == [("P6", E, 9)]
    assert found(linter.close()) == [("P12", E, 27)]
    assert linter.close() == []
    with pytest.raises(ValueError, match="ended"):
        linter.feed(b"")


@pytest.mark.parametrize(
    ("messages", "offsets"),
    [
        ([b"data: a\n\n", b"data: b\n\n"], []),
        ([b"data: a\n\ndata: b\n\n", b"", b": c\n\n"], []),
        ([b"data: a\r\r", b"data: b\r\n\r", b"\n"], []),
        ([b"data: a\n", b"\n"], [8]),
        ([b"data: a", b"\n\n"], [7]),
        ([b"data: a\r", b"\n", b"\r\n"], [8, 9]),
        ([b"data: a\n\nda", b"ta: b\n\n"], [11]),
    ],
)
def test_message_ends_where_a_block_ends(messages: list[bytes], offsets: list[int]) -> None:
    linter = EventStreamLinter(messages=True)
    findings = [finding for message in messages for finding in linter.feed(message)] + linter.close()
    assert [finding.offset for finding in findings if finding.rule == "P13"] == offsets
    assert all(finding.severity == W for finding in findings if finding.rule == "P13")
    unasked = EventStreamLinter()
    assert "P13" not in {finding.rule for message in messages for finding in unasked.feed(message)}


@pytest.mark.parametrize(
    "data", ['{"a": 1}', "[]", '"text"', "0", "null", "1" * 5000, "-" + "1" * 5000, '{"a":\ndata: 2}']
)
def test_declared_json_is_accepted(data: str) -> None:
    assert lint_stream(f"data: {data}\n\n".encode(), declared_json=True) == []


@pytest.mark.parametrize(
    "data", ["", "tram", "[1", "{'a': 1}", "NaN", "[Infinity]", "-Infinity", "1 2", "[DONE]", "\ufeff{}"]
)
def test_what_is_not_json_is_found_where_it_is_declared(data: str) -> None:
    stream = f"id: 1\ndata: {data}\n\n".encode()
    assert lint_stream(stream) == []
    assert found(lint_stream(stream, declared_json=True)) == [("P15", E, 6)]


def test_broken_json_is_found_where_its_first_line_is() -> None:
    assert found(lint_stream(b"id: 1\ndata: {\ndata: 2\n\n", declared_json=True)) == [("P15", E, 6)]


def test_value_that_is_not_as_declared_is_found() -> None:
    def has_name(value: object) -> str | None:
        return None if isinstance(value, dict) and "name" in value else "no name"

    (finding,) = lint_stream(b'data: {"name": 1}\n\ndata: {}\n\n', validate=has_name)
    assert found([finding]) == [("P15", E, 19)]
    assert finding.observed == "no name"


def test_json_that_is_nested_too_deep_is_a_finding_and_no_crash() -> None:
    (finding,) = lint_stream(b"data: " + b"[" * 100_000 + b"]" * 100_000 + b"\n\n", declared_json=True)
    assert finding.rule == "P15"


def test_words_of_a_keep_alive_can_be_chosen() -> None:
    linter = EventStreamLinter(keep_alives=frozenset({"noop"}))
    assert found(linter.feed(b"event: ping\ndata: a\n\nevent: noop\ndata: a\n\n")) == [("P14", W, 21)]


def test_growing_line_is_not_touched_again() -> None:
    linter = EventStreamLinter()
    for _ in range(4000):
        assert linter.feed(b"x" * 1000) == []
    assert len(linter._held) == 4000
