"""The gate: cost vectors against those of a baseline file; what grew, and which layer it was.

Nothing is judged by time. Counts repeat exactly, so the gate asks for no tolerance, and gives none by default.
"""

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgi_conformance.bench.counters import COUNTS, CostVector

SCHEMA = 1
FUNCTIONS = 5  # that are named for one regression
LAYERS = 5


class NoBaseline(Exception):
    """The file cannot be compared with; the text says why, for the person who named it."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The vectors of an earlier run by name, the interpreter that they hold for, and the versions of libraries."""

    vectors: Mapping[str, CostVector]
    python: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one vector: counts before and after, and where the difference is."""

    name: str
    grown: dict[str, tuple[int, int]]
    shrunk: dict[str, tuple[int, int]]
    layers: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The gate's word on a run.

    Args:
        compared: how many vectors were.
        regressions: those that grew.
        improvements: those that did nothing but shrink.
        missing: names in the baseline that this run has not.
        unstable: vectors with counts that are not the same each time, and which; such counts are not compared.
        notes: what the reader should know, such as other versions of libraries.
    """

    compared: int
    regressions: tuple[Change, ...]
    improvements: tuple[Change, ...]
    missing: tuple[str, ...]
    unstable: tuple[str, ...]
    notes: tuple[str, ...]


def save(path: Path, vectors: Mapping[str, CostVector], versions: Mapping[str, str]) -> None:
    """Write a baseline. Raises OSError."""
    record = {
        "schema": SCHEMA,
        "kind": "asgi-conformance cost vectors",
        "python": python_version(),
        "versions": dict(versions),
        "vectors": {name: vector.to_json() for name, vector in sorted(vectors.items())},
    }
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Baseline:
    """Read a baseline. Raises NoBaseline when it is missing, something else, or of another interpreter."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoBaseline(f"{path}: {error.strerror}; --save {path} makes one") from None
    except ValueError:
        raise NoBaseline(f"{path} is not a baseline: it is not JSON") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or "vectors" not in record:
        raise NoBaseline(f"{path} is not a baseline of cost vectors; --save {path} makes one")
    if record.get("python") != python_version():
        raise NoBaseline(
            f"{path} was counted on {record.get('python')}, and this is {python_version()}: counts of different "
            "interpreters cannot be compared; keep one file for each"
        )
    try:
        vectors = {name: CostVector.from_json(vector) for name, vector in record["vectors"].items()}
    except (KeyError, TypeError, AttributeError):
        raise NoBaseline(f"{path} is damaged; --save {path} makes a new one") from None
    return Baseline(vectors, record["python"], record.get("versions", {}))


def judge(
    vectors: Mapping[str, CostVector], baseline: Baseline, versions: Mapping[str, str], *, tolerance: float = 0.0
) -> Judgement:
    """Compare every vector that both have. `tolerance` is the growth that is let pass: 0.01 is one percent."""
    common = [name for name in vectors if name in baseline.vectors]
    changes = [_change(name, baseline.vectors[name], vectors[name], tolerance) for name in common]
    other = [name for name in vectors if name not in baseline.vectors]
    notes = [f"{name} is not in the baseline, and was not compared" for name in other]
    moved = [
        f"{name} {before} became {versions[name]}"
        for name, before in baseline.versions.items()
        if name in versions and versions[name] != before
    ]
    if moved:
        notes.append(f"other versions than the baseline's: {', '.join(moved)}")
    return Judgement(
        compared=len(common),
        regressions=tuple(change for change in changes if change.grown),
        improvements=tuple(change for change in changes if change.shrunk and not change.grown),
        missing=tuple(name for name in baseline.vectors if name not in vectors),
        unstable=tuple(f"{name}: {', '.join(vectors[name].unstable)}" for name in common if vectors[name].unstable),
        notes=tuple(notes),
    )


def _change(name: str, before: CostVector, after: CostVector, tolerance: float) -> Change:
    unstable = {*before.unstable, *after.unstable}
    pairs = {what: (before.counts.get(what, 0), after.counts[what]) for what in COUNTS if what not in unstable}
    grown = {what: pair for what, pair in pairs.items() if pair[1] > pair[0] * (1 + tolerance)}
    shrunk = {what: pair for what, pair in pairs.items() if pair[1] < pair[0]}
    if not grown and not shrunk:
        return Change(name, {}, {})
    return Change(name, grown, shrunk, tuple(_layers(before, after))[:LAYERS], tuple(_functions(before, after)))


def _layers(before: CostVector, after: CostVector) -> list[str]:
    """Which layer is new, gone, or does more or less, the largest difference in opcodes first."""
    told: list[tuple[int, str]] = []
    matched = _matched([layer.name for layer in before.layers], [layer.name for layer in after.layers])
    for old, new in matched:
        if old is None and new is not None:
            layer = after.layers[new]
            told.append((layer.counts["opcodes"], f"layer {layer.name} is new: {_signed(layer.counts)}"))
        elif new is None and old is not None:
            layer = before.layers[old]
            less = {what: -number for what, number in layer.counts.items()}
            told.append((-layer.counts["opcodes"], f"layer {layer.name} is gone: {_signed(less)}"))
        elif old is not None and new is not None:
            was, now = before.layers[old].counts, after.layers[new].counts
            difference = {what: now[what] - was.get(what, 0) for what in COUNTS}
            if any(difference.values()):
                told.append((difference["opcodes"], f"layer {after.layers[new].name}: {_signed(difference)}"))
    return [text for _, text in sorted(told, key=lambda one: -abs(one[0]))]


def _matched(before: list[str], after: list[str]) -> list[tuple[int | None, int | None]]:
    """The longest common run of names in order; what is left over on either side is gone, or new."""
    rows, columns = len(before), len(after)
    longest = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            same = before[i] == after[j]
            longest[i][j] = longest[i + 1][j + 1] + 1 if same else max(longest[i + 1][j], longest[i][j + 1])
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < rows or j < columns:
        if i < rows and j < columns and before[i] == after[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif j == columns or (i < rows and longest[i + 1][j] >= longest[i][j + 1]):
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return pairs


def _functions(before: CostVector, after: CostVector) -> list[str]:
    names = {*before.functions, *after.functions}
    found = {name: after.functions.get(name, 0) - before.functions.get(name, 0) for name in names}
    largest = sorted((name for name in names if found[name]), key=lambda name: (-abs(found[name]), name))
    return [f"{name}: {found[name]:+,} opcodes" for name in largest[:FUNCTIONS]]


def _signed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:+,} {what}" for what, number in counts.items() if number)


def python_version() -> str:
    """The implementation and its minor version, for which counts hold."""
    return f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor}"


def told(judgement: Judgement) -> list[str]:
    """The judgement in lines for a terminal."""
    lines: list[str] = []
    for change in judgement.regressions:
        lines.append(f"grown   {change.name}: {_told(change.grown)}")
        lines += [f"        {line}" for line in (*change.layers, *change.functions)]
    lines += [f"shrunk  {change.name}: {_told(change.shrunk)}" for change in judgement.improvements]
    lines += [f"missing {name}: the baseline has it, and this run has not" for name in judgement.missing]
    lines += [f"unclear {text} differ from request to request, and were not compared" for text in judgement.unstable]
    lines += [f"note    {text}" for text in judgement.notes]
    return lines


def _told(counts: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(f"{what} {before:,} → {after:,}" for what, (before, after) in counts.items())


def as_record(judgement: Judgement) -> dict[str, Any]:
    """For bench.json."""
    return {
        "compared": judgement.compared,
        "regressions": [change.name for change in judgement.regressions],
        "improvements": [change.name for change in judgement.improvements],
        "missing": list(judgement.missing),
        "lines": told(judgement),
    }
