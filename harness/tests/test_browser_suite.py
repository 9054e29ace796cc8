"""The browser suite where there is no browser: left out and told, or asked for and not run."""

from pathlib import Path

import pytest

from asgi_conformance.config import Options
from asgi_conformance.drivers.browser import process
from asgi_conformance.session import Session
from asgi_conformance.verdict import Outcome

STREAM = Options(patterns=("sse.resume",), servers=("uvicorn",))


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr(process, "_browser", None)


def suites(session: Session) -> set[str]:
    return {check.suite for check in session.checks}


def test_suite_is_left_out_and_the_report_says_so():
    session = Session(STREAM)
    assert "browser" not in suites(session)
    [told] = session.environment()["not_offered"]
    assert told.startswith("a browser as judge: ")
    assert "install" in told


def test_nothing_is_said_where_no_browser_could_judge():
    session = Session(Options(patterns=("sse.resume",), servers=("in-process",)))
    assert session.environment()["not_offered"] == []


@pytest.mark.parametrize("asked", [{"suites": ("browser",)}, {"checks": ("browser.stream.*",)}])
def test_suite_that_was_asked_for_could_not_run(asked: dict[str, tuple[str, ...]]):
    session = Session(Options(patterns=("sse.resume",), servers=("uvicorn",), **asked))
    case = next(case for case in session.cases() if case.check.id == "browser.stream.opens")
    verdict = session.run(case)
    session.close()
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "install" in str(verdict.observed)
