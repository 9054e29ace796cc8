"""The summary at the end of a run in a terminal; the same words without one."""

import textwrap
from collections.abc import Iterator

from asgi_conformance.verdict import Verdict

from .findings import Finding, again, explain, findings, place, reason, window
from .run import Environment, Run, Status
from .text import clip, count, listed, milliseconds, one_line, seconds, visible

LINES = 16  # of a transcript
IN_FULL = 3  # places of one broken rule that are told with their evidence
BY_NAME = 12  # further places, and items of the short lists
LABEL = 10

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _BLUE, _CYAN = "1", "2", "31", "32", "33", "34", "36"
_COLOURS = {Status.FAILED: _RED, Status.STALE: _RED, Status.COULD_NOT_RUN: _CYAN, Status.WARNED: _YELLOW}


class _Paper:
    """Lines of a given width, with colour or without."""

    def __init__(self, width: int, *, color: bool) -> None:
        self.width = max(width, 40)
        self._color = color
        self._lines: list[str] = []

    def paint(self, text: str, *styles: str) -> str:
        """The text in a style, if there is colour at all."""
        return f"\x1b[{';'.join(styles)}m{text}\x1b[0m" if self._color and styles else text

    def line(self, text: str = "") -> None:
        """One line as it is."""
        self._lines.append(text)

    def wrapped(self, text: str, *styles: str, indent: int = 0) -> None:
        """A text of unknown origin and length, wrapped."""
        for line in self._wrap(text, indent):
            self.line(" " * indent + self.paint(line, *styles))

    def field(self, label: str, text: str, *styles: str) -> None:
        """A label and a wrapped text beside it."""
        first, *rest = self._wrap(text, LABEL) or [""]
        self.line(self.paint(f"{label:<{LABEL}}", _DIM) + self.paint(first, *styles))
        for line in rest:
            self.line(" " * LABEL + self.paint(line, *styles))

    def command(self, label: str, text: str) -> None:
        """A label and a text that is never broken, because somebody will copy it."""
        self.line(self.paint(f"{label:<{LABEL}}", _DIM) + visible(text))

    def text(self) -> str:
        """Everything, with a line feed at the end."""
        return "\n".join(self._lines) + "\n"

    def _wrap(self, text: str, indent: int) -> list[str]:
        room = self.width - indent
        paragraphs = visible(clip(text, 1_000)).expandtabs(4).splitlines()
        return [line for part in paragraphs for line in textwrap.wrap(part, room, break_on_hyphens=False) or [""]]


def heading(environment: Environment, *, width: int = 100, color: bool = False) -> str:
    """What is known before the first check runs: versions, the target, what was found in it."""
    paper = _Paper(width, color=color)
    versions = [f"{name} {version}" for name, version in environment.get("versions", {}).items()]
    python = [f"Python {environment['python']}"] if "python" in environment else []
    own = f"asgi-conformance {environment.get('version', '')}".strip()
    paper.wrapped("   ".join([own, *python]), _BOLD)
    if versions:
        paper.field("versions", ", ".join(versions))
    if "target" in environment:
        paper.field("target", environment["target"])
    if found := environment.get("found"):
        paper.field("found", listed(found, BY_NAME))
    if missing := environment.get("not_offered"):
        paper.field("without", listed(missing, BY_NAME))
    return paper.text()


def render(run: Run, *, width: int = 100, color: bool = False) -> str:
    """Every failure with its evidence, the rest in short, and last a sentence and counts that add up."""
    paper = _Paper(width, color=color)
    _details(paper, run)
    _conclusion(paper, run)
    return paper.text()


def details(run: Run, *, width: int = 100, color: bool = False) -> str:
    """The findings alone, for where something else tells the counts."""
    paper = _Paper(width, color=color)
    _details(paper, run)
    return paper.text()


def _details(paper: _Paper, run: Run) -> None:
    for finding in findings(run, Status.FAILED):
        _failure(paper, run, finding)
    for finding in findings(run, Status.WARNED):
        _warning(paper, run, finding)
    _reasons(paper, run, Status.COULD_NOT_RUN, "could not run")
    _reasons(paper, run, Status.STALE, "stale: expected to be broken, and holds")
    _reasons(paper, run, Status.KNOWN, "known")


def _failure(paper: _Paper, run: Run, finding: Finding) -> None:
    head = [paper.paint("FAIL", _BOLD, _RED), paper.paint(visible(finding.check), _BOLD), str(finding.rule.level)]
    paper.line("  ".join(head))
    paper.wrapped(finding.rule.title)
    for verdict in finding.verdicts[:IN_FULL]:
        paper.line()
        _evidence(paper, run, verdict)
    if more := finding.verdicts[IN_FULL:]:
        paper.line()
        for verdict in more[:BY_NAME]:
            paper.field("also", f"{'   '.join(place(run, verdict))}: {verdict.observed or 'broken'}")
        if len(more) > BY_NAME:
            paper.field("also", f"{count(len(more) - BY_NAME, 'more place')}, told in the report")
    if len(finding.verdicts) > 1:
        paper.line()
    if finding.rule.link:
        paper.command("rule", finding.rule.link)
    paper.command("explain", explain(finding.verdicts[0]))
    paper.line()
    paper.line()


def _evidence(paper: _Paper, run: Run, verdict: Verdict) -> None:
    paper.field("where", "   ".join(place(run, verdict)))
    paper.field("expected", verdict.expected or "the rule to hold")
    paper.field("observed", verdict.observed or "a violation", _BOLD)
    if verdict.transcript:
        paper.line()
        for line in _transcript(paper, verdict):
            paper.line(line)
        paper.line()
    paper.command("again", again(run, verdict))


def _transcript(paper: _Paper, verdict: Verdict) -> Iterator[str]:
    for entry in window(verdict.transcript, LINES):
        start = f"{milliseconds(entry.at_ms):>11}  {visible(entry.direction):<7}  "
        mark = "  <- here" if entry.here else ""
        room = paper.width - len(start) - len(mark)
        text = one_line(entry.text, 2_000)
        text = text if len(text) <= room else f"{text[: max(room - 1, 8)]}…"
        yield paper.paint(start, _DIM) + (paper.paint(text + mark, _RED) if mark else text)


def _warning(paper: _Paper, run: Run, finding: Finding) -> None:
    head = [paper.paint("warn", _BOLD, _YELLOW), paper.paint(visible(finding.check), _BOLD), str(finding.rule.level)]
    paper.line("  ".join(head))
    paper.wrapped(finding.rule.title, indent=6)
    for verdict in finding.verdicts[:IN_FULL]:
        paper.wrapped(f"{'   '.join(place(run, verdict))}: {verdict.observed or 'broken'}", _DIM, indent=6)
    if len(finding.verdicts) > IN_FULL:
        paper.wrapped(f"and {count(len(finding.verdicts) - IN_FULL, 'more place')}", _DIM, indent=6)
    paper.command("      see", explain(finding.verdicts[0]))
    paper.line()


def _reasons(paper: _Paper, run: Run, status: Status, words: str) -> None:
    """The verdicts of one status in a list: each rule and reason once, with the number of its places."""
    told: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in run.of(status):
        why = reason(verdict) if verdict.known is None else verdict.known
        told.setdefault((verdict.check, why), []).append(verdict)
    if not told:
        return
    paper.line(paper.paint(words, _BOLD, *[_COLOURS[status]] if status in _COLOURS else ()))
    for (check, why), verdicts in list(told.items())[:BY_NAME]:
        more = f" and {count(len(verdicts) - 1, 'more place')}" if len(verdicts) > 1 else ""
        paper.wrapped(f"{check}   {'   '.join(place(run, verdicts[0]))}{more}", indent=6)
        paper.wrapped(why, _DIM, indent=8)
    if len(told) > BY_NAME:
        paper.wrapped(f"and {len(told) - BY_NAME:,} more, told in the report", _DIM, indent=6)
    paper.line()


def _conclusion(paper: _Paper, run: Run) -> None:
    colour = {0: _GREEN, 1: _RED, 3: _CYAN}[run.exit_code()]
    paper.wrapped(run.sentence, _BOLD, colour)
    counts = run.counts
    told = [
        f"{counts[Status.PASSED]:,} passed",
        f"{counts[Status.FAILED]:,} failed",
        f"{counts[Status.KNOWN]:,} known",
        *([f"{counts[Status.STALE]:,} stale"] if counts[Status.STALE] else []),
        count(counts[Status.WARNED], "warning"),
        f"{counts[Status.NOT_APPLICABLE]:,} not applicable",
        f"{counts[Status.COULD_NOT_RUN]:,} could not run",
    ]
    paper.wrapped(f"{count(len(run.verdicts), 'verdict')}: {', '.join(told)}")
    environment = run.environment
    facts = [seconds(environment["duration_s"])] if "duration_s" in environment else []
    facts += [f"seed {environment['seed']}"] if "seed" in environment else []
    if facts:
        paper.wrapped("   ".join(facts), _DIM)
