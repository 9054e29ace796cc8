"""What changed between two reports: two benchmark records, or two sets of verdicts."""

import json
from collections.abc import Iterator, Mapping
from math import exp, log, sqrt
from typing import Any

from . import bench_record
from .bench_record import Record, microseconds, share, style_name, times, variant_name
from .text import count, one_line

SURE = 3.0  # standard errors
LONGEST = 160  # characters of one name
FUNCTIONS = 3
PLACE = ("check", "target", "driver", "route")


class NotComparable(ValueError):
    """The two texts are no two reports of one kind; the message says what they are."""


def render(before: str, after: str) -> str:
    """Two JSON reports in, lines for a terminal out. Raises NotComparable."""
    first, second = _read(before, "the first"), _read(after, "the second")
    kinds = [_kind(record) for record in (first, second)]
    if None in kinds or kinds[0] != kinds[1]:
        names = {"bench": "a benchmark", "run": "a set of verdicts", None: "neither verdicts nor a benchmark"}
        raise NotComparable(f"the first is {names[kinds[0]]}, the second is {names[kinds[1]]}")
    lines = list(_benchmarks(first, second) if kinds[0] == "bench" else _verdicts(first, second))
    return "\n".join(one_line(line, 2_000) for line in lines or ["nothing changed"]) + "\n"


def _read(text: str, which: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError as error:
        raise NotComparable(f"{which} is not JSON: {error}") from None
    if not isinstance(record, dict):
        raise NotComparable(f"{which} is no report")
    return record


def _kind(record: Mapping[str, Any]) -> str | None:
    if record.get("kind") == bench_record.KIND and record.get("schema") == bench_record.SCHEMA:
        return "bench"
    return "run" if isinstance(record.get("verdicts"), list) else None


# Benchmarks.


def _benchmarks(first: Record, second: Record) -> Iterator[str]:
    for name, record in (("before", first), ("after", second)):
        if not record["reliable"]:
            yield f"{name} is not reliable: {record['reason']}"
    yield from _environment(first["environment"], second["environment"])
    before = {group["name"]: group for group in first["groups"]}
    for group in second["groups"]:
        if group["name"] in before:
            yield from _group(before[group["name"]], group)
        else:
            yield f"new     {group['name']}"
    yield from (f"gone    {name}" for name in before if name not in {group["name"] for group in second["groups"]})
    yield from _vectors(first["vectors"], second["vectors"])


def _environment(before: Record, after: Record) -> Iterator[str]:
    if before["python"] != after["python"]:
        yield f"python  {before['python']} became {after['python']}: counts can only be compared on one version"
    for name in sorted({*before["versions"], *after["versions"]}):
        old, new = before["versions"].get(name, "none"), after["versions"].get(name, "none")
        if old != new:
            yield f"library {name} {old} became {new}"


def _group(before: Record, after: Record) -> Iterator[str]:
    """Ratios to the reference are compared: they carry over between runs and machines, and times do not."""
    old = {variant["name"]: variant for variant in before["variants"]}
    for variant in after["variants"]:
        was, now = old.get(variant["name"], {}).get("cpu"), variant.get("cpu")
        if was is None or now is None:
            continue
        change, error = log(now["ratio"] / was["ratio"]), sqrt(was["error"] ** 2 + now["error"] ** 2)
        if abs(change) > SURE * error and abs(change) > log(1.005):
            word = "slower" if change > 0 else "faster"
            yield (
                f"{word:<7} {after['name']} · {variant_name(variant)}: {times(was['ratio'])}× became "
                f"{times(now['ratio'])}× of {after['reference']} ({share(abs(exp(change) - 1))}, "
                f"give or take {share(SURE * error)})"
            )
    slopes = {slope["style"]: slope for slope in before["slopes"]}
    for slope in after["slopes"]:
        if slope["style"] in slopes:
            was = slopes[slope["style"]]
            apart = slope["low"] > was["high"] or slope["high"] < was["low"]
            if apart:
                yield (
                    f"layer   {after['name']} · {style_name(slope['style'])}: "
                    f"{microseconds(was['us_per_layer'])} became {microseconds(slope['us_per_layer'])}"
                )


def _vectors(before: Record, after: Record) -> Iterator[str]:
    for name, vector in after.items():
        if name not in before:
            continue
        changed = {
            what: (before[name]["counts"].get(what, 0), number)
            for what, number in vector["counts"].items()
            if before[name]["counts"].get(what, 0) != number
        }
        if changed:
            told = ", ".join(f"{what} {old:,} → {new:,}" for what, (old, new) in changed.items())
            yield f"counts  {name}: {told}"
            yield from _functions(before[name]["functions"], vector["functions"])


def _functions(before: Record, after: Record) -> Iterator[str]:
    found = {name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}}
    largest = sorted((name for name in found if found[name]), key=lambda name: (-abs(found[name]), name))
    yield from (f"        {name}: {found[name]:+,} opcodes" for name in largest[:FUNCTIONS])


# Verdicts.


def _verdicts(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    before, after = (_by_place(record["verdicts"]) for record in (first, second))
    broken: list[str] = []
    mended: list[str] = []
    other: list[str] = []
    for place, verdict in after.items():
        was, now = before.get(place, {}).get("outcome"), verdict.get("outcome")
        if was is None or was == now:
            continue
        line = f"{_place(place)}: {was} became {now}"
        (broken if _bad(now) and not _bad(was) else mended if _bad(was) and not _bad(now) else other).append(line)
    for word, lines in (("broken", broken), ("mended", mended), ("changed", other)):
        yield from (f"{word:<7} {line}" for line in lines)
    new = [place for place in after if place not in before]
    gone = [place for place in before if place not in after]
    yield from (f"new     {_place(p)}: {after[p].get('outcome')}" for p in new if _bad(after[p].get("outcome")))
    if new or gone:
        yield f"{count(len(new), 'verdict')} only in the second, {count(len(gone), 'verdict')} only in the first"


def _by_place(verdicts: list[Mapping[str, Any]]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    return {tuple(str(verdict.get(key) or "") for key in PLACE): verdict for verdict in verdicts}


def _bad(outcome: object) -> bool:
    return outcome in {"failed", "could-not-run"}


def _place(place: tuple[str, ...]) -> str:
    return " · ".join(part[:LONGEST] for part in place if part)
