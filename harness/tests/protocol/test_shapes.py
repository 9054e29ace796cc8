"""Shapes: the quick look never says yes to what the thorough one objects to, and versions make a difference."""

import collections
import enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_conformance.protocol import events, scope
from asgi_conformance.protocol.headers import HeaderRules, header_look, values_of
from asgi_conformance.protocol.problem import Problem, show
from asgi_conformance.protocol.shape import Shape
from asgi_conformance.protocol.values import value_problems
from asgi_conformance.protocol.version import readable, spec_version

SHAPES = [shape for module in (events, scope) for shape in vars(module).values() if isinstance(shape, Shape)]
VERSIONS = [(2, minor) for minor in range(6)]


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


class Octets(bytes):
    __slots__ = ()


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


def thorough(shape: Shape) -> Shape:
    """The same shape, without its quick look."""
    slow = shape.at((2, 5))
    slow.quick = lambda _content: False
    return slow


pairs = st.tuples(
    st.sampled_from([b"host", b"x-a", b"Host", b":path", b"", b"a b", "host", Octets(b"host"), bytearray(b"x"), None]),
    st.sampled_from([b"", b"1", b"a\nb", b"\r", "1", None, Octets(b"1")]),
)
headers = st.one_of(
    st.lists(pairs, max_size=3),
    st.lists(pairs.map(list), max_size=3),
    st.lists(st.sampled_from([(), (b"a",), (b"a", b"b", b"c"), "ab", b"ab", None, {b"a": 1}, 5]), max_size=2),
    st.sampled_from([None, 5, b"ab", "ab", (), {}, {b"ab": b"c"}, collections.deque([(b"A", b"1")])]),
)
values = st.one_of(
    headers,
    st.sampled_from(
        [
            *(None, True, False, 0, 1, -1, 2**70, 1.5, float("nan"), Number.ONE, object(), [object()], (1, 2), {1: 2}),
            *("", "x", Text("x"), "\ud800", "é" * 100, "GET", "get", "1.1", "2", "http", "/abs", "2.3", b"", b"x"),
            *(
                Octets(b"x"),
                bytearray(b"x"),
                [],
                {},
                [b"x"],
                ["x"],
                {"version": "3.0"},
                {"version": 3},
                {"version": "x"},
            ),
            *({"version": "3.0", "spec_version": "2.3"}, {"version": "3.0", "spec_version": []}, {"tls": {}}),
            *(("h", 1), ["h", 1], ("h", None), ("h", True), (b"h", 1), ("h",), {"h": 1}, 200, 1000, 1006, b"GET"),
        ]
    ),
)
extras = st.dictionaries(st.sampled_from(["extra", b"extra", 5, None, "more_body", "trailers"]), values, max_size=2)


@given(data=st.data())
def test_quick_look_agrees_with_the_thorough_one(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    slow = thorough(shape)
    names = [key.name for key in shape.keys]
    content: dict[Any, Any] = {"type": shape.name}
    content |= data.draw(st.dictionaries(st.sampled_from(names), values)) if names else {}
    content |= data.draw(extras)
    problems = slow.problems(content)
    assert [*shape.at((2, 5)).problems(content)] == [*problems]
    if shape.at((2, 5)).quick(content):
        assert not problems


PLAIN = [
    (events.RESPONSE_START, {"status": 200, "headers": [(b"content-type", b"text/plain")]}),
    (events.RESPONSE_BODY, {"body": b"x", "more_body": True}),
    (events.RESPONSE_BODY, {}),
    (events.REQUEST, {"body": b"", "more_body": False}),
    (events.SEND, {"text": "x", "bytes": None}),
    (events.RECEIVE, {"text": "x"}),
    (events.STARTUP, {}),
]


@pytest.mark.parametrize(("shape", "content"), PLAIN)
def test_quick_look_recognises_plain_messages(shape: Shape, content: dict[str, Any]) -> None:
    message = {"type": shape.name, **content}
    assert shape.problems(message) == ()
    assert shape.quick(message)


def test_header_names_are_learnt_but_only_right_ones() -> None:
    lenient = header_look(HeaderRules("pairs", "case", "pseudo", name=None, value=None))
    strict = header_look(HeaderRules("pairs", "case", "pseudo"))
    forbidding = header_look(HeaderRules("pairs", "case", "pseudo", forbidden=((b"x-forbidden", "forbidden"),)))
    for _ in range(2):
        assert not lenient([(b"a b", b"\n"), (b"x-forbidden", b"")])
        assert [problem.rule for problem in strict([(b"a b", b"")])] == ["event.header.name"]
        assert [problem.rule for problem in forbidding([(b"x-forbidden", b"")])] == ["forbidden"]


HEADERS = [
    ([(b"a", b"1"), (b"b", b""), (b"a", b"2")], [b"1", b"2"]),
    (((b"a", b"1"),), [b"1"]),
    ([[b"b", b"1"]], []),
    (iter([(b"a", b"1")]), None),
    ([iter((b"a", b"1"))], None),
    ([], []),
]


@pytest.mark.parametrize(("headers", "found"), HEADERS)
def test_values_of_a_header(headers: Any, found: list[bytes] | None) -> None:
    assert values_of(headers, b"a") == found


def test_values_of_a_header_in_any_case() -> None:
    assert values_of([(b"A", b"1"), (b"a", b"2")], b"a") == [b"1", b"2"]


def test_keys_come_with_versions() -> None:
    accept, close, gone = events.ACCEPT, events.CLOSE, events.WEBSOCKET_DISCONNECT

    def rules(shape: Shape, version: tuple[int, int], **content: Any) -> list[str]:
        return [problem.rule for problem in shape.at(version).problems({"type": shape.name, **content})]

    for version in VERSIONS:
        early = version < (2, 1)
        assert rules(accept, version, headers=[(b"x", b"")]) == ["websocket.accept.headers-version"] * early
        assert rules(accept, version, headers=[]) == []
        early = version < (2, 3)
        assert rules(close, version, reason="bye") == ["websocket.close.reason-version"] * early
        assert rules(close, version, reason="") == []
        late = version >= (2, 5)
        assert rules(gone, version, code=1000, reason=5) == ["websocket.disconnect.reason"] * late
        assert rules(gone, version, code=1000, reason=object()) == [
            "websocket.disconnect.reason" if late else "event.value.type"
        ]


@pytest.mark.parametrize(
    ("claimed", "version"),
    [
        (None, (2, 0)),
        ("2.0", (2, 0)),
        ("2.3", (2, 3)),
        ("2.9", (2, 5)),
        ("3.0", (2, 5)),
        ("1.0", (2, 0)),
        ("x", (2, 0)),
    ],
)
def test_versions(claimed: str | None, version: tuple[int, int]) -> None:
    assert spec_version(claimed) == version


def test_readable_versions() -> None:
    assert [claimed for claimed in ("2.3", "10.0", "2", "2.3.1", "", 2.3, None, "a.b") if readable(claimed)] == [
        "2.3",
        "10.0",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "'x'"),
        (b"x" * 10**6, repr(b"x" * 80)[:80] + "…"),
        (memoryview(b"abc"), "a memoryview of 3 bytes"),
        (Broken(), "<Broken whose repr() raises>"),
        ([1] * 100, repr([1] * 100)[:80] + "…"),
    ],
)
def test_values_are_shown_in_a_line(value: object, text: str) -> None:
    assert show(value) == text


def test_plain_values() -> None:
    right = {"a": [1, 2**63 - 1, -(2**63), 1.5, None, True, b"", "", {"b": []}, Number.ONE]}
    assert [*value_problems(right)] == []
    wrong = {"a": [2**63, {1: float("inf")}, (), {2}]}
    assert [problem.rule for problem in value_problems(wrong)] == [
        "event.value.integer",
        "event.value.keys",
        "event.value.float",
        "event.value.type",
        "event.value.type",
    ]
    assert all(isinstance(problem, Problem) for problem in value_problems(wrong))
