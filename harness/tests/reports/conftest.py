"""Sample runs, and golden files to compare the reports about them with.

``UPDATE_GOLDEN=1 pytest harness/tests/reports`` writes the files anew; read the difference before it is committed.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_conformance.reports.benchmarks import BenchmarkRow, Benchmarks
from asgi_conformance.reports.run import Environment, RuleText, Run
from asgi_conformance.verdict import Entry, Level, Outcome, Verdict

GOLDEN = Path(__file__).with_name("golden")

RULES = {
    "sse.event.blank-line": RuleText(
        "Every event must end with a blank line.",
        "A browser keeps the fields of an event until it reads an empty line; what is pending when the stream\n"
        "ends is dropped.\n\nUsual cause: a `yield` of ``data: …`` with one line feed.\n\n"
        "Usual mend: end each event with two.",
        Level.MUST,
        "HTML, Server-sent events, event-stream-interpretation",
        "https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation",
    ),
    "sse.response.content-type": RuleText(
        "The response must be of type `text/event-stream`.", "", Level.MUST, "HTML", "https://html.spec.whatwg.org/"
    ),
    "middleware.request-id.on-errors": RuleText(
        "The request id should be on the 500 of an unhandled exception too.",
        "Usual cause: the layer that sets it is inside the one that answers.",
        Level.SHOULD,
        "Starlette, Middleware",
        "https://www.starlette.io/middleware/",
    ),
    "lifespan.shutdown.bounded": RuleText(
        "Shutdown must end within the grace period.",
        "",
        Level.PRACTICE,
        "Practices of this project",
        "https://asgi-conformance.invalid/practices#shutdown",
    ),
}
ENVIRONMENT: Environment = {
    "version": "0.1.0",
    "python": "3.11.7",
    "platform": "Linux x86_64",
    "versions": {"fastapi": "0.165.0", "starlette": "1.10.0", "uvicorn": "0.54.0"},
    "date": "2026-11-20T18:25:00+00:00",
    "duration_s": 23.5,
    "seed": 8241,
    "command": "asgi-conformance run my.app:app --server in-process,uvicorn-h11",
    "target": "my.app:app",
    "found": ["GET /events (event stream)", "WS /chat"],
    "not_offered": ["trailers", "pathsend"],
}


def verdict(check: str, outcome: Outcome = Outcome.PASSED, driver: str = "in-process", **more: object) -> Verdict:
    """A verdict on ``my.app:app``; area and level follow from the id."""
    suite = check.partition(".")[0]
    level = RULES[check].level if check in RULES else Level.MUST
    made = Verdict(check, level, suite, outcome, "my.app:app", driver, duration_s=0.25)
    return replace(made, **more)


WIRE = (
    Entry(0.0, ">", "GET /events HTTP/1.1"),
    Entry(0.1, ">", "authorization: Bearer not-for-you"),
    Entry(2.1, "<", "200  text/event-stream"),
    Entry(2.2, "<", r"b'data: x\n'", here=True),
    Entry(2.4, "note", "end of stream"),
)
MIXED = (
    verdict("sse.response.content-type", route="GET /events"),
    verdict("sse.response.content-type", route="GET /events", driver="uvicorn-h11"),
    verdict("sse.event.blank-line", route="GET /events"),
    verdict(
        "sse.event.blank-line",
        Outcome.FAILED,
        "uvicorn-h11",
        route="GET /events",
        expected="an empty line after the last field",
        observed="the stream ended after one line feed; a browser drops the event",
        transcript=WIRE,
    ),
    verdict(
        "middleware.request-id.on-errors",
        Outcome.WARNED,
        route="GET /items/{id}",
        expected="x-request-id on the 500",
        observed="no such header",
    ),
    verdict(
        "lifespan.shutdown.bounded",
        Outcome.FAILED,
        "uvicorn-h11",
        expected="an end within 10 s",
        observed="still running after 10 s",
        known="waits for its queue; see issue 12",
    ),
    verdict("lifespan.shutdown.bounded", known="waits for its queue"),
    verdict("websocket.close.code", Outcome.NOT_APPLICABLE, observed="no websocket route"),
    verdict("websocket.close.code", Outcome.COULD_NOT_RUN, "uvicorn-h11", observed="the server did not start"),
)
BENCHMARKS = Benchmarks(
    "One request through ten layers",
    (
        BenchmarkRow("none", 41.25, 40.5, 42.75, 400),
        BenchmarkRow("pure ASGI", 44.5, 43.25, 46.0, 400),
        BenchmarkRow("BaseHTTPMiddleware", 402.0, 390.5, 431.25, 400),
    ),
    "In process, `perf_counter`, 400 rounds of 10 requests each, CPython 3.11.7.",
    "Timed one after the other: differences below a tenth say nothing.",
)


@pytest.fixture
def mixed() -> Run:
    """One application, two drivers, one verdict of every status."""
    return Run(ENVIRONMENT, MIXED, RULES)


@pytest.fixture
def conformant() -> Run:
    """One application without a fault."""
    return Run(ENVIRONMENT, MIXED[:3], RULES)


@pytest.fixture
def catalogue() -> Run:
    """Several targets."""
    verdicts = [replace(one, target=f"{area}.{name}") for one in MIXED for area in ("sse", "csv") for name in "ab"]
    return Run({**ENVIRONMENT, "target": "the fixture catalogue"}, tuple(verdicts), RULES)


@pytest.fixture
def benchmarks() -> Benchmarks:
    """A comparison of three variants."""
    return BENCHMARKS


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """A function that compares a text with the golden file of that name."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text, "utf-8", newline="\n")
        assert text == path.read_text("utf-8")

    return compare


@pytest.fixture(name="verdict")
def _verdict() -> Callable[..., Verdict]:
    """A function that makes a verdict on ``my.app:app``."""
    return verdict
