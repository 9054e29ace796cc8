"""The plain values that an event may carry: those that could go over a network."""

import math
from collections.abc import Iterator

from asgi_conformance.protocol.problem import Problem, show

SMALLEST, LARGEST = -(2**63), 2**63 - 1

# Deeper than any sensible event; a list that contains itself ends here.
DEPTH = 50


def value_problems(value: object, depth: int = DEPTH) -> Iterator[Problem]:
    """What is wrong with a value of an event, or inside it. Subclasses count as what they derive from."""
    if value is None or isinstance(value, (str, bytes, bool)):
        return
    if isinstance(value, int):
        if not SMALLEST <= value <= LARGEST:
            yield Problem("event.value.integer", "an integer of at most 64 bits with its sign", show(value))
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield Problem("event.value.float", "a finite number", show(value))
    elif depth == 0:
        return
    elif isinstance(value, list):
        for item in value:
            yield from value_problems(item, depth - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield Problem("event.value.keys", "a str as the key of a dict", show(key))
            yield from value_problems(item, depth - 1)
    else:
        expected = "bytes, str, int, float, list, dict, bool or None"
        yield Problem("event.value.type", expected, show(value))
