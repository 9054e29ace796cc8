"""JUnit XML: one test suite for each target and driver, one case for each verdict."""

import xml.etree.ElementTree as ET
from collections.abc import Callable

from asgi_conformance.verdict import Verdict

from .findings import again, reason, window
from .run import Run, Status
from .text import clip, milliseconds, visible

LINES, LONGEST = 40, 2_000


def render(run: Run) -> str:
    """The run as JUnit XML.

    What fails the run is a failure, what could not run an error; known violations and what does not
    apply are skipped, each with its reason. A warning passes, and says so in its output.
    """
    root = ET.Element("testsuites", name="asgi-conformance")
    for target in run.targets:
        for driver in run.drivers:
            verdicts = [v for v in run.verdicts if v.target == target and v.driver == driver]
            if verdicts:
                root.append(_suite(run, target, driver, verdicts))
    _count(root, run, run.verdicts)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(run: Run, target: str, driver: str, verdicts: list[Verdict]) -> ET.Element:
    suite = ET.Element("testsuite", name=visible(f"{target} ({driver})"))
    if date := run.environment.get("date"):
        suite.set("timestamp", visible(date))
    _count(suite, run, verdicts)
    suite.extend(_case(run, verdict) for verdict in verdicts)
    return suite


def _count(element: ET.Element, run: Run, verdicts: list[Verdict] | tuple[Verdict, ...]) -> None:
    kinds = [_KINDS[run.status(verdict)][0] for verdict in verdicts]
    element.set("tests", str(len(verdicts)))
    element.set("failures", str(kinds.count("failure")))
    element.set("errors", str(kinds.count("error")))
    element.set("skipped", str(kinds.count("skipped")))
    element.set("time", f"{sum(verdict.duration_s for verdict in verdicts):.3f}")


def _case(run: Run, verdict: Verdict) -> ET.Element:
    name = f"{verdict.check} [{verdict.route}]" if verdict.route else verdict.check
    case = ET.Element(
        "testcase", classname=visible(verdict.suite), name=visible(name), time=f"{verdict.duration_s:.3f}"
    )
    rule = run.rule(verdict.check, verdict.level)
    properties = ET.SubElement(case, "properties")
    for key, value in (("level", verdict.level), ("outcome", verdict.outcome), ("clause", rule.link or rule.clause)):
        ET.SubElement(properties, "property", name=key, value=visible(value))
    kind, message = _KINDS[run.status(verdict)]
    if kind in {"failure", "error"}:
        told = ET.SubElement(case, kind, message=visible(clip(message(verdict), LONGEST)), type=str(verdict.level))
        told.text = visible(_evidence(run, verdict))
    elif kind == "skipped":
        ET.SubElement(case, kind, message=visible(clip(message(verdict), LONGEST)))
    elif kind == "system-out":
        ET.SubElement(case, kind).text = visible(f"warned: {message(verdict)}\n\n{_evidence(run, verdict)}")
    return case


def _evidence(run: Run, verdict: Verdict) -> str:
    rule = run.rule(verdict.check, verdict.level)
    told = (
        ("rule", rule.title),
        ("expected", verdict.expected),
        ("observed", verdict.observed),
        ("clause", rule.link or rule.clause),
        ("again", again(run, verdict)),
    )
    lines = [f"{label:<9} {clip(text, LONGEST)}" for label, text in told if text]
    for entry in window(verdict.transcript, LINES):
        mark = "  <- here" if entry.here else ""
        lines.append(f"{milliseconds(entry.at_ms):>10}  {entry.direction:<7}  {clip(entry.text, LONGEST)}{mark}")
    return "\n".join(lines)


def _violation(verdict: Verdict) -> str:
    return f"expected {verdict.expected or 'the rule to hold'}, observed {verdict.observed or 'a violation'}"


def _stale(verdict: Verdict) -> str:
    return f"stale: expected to be broken ({verdict.known}), and holds"


# The child element of each status, and the words in it; "" has none.
_KINDS: dict[Status, tuple[str, Callable[[Verdict], str]]] = {
    Status.PASSED: ("", str),
    Status.FAILED: ("failure", _violation),
    Status.STALE: ("failure", _stale),
    Status.COULD_NOT_RUN: ("error", reason),
    Status.WARNED: ("system-out", _violation),
    Status.KNOWN: ("skipped", lambda verdict: f"known: {verdict.known}"),
    Status.NOT_APPLICABLE: ("skipped", lambda verdict: f"not applicable: {reason(verdict)}"),
}
