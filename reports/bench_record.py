"""A benchmark record, as ``bench.json`` has it: told from other files, and read in the terms of a report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .text import visible

SCHEMA = 1
KIND = "asgi-conformance bench"
Record = Mapping[str, Any]

STYLE_NAMES = {
    "none": "no layer",
    "pure-asgi": "pure ASGI",
    "decorator": "@app.middleware",
    "base-http": "BaseHTTPMiddleware",
}


class NoRecord(ValueError):
    """The text is no benchmark record; the message says what it is."""


@dataclass(frozen=True, slots=True)
class StyleCost:
    """What a layer of one style costs, in one sentence's worth of numbers."""

    style: str
    us: float
    low: float
    high: float
    times: float | None  # the cheapest style's cost, where that is known well enough


def read(text: str) -> dict[str, Any]:
    """The record in the text of a ``bench.json``. Raises NoRecord."""
    try:
        record = json.loads(text)
    except ValueError as error:
        raise NoRecord(f"it is not JSON: {error}") from None
    if not isinstance(record, dict) or record.get("kind") != KIND or record.get("schema") != SCHEMA:
        raise NoRecord("it is no benchmark record of schema 1")
    return record


def style_groups(record: Record) -> list[Record]:
    """The groups that compare styles of middleware by the number of layers."""
    return [group for group in record["groups"] if group["slopes"]]


def other_groups(record: Record) -> list[Record]:
    """The groups that compare applications, frameworks or clients."""
    return [group for group in record["groups"] if not group["slopes"]]


def named(record: Record, start: str) -> Record | None:
    """The first group whose name begins so."""
    return next((group for group in record["groups"] if group["name"].startswith(start)), None)


def style_costs(group: Record) -> list[StyleCost]:
    """The styles of a group, the cheapest first, each in multiples of the cheapest."""
    ordered = sorted(group["slopes"], key=lambda slope: slope["us_per_layer"])
    cheapest = ordered[0]
    base = cheapest["us_per_layer"] if cheapest["low"] > 0 else None
    return [
        StyleCost(
            slope["style"],
            slope["us_per_layer"],
            slope["low"],
            slope["high"],
            slope["us_per_layer"] / base if base and slope is not cheapest else None,
        )
        for slope in ordered
    ]


def style_name(style: str) -> str:
    """What people call the style."""
    return visible(STYLE_NAMES.get(style, style))


def variant_name(variant: Record) -> str:
    """What a report calls the variant."""
    if variant["layers"] and variant["style"]:
        return f"{style_name(variant['style'])} × {variant['layers']}"
    name = str(variant["name"])
    return visible(STYLE_NAMES.get(name, name))


def microseconds(value: float) -> str:
    """A time as precisely as it is worth: "0.77 µs", "118 µs", "6,015 µs"."""
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f} µs"


def times(value: float) -> str:
    """A ratio as precisely as it is worth: "1.028", "4.04", "25.0", "153"."""
    digits = 3 if value < 1.5 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def share(value: float) -> str:
    """A small difference: "0.24 %", "2.4 %"."""
    return f"{value * 100:.2f} %" if value < 0.01 else f"{value * 100:.1f} %"


def layers_of(group: Record) -> Sequence[int]:
    """The numbers of layers that a group has."""
    return sorted({variant["layers"] for variant in group["variants"]})
