"""Pages that are made from the checks: practices, which no specification states, and the patterns' questions."""

from collections.abc import Iterable

from asgi_conformance.check import Check
from asgi_conformance.documents import Documented
from asgi_conformance.spec import PRACTICES

HEAD = """# Practices

Rules that no sentence of a specification states and that production relies on. Checks of level PRACTICE hold an
application to them, and a broken one fails a run by default. This page is made from the checks.
"""


def practices(checks: Iterable[Check]) -> str:
    """The page as Markdown: a section for each clause of ours, with its checks."""
    sections: dict[str, list[Check]] = {}
    for check in checks:
        if check.clause.document == PRACTICES.name:
            sections.setdefault(check.clause.section, []).append(check)
    parts = [HEAD]
    for anchor, found in sorted(sections.items()):
        parts.append(f"## {anchor}\n")
        parts.extend(f"- `{check.id}` ({check.level.value}): {check.title}" for check in found)
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


QUESTIONS = """# Questions that the documented patterns raise

Each pattern of the source documents, what its app shows, what a reader wants to know about it, and the checks that
settle that on every run: `asgi-conformance explain ID` tells what a check is about. This page is made from
`suites/questions/`.
"""


def questions(documented: Iterable[Documented]) -> str:
    """The page as Markdown: a section for each pattern, a line for each question."""
    parts = [QUESTIONS]
    for pattern in documented:
        parts += [f"## {pattern.id}\n", f"{pattern.shows} Documented in {pattern.documented}.\n"]
        parts += ["| question | settled by |", "| --- | --- |"]
        for asked in pattern.questions:
            settled = ", ".join(f"`{check}`" for check in asked.checks)
            parts.append(f"| {asked.asks.replace('|', chr(92) + '|')} | {settled} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"
