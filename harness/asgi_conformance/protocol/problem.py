"""A problem: one rule that one message, scope or call was found to break."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH = 80


class Problem(NamedTuple):
    """What is wrong. `rule` is the id of the broken rule; the other two are noun phrases."""

    rule: str
    expected: str
    observed: str


Problems = Sequence[Problem]

NONE: Problems = ()


def show(value: object) -> str:
    """The value as Python writes it, cut to a line; one whose repr() raises is named by its type."""
    cut = value
    # A body may be megabytes long, and only its beginning is shown.
    if isinstance(value, (str, bytes, bytearray)) and len(value) > WIDTH:
        cut = value[:WIDTH]
    elif isinstance(value, memoryview):
        return f"a memoryview of {value.nbytes} bytes"
    try:
        text = repr(cut)
    except Exception:
        return f"<{type(value).__name__} whose repr() raises>"
    return f"{text[:WIDTH]}…" if len(text) > WIDTH or cut is not value else text
