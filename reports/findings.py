"""Findings: the verdicts of one status, gathered by rule, and how each is told and had again."""

import re
import shlex
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from asgi_conformance.verdict import Entry, Verdict

from .run import RuleText, Run, Status
from .text import count


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, and every verdict of one status about it."""

    check: str
    status: Status
    rule: RuleText
    verdicts: tuple[Verdict, ...]


def findings(run: Run, status: Status) -> tuple[Finding, ...]:
    """What was found of one status, by rule, in the order of the run."""
    gathered: dict[str, list[Verdict]] = {}
    for verdict in run.of(status):
        gathered.setdefault(verdict.check, []).append(verdict)
    return tuple(
        Finding(check, status, run.rule(check, verdicts[0].level), tuple(verdicts))
        for check, verdicts in gathered.items()
    )


def place(run: Run, verdict: Verdict) -> tuple[str, ...]:
    """Where a verdict was found: the target if there are several, the driver, the route if there is one."""
    target = (verdict.target,) if len(run.targets) > 1 else ()
    return (*target, verdict.driver, *((verdict.route,) if verdict.route else ()))


def reason(verdict: Verdict) -> str:
    """Why a check is not applicable, or could not run."""
    return verdict.observed or verdict.expected or "no reason was given"


def again(run: Run, verdict: Verdict) -> str:
    """The command that judges just this rule, on this target, in this way."""
    command = run.environment.get("repeat", {}).get(verdict.target) or _judging(verdict.target)
    server = "" if verdict.driver == "remote" else f" --server {shlex.quote(verdict.driver)}"
    return f"{command}{server} --check {shlex.quote(verdict.check)}"


def _judging(target: str) -> str:
    """A target is an address, ``module:app``, or the name of a fixture app, which the catalogue run includes."""
    if "://" in target:
        return f"asgi-conformance run --url {shlex.quote(target)}"
    return f"asgi-conformance run {shlex.quote(target)}" if ":" in target else "asgi-conformance run"


def explain(verdict: Verdict) -> str:
    """The command that tells more about the rule."""
    return f"asgi-conformance explain {shlex.quote(verdict.check)}"


def anchor(verdict: Verdict) -> str:
    """A fragment that links to this verdict in any report: it depends on what was judged where, on nothing else."""
    place = zlib.crc32(f"{verdict.target}\n{verdict.route}".encode("utf-8", "backslashreplace"))
    return f"{slug(verdict.check)}--{slug(verdict.driver)}-{place:08x}"


def slug(text: str) -> str:
    """The text as part of a fragment: ASCII letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-") or "-"


def window(entries: Sequence[Entry], limit: int) -> tuple[Entry, ...]:
    """At most `limit` entries, with notes for the gaps: the beginning, the end, and what led to the offending one.

    Where none is marked, the end is what led to the verdict.
    """
    if len(entries) <= limit:
        return tuple(entries)
    last = len(entries) - 1
    here = [index for index, entry in enumerate(entries) if entry.here][:2]
    begin = range(min(3, limit // 4))
    nearest = sorted(range(len(entries)), key=lambda index: abs(index - (here[0] if here else last)))
    kept = sorted(list(dict.fromkeys([*here, *begin, last, *nearest]))[:limit])
    shown: list[Entry] = []
    expected = 0
    for index in [*kept, last + 1]:
        if index > expected:
            at = entries[expected].at_ms
            shown.append(Entry(at, "note", f"… {count(index - expected, 'line')} left out …"))
        if index <= last:
            shown.append(entries[index])
        expected = index + 1
    return tuple(shown)
