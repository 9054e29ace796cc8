"""Which streams each parser gets wrong, and which values each framer: the page `docs/sse-parsers.md`.

    python harness/benchmarks/sse_faults.py [--write]

The streams are the vectors of the parser's own tests, each fed whole and byte by byte; the values are those of the
checks `sse.payload.*` and some more. Prints the page, or writes it into the repository. A parser or framer that is
not installed is named as such.
"""

import argparse
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from sse_contestants import CONTESTANTS, HARNESS, Contestant, Seen
from sse_framers import FRAMERS, PAYLOADS, Event, Framer, clip, received, told

PAGE = HARNESS.parent / "docs" / "sse-parsers.md"
HEAD = """# Parsers and framers of event streams, side by side

What the parsers and framers that Python applications use make of the event stream of the HTML standard. Made by
`python harness/benchmarks/sse_faults.py --write` from what was installed; the versions are in the headings. How fast
the parsers are is measured by `python harness/benchmarks/sse_parsers.py`.
"""
PARSERS = """## Parsers

{streams} streams in {categories} categories, each fed whole and byte by byte (the few above 4 KB in pieces of 64
bytes), through the public interface. A category is wrong if the type or the data of an event in any of its streams is;
in the last column but one also if the last event id is. A parser without a fault in a category may still be late, or
unbounded in memory: that is not looked at here.

| parser | whole | byte by byte | either | either, or the id | exceptions |
|---|---:|---:|---:|---:|---|
"""
FRAMES = """## Framers

{payloads} sets of values. *Right*: a client gets what was given, in one event. *Refused*: the framer raises, which is
always allowed. *Changed*: a client gets something else, or nothing, and nobody is told.

| framer | right | refused | changed |
|---|---:|---:|---:|
"""
MISSING = "not installed"
LARGE, LARGE_STEP = 4096, 64  # streams from so many bytes on are cut into pieces of so many


def page() -> str:
    """The page as Markdown."""
    vectors = load_vectors().VECTORS
    parsers, parser_faults = _all_parsers(vectors)
    framers, framer_faults = _all_framers()
    categories = len({vector.category for vector in vectors})
    parts = [
        HEAD,
        PARSERS.format(streams=len(vectors), categories=categories) + "\n".join(parsers) + "\n",
        FRAMES.format(payloads=len(PAYLOADS)) + "\n".join(framers) + "\n",
        *parser_faults,
        *framer_faults,
    ]
    return "\n".join(parts)


# Parsers.


def _all_parsers(vectors: Iterable[Any]) -> tuple[list[str], list[str]]:
    """A row for each parser, and a section for each that is installed."""
    rows, sections = [], []
    for make in CONTESTANTS:
        name = make.__name__.replace("_", "-")
        try:
            contestant = make()
        except ImportError:
            rows.append(f"| {name} | {MISSING} | | | | |")
            continue
        if contestant.parse is None:
            continue
        judged = judge_parser(contestant, vectors)
        rows.append(judged.row(contestant.name))
        sections.append(judged.section(contestant.name))
    return rows, sections


class Judged:
    """What a parser got wrong: by category, and by how the streams were cut."""

    def __init__(self) -> None:
        self.whole: set[str] = set()
        self.bytes: set[str] = set()
        self.ids: set[str] = set()
        self.exceptions: set[str] = set()
        self.examples: dict[str, tuple[bytes, str, str, str]] = {}

    def note(self, vector: Any, how: str, got: list[Seen] | None, raised: str) -> None:
        """Take note of one outcome."""
        expected = [Event(*event) for event in vector.events]
        wrong = got is None or [event[:2] for event in got] != [event[:2] for event in expected]
        if raised:
            self.exceptions.add(raised.partition(":")[0])
        if wrong:
            (self.whole if how == "whole" else self.bytes).add(vector.category)
        if wrong or got != expected:
            self.ids.add(vector.category)
            known = self.examples.get(vector.category)
            if known is None or len(vector.stream) < len(known[0]):
                observed = raised or told([Event(*event) for event in got or ()])
                self.examples[vector.category] = (vector.stream, how, told(expected), observed)

    def row(self, name: str) -> str:
        """The parser's row of the table."""
        counts = (self.whole, self.bytes, self.whole | self.bytes, self.ids)
        told_counts = " | ".join(str(len(wrong)) for wrong in counts)
        return f"| {name} | {told_counts} | {', '.join(sorted(self.exceptions)) or 'none'} |"

    def section(self, name: str) -> str:
        """What it got wrong, the smallest stream of each category."""
        lines = [f"## {name}\n"]
        if not self.examples:
            return "\n".join([*lines, "No fault was found.\n"])
        lines += ["| category | the smallest stream | fed | expected | observed |", "|---|---|---|---|---|"]
        for category, (stream, how, expected, observed) in sorted(self.examples.items()):
            cells = (category, code(clip(stream)), how, code(expected), code(observed))
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join([*lines, ""])


def judge_parser(contestant: Contestant, vectors: Iterable[Any]) -> Judged:
    """Feed the parser with every vector, whole and byte by byte."""
    judged = Judged()
    if contestant.parse is None:
        raise ValueError(f"{contestant.name} gives no events")
    for vector in vectors:
        step = 1 if len(vector.stream) <= LARGE else LARGE_STEP
        pieces = [vector.stream[start : start + step] for start in range(0, len(vector.stream), step)]
        for how, chunks in (("whole", [vector.stream]), ("byte by byte", pieces)):
            try:
                judged.note(vector, how, list(contestant.parse(chunks)), "")
            except Exception as error:  # whatever a parser raises is its answer
                judged.note(vector, how, None, f"{type(error).__name__}: {error}".replace("\n", " ")[:60])
    return judged


# Framers.


def _all_framers() -> tuple[list[str], list[str]]:
    """A row for each framer, and a section for each that is installed."""
    rows, sections = [], []
    for name, make in FRAMERS.items():
        try:
            framer = make()
        except ImportError:
            rows.append(f"| {name} | {MISSING} | | |")
            continue
        right, refused, changed = judge_framer(framer)
        rows.append(f"| {framer.name} | {right} | {refused} | {sum(map(len, changed.values()))} |")
        sections.append(_framer_section(framer.name, changed))
    return rows, sections


Changed = dict[str, list[tuple[str, str, str]]]


def judge_framer(framer: Framer) -> tuple[int, int, Changed]:
    """How many payloads were right, how many were refused, and the others: what was given, expected and observed."""
    right = refused = 0
    changed: Changed = defaultdict(list)
    for payload in PAYLOADS:
        try:
            got = received(framer.frame(dict(payload.fields)))
        except Exception:  # to raise is always allowed, whatever it is
            refused += 1
            continue
        if payload.is_right(got):
            right += 1
            continue
        given = ", ".join(f"{name}={value!a}" for name, value in payload.fields.items()) or "nothing"
        retry = f"; retry {got.retry}" if got.retry is not None else ""
        changed[payload.about].append((given, payload.expected, f"{told(got.events)}{retry}"))
    return right, refused, changed


def _framer_section(name: str, changed: Changed) -> str:
    lines = [f"## {name}\n"]
    if not changed:
        return "\n".join([*lines, "No value is changed.\n"])
    lines += ["| what | changed | the smallest values | expected | observed |", "|---|---:|---|---|---|"]
    for about, faults in changed.items():
        smallest = min(faults, key=lambda fault: len(fault[0]))
        lines.append(f"| {about} | {len(faults)} | {' | '.join(code(cell) for cell in smallest)} |")
    return "\n".join([*lines, ""])


def code(text: str) -> str:
    """The text as code in a cell of a Markdown table."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text.replace('|', chr(92) + '|')}{fence}"


def load_vectors() -> ModuleType:
    """The vectors of the tests, which are no package that could be imported by name."""
    path = HARNESS / "tests" / "sse" / "vectors.py"
    spec = importlib.util.spec_from_file_location("sse_vectors", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"the vectors are not at {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str] | None = None, path: Path = PAGE) -> None:
    """Print the page, or write it."""
    options = argparse.ArgumentParser(description="What event stream parsers and framers get wrong.")
    options.add_argument("--write", action="store_true", help="write docs/sse-parsers.md")
    made = page()
    if options.parse_args(arguments).write:
        path.write_text(made, encoding="utf-8")
    else:
        print(made, end="")


if __name__ == "__main__":
    main()
