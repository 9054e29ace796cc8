"""Text of unknown origin, made fit to be shown: nothing invisible, nothing endless."""

import re
from collections.abc import Sequence

# What a reader cannot see, or what changes how the rest is shown: control characters (a terminal obeys
# them, XML forbids them), bidirectional overrides, lone surrogates (no encoding takes them), non-characters.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]"
)


def visible(text: str) -> str:
    """The text with every invisible character as its escape; line feeds and tabs stay."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def one_line(text: str, limit: int) -> str:
    """The text on one line, at most `limit` characters of it."""
    return visible(clip(text, limit)).replace("\n", "\\n").replace("\t", "\\t")


def clip(text: str, limit: int) -> str:
    """The first `limit` characters, and how many there were when that is not all."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun: "1 check", "2 checks"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[str], limit: int) -> str:
    """The first `limit` items with commas, and how many more there are."""
    rest = len(items) - limit
    return ", ".join(items[:limit]) + (f" and {rest:,} more" if rest > 0 else "")


def milliseconds(value: float) -> str:
    """A time in the unit that reads best: "2.1 ms", "3600.0 s"."""
    return f"{value:.1f} ms" if abs(value) < 10_000 else f"{value / 1000:.1f} s"


def seconds(value: float) -> str:
    """A duration as people say it: "0.4 s", "23.5 s", "3 min 20 s"."""
    if value < 100:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02} s"
