"""What both sides said, and when: the evidence behind a verdict."""

from collections.abc import Callable
from typing import Any

# A flood must not become a flood of evidence: the first and the last lines tell the story.
HEAD, TAIL = 60, 60
WIDTH = 240


def clip(text: str, width: int = WIDTH) -> str:
    """The text, cut in the middle of nowhere but never silently."""
    return text if len(text) <= width else f"{text[:width]}… ({len(text)} characters)"


class Transcript:
    """A bounded, timed list of what was said; entries are rendered only when somebody asks.

    `clock` gives seconds. Times are told in milliseconds since the first entry.
    """

    __slots__ = ("_clock", "_head", "_start", "_tail", "_total")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start: float | None = None
        self._head: list[tuple[float, str, Any]] = []
        self._tail: list[tuple[float, str, Any]] = []
        self._total = 0

    def add(self, direction: str, what: object) -> None:
        """Note `what` was said; `direction` is one of receive, send, ``>``, ``<``, note."""
        now = self._clock()
        if self._start is None:
            self._start = now
        # A message is copied because its sender may change it afterwards.
        entry = (now - self._start, direction, dict(what) if isinstance(what, dict) else what)
        self._total += 1
        if len(self._head) < HEAD:
            self._head.append(entry)
        else:
            self._tail.append(entry)
            if len(self._tail) > 2 * TAIL:
                del self._tail[:TAIL]

    def __len__(self) -> int:
        return self._total

    def lines(self) -> list[tuple[float, str, str]]:
        """The entries as (milliseconds, direction, text), with a line that says what was left out."""
        tail = self._tail[-TAIL:]
        left_out = self._total - len(self._head) - len(tail)
        entries = [(at * 1000, direction, clip(told(what))) for at, direction, what in self._head]
        if left_out:
            entries.append((tail[0][0] * 1000, "note", f"… {left_out} entries left out …"))
        entries.extend((at * 1000, direction, clip(told(what))) for at, direction, what in tail)
        return entries


def told(what: object) -> str:
    """The words for an entry; what cannot be shown (a hostile `__repr__`) is named by its type."""
    if isinstance(what, str):
        return what
    try:
        return repr(what)
    except Exception:
        return f"<{type(what).__name__} whose repr() raises>"
