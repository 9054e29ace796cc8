"""A benchmark record for a terminal: a few lines, the most important first."""

from collections.abc import Iterator

from .bench_record import (
    Record,
    layers_of,
    microseconds,
    share,
    style_costs,
    style_groups,
    style_name,
    times,
    variant_name,
)
from .text import one_line

LONGEST = 400  # characters of a line


def render(record: Record) -> str:
    """The record in lines."""
    return "".join(f"{one_line(line, LONGEST).rstrip()}\n" for line in _lines(record))


def _lines(record: Record) -> Iterator[str]:
    yield record["about"]
    yield record["reason"]
    for group in style_groups(record):
        yield ""
        layers = [number for number in layers_of(group) if number]
        yield f"{group['name']:<40} {'a layer':>12}   " + "".join(f"{f'× {number}':>8}" for number in layers)
        for cost in style_costs(group):
            found = {v["layers"]: v for v in group["variants"] if v["style"] == cost.style and v["layers"]}
            cells = [times(found[number]["cpu"]["ratio"]) if number in found else "" for number in layers]
            told = "".join(f"{cell:>8}" for cell in cells)
            yield f"  {style_name(cost.style):<38} {microseconds(cost.us):>12}   {told}"
    for group in record["groups"]:
        if not group["slopes"]:
            yield ""
            yield f"{group['name']}  (sees {share(group['control']['smallest'])})"
            yield from (f"  {_variant(one)}" for one in group["variants"])
    if not record["groups"]:
        yield from _counts(record)
    yield ""
    yield from _gate(record)


def _variant(one: Record) -> str:
    name, us = variant_name(one), microseconds(one["us"])
    if "cpu" not in one:
        return f"{name:<38} {us:>12}"
    cpu = one["cpu"]
    told = f"{times(cpu['ratio'])}×  {times(cpu['low'])} – {times(cpu['high'])}"
    return f"{name:<38} {us:>12}   {told}  {one['verdict']}"


def _counts(record: Record) -> Iterator[str]:
    for name, vector in record["vectors"].items():
        yield f"  {name:<60} " + ", ".join(f"{number:,} {what}" for what, number in vector["counts"].items())


def _gate(record: Record) -> Iterator[str]:
    if "gate" not in record:
        return
    gate = record["gate"]
    yield from gate["lines"]
    yield (
        f"gate    {gate['compared']} cost vectors compared, {len(gate['regressions'])} grown, "
        f"{len(gate['improvements'])} only shrunk"
    )
