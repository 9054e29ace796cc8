"""A page about servers: every rule against each variant, and what each deviation looks like."""

import re
from collections.abc import Iterator, Mapping, Sequence

from asgi_conformance.check import Check
from asgi_conformance.verdict import Entry, Outcome, Verdict

from .markdown import plain
from .text import count, one_line

SIGNS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "**failed**",
    Outcome.WARNED: "*warned*",
    Outcome.NOT_APPLICABLE: "–",
    Outcome.COULD_NOT_RUN: "?",
}
ENDS = 9  # lines of a transcript that are shown at either end
WIDTH = 150


def render(
    heading: str, verdicts: Mapping[str, Sequence[Verdict]], checks: Mapping[str, Check], scripts: Mapping[str, str]
) -> str:
    """The page in Markdown.

    Args:
        heading: what stands above everything: title, versions, how it was made.
        verdicts: those on the rules' own application, by variant.
        checks: the rules by id, in the order of the page.
        scripts: for a rule the file that reproduces its deviations.
    """
    parts = [heading.rstrip(), *_counts(verdicts), "## Every rule\n", *_table(verdicts, checks), "## Deviations\n"]
    parts += _deviations(verdicts, checks, scripts)
    return "\n".join(parts).rstrip() + "\n"


def _counts(verdicts: Mapping[str, Sequence[Verdict]]) -> Iterator[str]:
    yield "\n| | " + " | ".join(outcome.value for outcome in SIGNS) + " |"
    yield "| --- |" + " ---: |" * len(SIGNS)
    for variant, found in verdicts.items():
        numbers = (sum(verdict.outcome is outcome for verdict in found) for outcome in SIGNS)
        yield f"| `{variant}` | " + " | ".join(map(str, numbers)) + " |"
    yield ""


def _table(verdicts: Mapping[str, Sequence[Verdict]], checks: Mapping[str, Check]) -> Iterator[str]:
    cells = {(verdict.check, variant): verdict for variant, found in verdicts.items() for verdict in found}
    yield "| rule | level | " + " | ".join(f"`{variant}`" for variant in verdicts) + " |"
    yield "| --- | --- |" + " --- |" * len(verdicts)
    for name, check in checks.items():
        words = [SIGNS[cells[name, variant].outcome] if (name, variant) in cells else "" for variant in verdicts]
        yield f"| `{name}` {_cell(check.title)} | {check.level.value} | " + " | ".join(words) + " |"
    yield ""


def _cell(title: str) -> str:
    return title.replace("|", "\\|")


def _deviations(
    verdicts: Mapping[str, Sequence[Verdict]], checks: Mapping[str, Check], scripts: Mapping[str, str]
) -> Iterator[str]:
    for name, check in checks.items():
        broken = {
            variant: verdict
            for variant, found in verdicts.items()
            for verdict in found
            if verdict.check == name and verdict.broken
        }
        if not broken:
            continue
        yield f"### `{name}`\n"
        yield f"{check.level.value}, [{check.clause}]({check.clause.url}). {check.title}\n"
        if name in scripts:
            yield f"Reproduced by [`{scripts[name]}`]({scripts[name]}).\n"
        for variant, verdict in broken.items():
            yield f"- `{variant}`: expected {plain(verdict.expected or '')}, observed {plain(verdict.observed or '')}."
            if verdict.known:
                yield f"  {verdict.known}"
        for variant, verdict in broken.items():
            yield f"\n<details><summary>Transcript, {variant}</summary>\n\n```"
            yield from _told(verdict.transcript)
            yield "```\n\n</details>"
        yield ""


def _told(transcript: Sequence[Entry]) -> Iterator[str]:
    """The lines without their times, which are another run's; what repeats itself is told once."""
    lines: list[str] = []
    for entry in transcript:
        line = f"{entry.direction:<8} {one_line(entry.text, WIDTH)}"
        if not lines or _alike(lines[-1]) != _alike(line):
            lines.append(line)
    left_out = len(lines) - 2 * ENDS
    yield from lines[:ENDS] if left_out > 0 else lines
    if left_out > 0:
        yield f"         … {count(left_out, 'line')} …"
        yield from lines[-ENDS:]


def _alike(line: str) -> str:
    return re.sub(r"\d+", "0", line)
