"""ASGI values as JSON and back, with the types that JSON has no word for."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LIMIT = 64 * 1024  # of one text or byte string; more is cut, and its length told
DEPTH = 12  # of containers in containers; what is deeper is named by its type

TAG = "$"


class ClippedBytes(bytes):
    """The beginning of a byte string that was too long to be reported; `full_length` is how long it was."""

    full_length: int


class ClippedStr(str):
    """The beginning of a text that was too long to be reported; `full_length` is how long it was."""

    __slots__ = ("full_length",)
    full_length: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """An object of the application's process that has no form outside it, named by its type."""

    type: str


def encode(value: object, depth: int = DEPTH) -> Any:
    """What `json.dumps` can write and :func:`decode` can turn back.

    No method of the application's own objects is called, not even `repr`: looking must not change anything.
    Generators, mappings that are no dict and other objects become :class:`Foreign`.
    """
    if value is None or type(value) in _PLAIN:
        return value
    for kind, encoder in _ENCODERS:
        if isinstance(value, kind):
            return encoder(value, depth - 1) if depth else _foreign(value)
    return _foreign(value)


def decode(value: Any) -> Any:
    """What :func:`encode` was given, as far as it could be told."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        return {key: decode(item) for key, item in value.items()}
    return _DECODERS[value[TAG]](value)


def _text(value: str, _depth: int) -> Any:
    text = str.__str__(value)
    if len(text) <= LIMIT:
        return text
    return {TAG: "clipped-str", "text": text[:LIMIT], "length": len(text)}


def _octets(value: bytes | bytearray | memoryview, _depth: int) -> dict[str, Any]:
    length = value.nbytes if isinstance(value, memoryview) else len(value)
    kept = bytes(value)[:LIMIT]
    coded = {"ascii": kept.decode("ascii")} if kept.isascii() else {"base64": base64.b64encode(kept).decode()}
    kind = "bytes" if isinstance(value, bytes) else type(value).__name__
    return {TAG: kind, **coded, **({} if length == len(kept) else {"length": length})}


def _tuple(value: tuple[Any, ...], depth: int) -> dict[str, Any]:
    return {TAG: "tuple", "items": [encode(item, depth) for item in tuple.__iter__(value)]}


def _mapping(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    items = list(dict.items(value))
    if all(type(key) is str and key != TAG for key, _ in items):
        return {key: encode(item, depth) for key, item in items}
    return {TAG: "dict", "items": [[encode(key, depth), encode(item, depth)] for key, item in items]}


def _foreign(value: object) -> dict[str, Any]:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return {TAG: "object", "type": name}


_PLAIN = frozenset({bool, int, float})

# Subclasses are told as what they are: an enumeration's member such as HTTPStatus.OK as an int.
_ENCODERS: tuple[tuple[Any, Callable[[Any, int], Any]], ...] = (
    (str, _text),
    ((bytes, bytearray, memoryview), _octets),
    (int, lambda value, _: int.__int__(value)),
    (float, lambda value, _: float.__float__(value)),
    (list, lambda value, depth: [encode(item, depth) for item in list.__iter__(value)]),
    (tuple, _tuple),
    (dict, _mapping),
)


def _bytes_of(record: dict[str, Any]) -> bytes:
    text: str | None = record.get("ascii")
    data = base64.b64decode(record["base64"]) if text is None else text.encode("ascii")
    if "length" not in record:
        return data
    clipped = ClippedBytes(data)
    clipped.full_length = record["length"]
    return clipped


def _clipped_text(record: dict[str, Any]) -> str:
    clipped = ClippedStr(record["text"])
    clipped.full_length = record["length"]
    return clipped


_DECODERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bytes": _bytes_of,
    "bytearray": lambda record: bytearray(_bytes_of(record)),
    "memoryview": lambda record: memoryview(_bytes_of(record)),
    "clipped-str": _clipped_text,
    "tuple": lambda record: tuple(decode(item) for item in record["items"]),
    "dict": lambda record: {_key(decode(key)): decode(item) for key, item in record["items"]},
    "object": lambda record: Foreign(record["type"]),
}


def _key(key: object) -> object:
    """A key of the same meaning that can be one here, too."""
    try:
        hash(key)
    except TypeError:
        return repr(key)
    return key
