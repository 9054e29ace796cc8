"""Checks of one route are judged in one child, and what looks wrong there once more, alone."""

import pytest

from asgi_conformance.config import Options
from asgi_conformance.session import Session
from asgi_conformance.verdict import Outcome

LIMITED = """
calls = 0
started = 0

async def app(scope, receive, send):
    global calls, started
    if scope["type"] == "lifespan":
        started += 1
        if started > 1:
            raise SystemExit("this application starts once in a process")
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    calls += 1
    if calls > 40:
        await send({"type": "http.response.start", "status": 500, "headers": [(b"Broken", b"yes")]})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""

BROKEN = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""


@pytest.fixture
def verdicts(tmp_path, monkeypatch):
    # Beside pytest-xdist's threads a session would not fork; they do nothing that a child would miss.
    monkeypatch.setattr("asgi_conformance.session.can_fork", lambda: True)

    def run(name: str, source: str, *checks: str):
        (tmp_path / f"{name}.py").write_text(source)
        session = Session(
            Options(app=f"{name}:app", app_dir=str(tmp_path), servers=("in-process",), checks=checks, http=("/",))
        )
        try:
            return {case.check.id: session.run(case) for case in session.cases()}, session
        finally:
            session.close()

    return run


def test_what_looks_wrong_in_company_is_judged_alone(verdicts) -> None:
    found, session = verdicts("limited_app", LIMITED, "asgi.response*", "http.headers.*", "http.content-type.*")
    assert {verdict.outcome for verdict in found.values()} <= {Outcome.PASSED, Outcome.NOT_APPLICABLE}
    assert len(found) > 8
    assert session._company


def test_what_is_wrong_is_found_in_company(verdicts) -> None:
    found, session = verdicts("broken_app", BROKEN, "asgi.response*")
    assert {check for check, verdict in found.items() if verdict.broken} == {"asgi.response-start.headers-lower-case"}
    (together,) = session._company.values()
    assert len(together) == len(found) - 1
