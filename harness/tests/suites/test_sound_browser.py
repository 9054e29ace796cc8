"""Sound event streams in many styles, none of which the browser suite may accuse; they keep real time."""

from pathlib import Path

import pytest

from asgi_conformance import catalogue
from asgi_conformance.config import Options
from asgi_conformance.drivers.browser.process import missing
from asgi_conformance.loading import AppRef
from asgi_conformance.pattern import Route
from asgi_conformance.runner import Case, plan
from asgi_conformance.session import Session
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=f"could not run: {missing()}"),
]

SSE = {"http", "http.stream", "sse"}
FINITE = SSE | {"sse.finite"}
ROUTES = {
    "quiet": SSE,
    "long_poll": FINITE,
    "once": FINITE,
    "newest_only": SSE,
    "polled": SSE,
    "ends_by_itself": FINITE | {"sse.ids", "sse.resume", "sse.stops"},
    "live": SSE | {"sse.ids", "sse.resume"},
    "compressed": SSE,
    "sse-starlette": SSE,
}
# What a browser can say nothing about, where that is known; everything else has to pass.
NOT_JUDGED = {
    ("browser.stream.events-arrive", "quiet"),
    ("browser.reconnection.comes-back", "once"),
    ("browser.stream.close-ends-call", "long_poll"),
    ("browser.reconnection.exact-rest", "live"),
}
CHECKS = [check for check in catalogue.load_checks() if check.suite == "browser"]


def cases() -> list[Case]:
    app = AppRef("sound_browser:app", app_dir=str(Path(__file__).parent), fresh=True)
    return [
        case
        for name, capabilities in ROUTES.items()
        for case in plan(
            CHECKS,
            Target(name, app=app, routes=(Route("GET", f"/{name}", capabilities),)),
            "uvicorn",
            Session.abilities(None, "uvicorn"),  # type: ignore[arg-type]
        )
        if case.not_applicable is None
    ]


@pytest.fixture(scope="module")
def session():
    session = Session(Options(servers=("uvicorn",), suites=("browser",)))
    yield session
    session.close()


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.target.name}-{case.check.id}")
def test_sound_stream_is_not_accused(case: Case, session: Session) -> None:
    verdict = session.run(case)
    allowed = {Outcome.PASSED}
    if (case.check.id, case.target.name) in NOT_JUDGED:
        allowed.add(Outcome.NOT_APPLICABLE)
    assert verdict.outcome in allowed, f"expected {verdict.expected}, observed {verdict.observed}"
