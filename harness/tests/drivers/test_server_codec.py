"""ASGI values survive the way through JSON."""

import http
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_conformance.drivers.server.codec import LIMIT, ClippedBytes, ClippedStr, Foreign, decode, encode


def there_and_back(value):
    return decode(json.loads(json.dumps(encode(value))))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers() | st.binary(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def shape(value):
    """The value with the types that `==` does not tell apart."""
    match value:
        case dict():
            return dict, [(shape(key), shape(item)) for key, item in value.items()]
        case list() | tuple():
            return type(value), [shape(item) for item in value]
        case _:
            return type(value), value


@given(VALUES)
def test_values_and_types_survive(value):
    assert shape(there_and_back(value)) == shape(value)


@pytest.mark.parametrize(
    "value",
    [
        {"type": "http.response.start", "status": 200, "headers": [(b"a", b"\xff\x00"), [b"b", b"c"]]},
        {"$": "bytes"},
        {1: 2, None: "x", ("a", b"b"): 1.5},
        "\ud800 a lone surrogate",
        bytearray(b"abc"),
        (),
    ],
)
def test_awkward_values_survive(value):
    assert shape(there_and_back(value)) == shape(value)


def test_a_memoryview_stays_one():
    back = there_and_back(memoryview(b"abc"))
    assert isinstance(back, memoryview)
    assert back == b"abc"


def test_members_of_enumerations_are_told_as_their_values():
    assert there_and_back(http.HTTPStatus.NOT_FOUND) == 404
    assert type(there_and_back(http.HTTPMethod.GET)) is str


def test_objects_are_named_and_left_alone():
    class Touchy:
        def __repr__(self) -> str:
            raise AssertionError("nobody may look")

        __str__ = __eq__ = __hash__ = __iter__ = __len__ = __repr__  # type: ignore[assignment]

    generator = iter([(b"a", b"b")])
    assert there_and_back(generator) == Foreign("list_iterator")
    assert next(generator) == (b"a", b"b")
    assert there_and_back([Touchy()])[0].type.endswith("Touchy")


def test_what_is_nested_without_end_is_cut():
    loop: list = []
    loop.append(loop)
    text = json.dumps(encode(loop))
    assert "object" in text


@pytest.mark.parametrize("whole", [b"x" * LIMIT, "x" * LIMIT])
def test_what_is_not_too_long_stays_whole(whole):
    assert there_and_back(whole) == whole
    assert type(there_and_back(whole)) in (bytes, str)


def test_what_is_too_long_is_cut_and_says_so():
    octets, text = there_and_back([b"\xff" * (LIMIT + 5), "y" * (LIMIT + 7)])
    assert (type(octets), len(octets), octets.full_length) == (ClippedBytes, LIMIT, LIMIT + 5)
    assert (type(text), len(text), text.full_length) == (ClippedStr, LIMIT, LIMIT + 7)
    assert isinstance(octets, bytes)
    assert isinstance(text, str)
