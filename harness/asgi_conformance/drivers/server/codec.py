"""ASGI values as JSON and back, with the types that JSON has no word for."""

import base64
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
    kind = type(value)
    if value is None or kind in (bool, int, float):
        return value
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _octets(value)
    if isinstance(value, int):  # an enumeration's member such as HTTPStatus.OK
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if depth == 0:
        return _foreign(value)
    if kind is list:
        return [encode(item, depth - 1) for item in value]  # type: ignore[attr-defined]
    if isinstance(value, tuple):
        return {TAG: "tuple", "items": [encode(item, depth - 1) for item in tuple.__iter__(value)]}
    if isinstance(value, dict):
        return _mapping(value, depth - 1)
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


def _text(value: str) -> Any:
    if len(value) <= LIMIT:
        return value
    return {TAG: "clipped-str", "text": value[:LIMIT], "length": len(value)}


def _octets(value: bytes | bytearray | memoryview) -> dict[str, Any]:
    length = value.nbytes if isinstance(value, memoryview) else len(value)
    kept = bytes(value)[:LIMIT]
    coded = {"ascii": kept.decode("ascii")} if kept.isascii() else {"base64": base64.b64encode(kept).decode()}
    kind = "bytes" if isinstance(value, bytes) else type(value).__name__
    return {TAG: kind, **coded, **({} if length == len(kept) else {"length": length})}


def _mapping(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    items = list(dict.items(value))
    if all(type(key) is str and key != TAG for key, _ in items):
        return {key: encode(item, depth) for key, item in items}
    return {TAG: "dict", "items": [[encode(key, depth), encode(item, depth)] for key, item in items]}


def _foreign(value: object) -> dict[str, Any]:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return {TAG: "object", "type": name}


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


_DECODERS: dict[str, Any] = {
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
