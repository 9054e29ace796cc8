"""Layers against the contract: a table of checks and middleware, and what each deviation is, as Markdown."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from asgi_conformance.layer_record import LayerRecord
from asgi_conformance.verdict import Outcome, Verdict

from .text import visible

SIGNS = {
    Outcome.PASSED: "✓",
    Outcome.FAILED: "✗",
    Outcome.WARNED: "!",
    Outcome.COULD_NOT_RUN: "?",
    None: "·",
}
CHANCE = re.compile(r"0x[0-9a-f]+|[0-9a-f]{12,}|[0-9a-f]{3,}'?…")  # ids and addresses, which are others in each run
HEAD = """# Middleware

Each layer by itself, around an application that is known to be right, in process, judged by the checks that hold for
any stack. Whatever a layer does on purpose is set so that requests pass. This page is made by

```sh
asgi-conformance layers --output docs/middleware.md
```

✓ holds, ✗ broken, ! broken (a SHOULD), ? could not run, · does not apply. A rule that no layer breaks is not shown,
unless it is one about layers.
"""


def render(records: Sequence[LayerRecord], titles: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """The page: versions, the table, and every deviation with its reason."""
    return visible("\n".join(_page(records, titles, versions))).rstrip() + "\n"


def _page(records: Sequence[LayerRecord], titles: Mapping[str, str], versions: Mapping[str, str]) -> Iterator[str]:
    yield HEAD
    yield f"Measured with {', '.join(f'{name} {version}' for name, version in versions.items())}.\n"
    judged = [record for record in records if record.missing is None]
    yield "| | layer | from | set so that |"
    yield "| --- | --- | --- | --- |"
    for number, record in enumerate(judged, 1):
        yield f"| {number} | {record.name} | {record.distribution} {record.version or ''} | {record.about} |"
    for record in records:
        if record.missing is not None:
            yield f"| – | {record.name} | {record.missing} | |"
    yield "\n## Rules\n"
    yield f"| check | {' | '.join(str(number) for number in range(1, len(judged) + 1))} |"
    yield f"| --- |{' :-: |' * len(judged)}"
    for check in _shown(judged):
        cells = " | ".join(SIGNS[record.outcome(check)] for record in judged)
        yield f"| `{check}` | {cells} |"
    yield "\n## Deviations\n"
    for record in judged:
        yield from _deviations(record, titles)


def _shown(records: Iterable[LayerRecord]) -> list[str]:
    """The checks about layers, and those that a layer breaks."""
    found: dict[str, bool] = {}
    for record in records:
        for verdict in record.verdicts:
            outcome = record.outcome(verdict.check)
            about_layers = verdict.suite == "middleware" and outcome is not None
            broken = outcome not in {Outcome.PASSED, None}
            found[verdict.check] = found.get(verdict.check, False) or about_layers or broken
    return sorted((check for check, shown in found.items() if shown), key=lambda c: (not c.startswith("middleware"), c))


def _deviations(record: LayerRecord, titles: Mapping[str, str]) -> Iterator[str]:
    broken = [check for check in _shown([record]) if record.broken(check)]
    if not broken:
        return
    yield f"### {record.name}\n"
    for check in broken:
        verdicts = record.broken(check)
        yield f"- `{check}` ({verdicts[0].level.value}): {titles.get(check, '')}"
        for told, places in _told(verdicts).items():
            yield f"  - {', '.join(places)}: {told}"
    yield ""


def _told(verdicts: Iterable[Verdict]) -> dict[str, list[str]]:
    """What was found, with the places where it was."""
    found: dict[str, list[str]] = {}
    for verdict in verdicts:
        told = f"expected {verdict.expected}, observed {verdict.observed}"
        found.setdefault(CHANCE.sub("…", told).replace("|", "\\|"), []).append(
            f"`{verdict.route or 'the application'}`"
        )
    return found
