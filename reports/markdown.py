"""A summary in Markdown, for a pull request: the verdict, the matrix, what is broken and how to see it again."""

import re
from collections.abc import Iterator

from .findings import Finding, again, findings, place, reason
from .matrix import Cell, by_area
from .run import Run, Status
from .text import count, one_line, seconds

FAILURES, PLACES, OTHERS = 20, 3, 20
LONGEST = 200  # characters of one text
FITS = 60_000  # characters altogether: a comment may have 65,536

SIGNS = {
    Status.FAILED: "❌",
    Status.STALE: "❌",
    Status.COULD_NOT_RUN: "❔",
    Status.WARNED: "⚠️",
    Status.KNOWN: "☑️",
    Status.PASSED: "✅",
    Status.NOT_APPLICABLE: "—",
}
_CONCLUSIONS = {0: Status.PASSED, 1: Status.FAILED, 3: Status.COULD_NOT_RUN}


def render(run: Run) -> str:
    """The run in Markdown of GitHub's flavour, well below the length that a comment may have."""
    parts = [
        f"## {SIGNS[_CONCLUSIONS[run.exit_code()]]} {plain(run.sentence)}",
        f"**{plain(run.title)}**: {_counts(run)}",
        *_matrix(run),
        *_failures(run),
        *_folded(run, Status.WARNED, "Warnings"),
        *_folded(run, Status.COULD_NOT_RUN, "Could not run"),
        *_folded(run, Status.STALE, "Stale: expected to be broken, and holds"),
        *_folded(run, Status.KNOWN, "Known deviations"),
        _facts(run),
    ]
    return "\n\n".join(_fitting(parts)) + "\n"


def _fitting(parts: list[str]) -> Iterator[str]:
    """The parts, without those for which there is no room any more."""
    room = FITS
    left_out = 0
    for part in filter(None, parts):
        if len(part) <= room:
            room -= len(part) + 2
            yield part
        else:
            left_out += 1
    if left_out:
        yield f"{count(left_out, 'part')} left out for want of room; the report has everything."


def plain(text: str) -> str:
    """The text with everything escaped that Markdown, HTML, or a mention of somebody would make of it."""
    escaped = re.sub(r"([\\`*_\[\]|~])", r"\\\1", one_line(text, LONGEST))
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub("([@#])", r"\1<!-- -->", escaped)


def code(text: str, *, in_table: bool = False) -> str:
    """The text as a code span; a table would take a bar for the end of the cell."""
    shown = one_line(text, LONGEST) or " "
    shown = shown.replace("|", "\\|") if in_table else shown
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _counts(run: Run) -> str:
    told = [f"{number:,} {status}" for status in _TOLD if (number := run.counts[status])]
    return f"{count(len(run.verdicts), 'verdict')}: {', '.join(told)}" if told else "no verdicts"


_TOLD = (
    Status.PASSED,
    Status.FAILED,
    Status.STALE,
    Status.KNOWN,
    Status.WARNED,
    Status.NOT_APPLICABLE,
    Status.COULD_NOT_RUN,
)


def _matrix(run: Run) -> Iterator[str]:
    matrix = by_area(run)
    if not matrix.rows:
        return
    lines = [
        f"| area | {' | '.join(plain(driver) for driver in matrix.drivers)} |",
        f"| --- |{' :-- |' * len(matrix.drivers)}",
    ]
    lines += [f"| {plain(name)} | {' | '.join(_cell(cell) for cell in cells)} |" for name, cells in matrix.rows]
    yield "\n".join(lines)


def _cell(cell: Cell) -> str:
    if not cell.judged:
        return cell.score
    exceptions = ", ".join(f"{number} {status}" for status, number in cell.exceptions)
    return f"{SIGNS[cell.status]} {cell.score}" + (f" ({exceptions})" if exceptions else "")


def _failures(run: Run) -> Iterator[str]:
    found = findings(run, Status.FAILED)
    if not found:
        return
    yield "### Failures"
    for finding in found[:FAILURES]:
        yield _failure(run, finding)
    if len(found) > FAILURES:
        yield f"and {count(len(found) - FAILURES, 'more broken rule')}, told in the report"


def _failure(run: Run, finding: Finding) -> str:
    rule = finding.rule
    clause = f" ([{plain(rule.clause)}](<{rule.link}>))" if rule.link else ""
    lines = [f"**{code(finding.check)}** {rule.level}: {plain(rule.title)}{clause}", ""]
    lines += ["| where | expected | observed |", "| --- | --- | --- |"]
    for verdict in finding.verdicts[:PLACES]:
        where = ", ".join(plain(part) for part in place(run, verdict))
        told = (code(text or "", in_table=True) for text in (verdict.expected, verdict.observed))
        lines.append(f"| {where} | {' | '.join(told)} |")
    if len(finding.verdicts) > PLACES:
        lines.append(f"| and {count(len(finding.verdicts) - PLACES, 'more place')} | | |")
    return "\n".join([*lines, "", f"Again: {code(again(run, finding.verdicts[0]))}"])


def _folded(run: Run, status: Status, words: str) -> Iterator[str]:
    found = findings(run, status)
    if not found:
        return
    lines = []
    for finding in found[:OTHERS]:
        first = finding.verdicts[0]
        places = f" ({count(len(finding.verdicts), 'place')})" if len(finding.verdicts) > 1 else ""
        where = ", ".join(plain(part) for part in place(run, first))
        why = reason(first) if first.known is None else first.known
        lines.append(f"- {code(finding.check)} {where}{places}: {plain(why)}")
    if len(found) > OTHERS:
        lines.append(f"- and {count(len(found) - OTHERS, 'more rule')}, told in the report")
    summary = f"<summary>{words}: {run.counts[status]:,}</summary>"
    yield f"<details>{summary}\n\n" + "\n".join(lines) + "\n\n</details>"


def _facts(run: Run) -> str:
    environment = run.environment
    facts = [f"asgi-conformance {environment['version']}"] if "version" in environment else []
    facts += [f"Python {environment['python']}"] if "python" in environment else []
    facts += [f"{name} {version}" for name, version in environment.get("versions", {}).items()]
    facts += [seconds(environment["duration_s"])] if "duration_s" in environment else []
    facts += [f"seed {environment['seed']}"] if "seed" in environment else []
    return f"<sub>{plain(' · '.join(facts))}</sub>" if facts else ""
