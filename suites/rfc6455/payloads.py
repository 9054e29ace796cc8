"""Data for messages: always the same, made when they are wanted."""

import json
import random
from functools import lru_cache

from asgi_conformance.websocket.frames import TEXT

BLOCK = 1 << 17  # bytes of each kind of data


def filler(opcode: int, size: int) -> bytes:
    """So many bytes: letters for a text message, every octet in turn for a binary one."""
    unit = b"abcdefghijklmnopqrstuvwxyz0123456789" if opcode == TEXT else bytes(range(256))
    return (unit * (size // len(unit) + 1))[:size]


@lru_cache(maxsize=8)
def block(kind: str) -> bytes:
    """Data that compress well, badly or not at all."""
    made = KINDS[kind](random.Random(kind))  # noqa: S311 - the same data each time are what is wanted
    return (made * (BLOCK // len(made) + 1))[:BLOCK]


def part(kind: str, number: int, size: int) -> bytes:
    """The n-th piece of that size; there is no end of them."""
    data = block(kind)
    start = number * size % len(data)
    return (data[start:] + data * (size // len(data) + 1))[:size]


def _structured(chance: random.Random) -> bytes:
    rows = [
        {"id": n, "name": chance.choice(WORDS), "open": chance.random() < 0.5, "price": round(chance.random() * 90, 2)}
        for n in range(300)
    ]
    return json.dumps(rows).encode()


def _prose(chance: random.Random) -> bytes:
    sentences = (" ".join(chance.choices(WORDS, k=chance.randint(4, 14))).capitalize() for _ in range(500))
    return ". ".join(sentences).encode() + b". "


def _markup(chance: random.Random) -> bytes:
    items = (
        f'<li class="item {chance.choice(WORDS)}"><a href="/{n}">{chance.choice(WORDS)}</a></li>' for n in range(400)
    )
    return f"<!doctype html><ul>{''.join(items)}</ul>".encode()


def _image(chance: random.Random) -> bytes:
    """Rows of a picture: colours that change slowly, with a little noise."""
    width, height = 200, 120
    return bytes((x * y // 97 + chance.randint(0, 2)) % 256 for y in range(height) for x in range(width))


def _noise(chance: random.Random) -> bytes:
    return chance.randbytes(BLOCK)


KINDS = {"structured": _structured, "prose": _prose, "markup": _markup, "image": _image, "noise": _noise}
TEXTUAL = frozenset({"structured", "prose", "markup"})
WORDS = [
    *("river", "stone", "lantern", "window", "morning", "paper", "garden", "winter", "copper", "bridge", "signal"),
    *("harbour", "letter", "engine", "valley", "orchard", "mirror", "thunder", "carpet", "violin", "market"),
    *("pepper", "shadow", "wagon", "silver", "candle", "forest", "kettle", "anchor", "meadow"),
]
