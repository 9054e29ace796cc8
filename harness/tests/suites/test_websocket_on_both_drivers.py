"""A check of an endpoint says the same in process and on uvicorn, or its docstring explains why not."""

from collections import defaultdict

import pytest

from asgi_conformance import catalogue
from asgi_conformance.config import Options
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.runner import ABILITIES
from asgi_conformance.session import Session
from asgi_conformance.verdict import Outcome

CHECKS = {check.id: check for check in catalogue.load_checks() if check.suite == "websocket"}
BOTH = {ability.value for ability in InProcess.abilities & ServerDriver.abilities}
SHARED = [name for name, check in CHECKS.items() if check.needs & ABILITIES <= BOTH]
APPS = [name for name in catalogue.load_patterns() if name.startswith("websocket.")]
EXPLAINED = {"websocket.push.unread-message"}


@pytest.mark.slow
@pytest.mark.parametrize("app", APPS)
def test_verdicts_agree(app: str) -> None:
    session = Session(Options(servers=("in-process", "uvicorn"), checks=tuple(SHARED), patterns=(app,)))
    outcomes: dict[tuple[str, str], dict[str, Outcome]] = defaultdict(dict)
    try:
        for case in session.cases():
            outcomes[case.check.id, str(case.route)][case.driver] = session.run(case).outcome
    finally:
        session.close()
    differing = {
        key: {driver: outcome.value for driver, outcome in by_driver.items()}
        for key, by_driver in outcomes.items()
        if Outcome.NOT_APPLICABLE not in by_driver.values() and len(set(by_driver.values())) > 1
    }
    assert {key: by_driver for key, by_driver in differing.items() if key[0] not in EXPLAINED} == {}


def test_differences_are_explained() -> None:
    unexplained = [name for name in EXPLAINED if "In process and on a server" not in CHECKS[name].explanation]
    assert unexplained == []
    assert len(SHARED) > 10
