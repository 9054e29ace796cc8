"""Ways to cut a stream into chunks; none of them may make a difference."""

import random
from collections.abc import Iterator
from itertools import pairwise

RANDOM_DIVISIONS = 12
LARGE = 2000  # of larger streams not every division is tried


def at(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream, cut at these places."""
    edges = [0, *sorted(places), len(stream)]
    return [stream[start:stop] for start, stop in pairwise(edges)]


def behind(stream: bytes, byte: bytes) -> list[bytes]:
    """The stream, cut behind each of these bytes."""
    return at(stream, [place + 1 for place in range(len(stream)) if stream[place : place + 1] == byte])


def inside_characters(stream: bytes) -> list[bytes]:
    """The stream, cut before each continuation byte."""
    return at(stream, [place for place, byte in enumerate(stream) if 0x80 <= byte <= 0xBF])


def divisions(stream: bytes, seed: str) -> Iterator[tuple[str, list[bytes]]]:
    """Each way to cut the stream, with a description that is enough to do it again."""
    yield "whole", [stream]
    yield "byte by byte", at(stream, list(range(1, len(stream))))
    yield "behind each CR", behind(stream, b"\r")
    yield "behind each LF", behind(stream, b"\n")
    yield "inside of each character", inside_characters(stream)
    yield (
        "with empty chunks",
        [b"", *(part for byte in at(stream, list(range(1, len(stream)))) for part in (byte, b""))],
    )
    generator = random.Random(seed)
    for place in range(1, len(stream)) if len(stream) <= LARGE else generator.sample(range(1, len(stream)), 40):
        yield f"in two at {place}", at(stream, [place])
    for _ in range(RANDOM_DIVISIONS):
        count = generator.randint(1, 8)
        places = [generator.randint(0, len(stream)) for _ in range(count)]
        yield f"at {sorted(places)}", at(stream, places)
