"""The page of practices, made from the checks: rules that no specification states, by clause."""

from collections.abc import Iterable

from asgi_conformance.check import Check
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
