"""Servers that do more than uvicorn does, and do it right, are not accused."""

from dataclasses import replace
from pathlib import Path

import pytest

from asgi_conformance import catalogue
from asgi_conformance.config import Options
from asgi_conformance.runner import plan
from asgi_conformance.session import Session
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.suite == "server" and "server.script" in check.needs]
SCRIPTED = catalogue.load_patterns()["server.scripted"]
LAYERS = {
    "offers_everything": (
        "server.trailers",
        "server.pathsend",
        "server.zerocopysend",
        "server.early-hint",
        "server.push",
    ),
    "tells_of_tls": ("server.tls", "server.scope.no-tls-on-plain"),
    "mended": (
        "server.scope.root-path",
        "server.scope.header-blanks",
        "server.response.own-framing",
        "server.response.no-content",
        "server.lifespan.death-told",
    ),
}


@pytest.fixture(scope="module")
def session():
    session = Session(Options(servers=("uvicorn",)))
    yield session
    session.close()


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_sound_server_is_not_accused(layer: str, session: Session) -> None:
    """What it offers is judged, and passed; nothing else is broken but what uvicorn itself breaks."""
    app = replace(SCRIPTED.app, wrap=f"sound_servers:{layer}", app_dir=str(Path(__file__).parent))
    target = replace(SCRIPTED, name=layer, app=app)
    found = {}
    for case in plan(CHECKS, target, "uvicorn", session.abilities("uvicorn")):
        if "process" not in case.check.needs or case.check.id.startswith(LAYERS[layer]):
            verdict = session.run(case)
            found[verdict.check] = verdict
    named = {check: v for check, v in found.items() if check.startswith(LAYERS[layer])}
    assert {check for check, v in named.items() if v.outcome is not Outcome.PASSED} == set()
    assert len(named) >= 5
    others = {check: (v.expected, v.observed) for check, v in found.items() if v.unexpected}
    assert others == {}
    assert not [check for check, v in found.items() if v.outcome is Outcome.COULD_NOT_RUN]
