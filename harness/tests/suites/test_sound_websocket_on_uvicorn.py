"""Sound endpoints in many styles, on a real server: neither the suite nor the server's ways may accuse them."""

from pathlib import Path

import pytest

from asgi_conformance import catalogue
from asgi_conformance.drivers.server import ServerDriver, ServerProcess
from asgi_conformance.loading import AppRef
from asgi_conformance.pattern import Route
from asgi_conformance.runner import plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.suite == "websocket"]
PLAIN, ECHO, PUSH, JSON, REFUSES, BROADCAST = (
    Route("GET", "/", {kind, "websocket"})
    for kind in (
        "websocket",
        "websocket.echo",
        "websocket.push",
        "websocket.json",
        "websocket.refuses",
        "websocket.broadcast",
    )
)
# Those of test_sound_websocket.py, by their names: raw ASGI, Starlette's and FastAPI's ways, tasks, queues, refusals.
SOUND = {
    "raw_echo": ECHO,
    "raw_chooses_a_subprotocol": PLAIN,
    "raw_closes_and_waits_for_the_disconnect": PLAIN,
    "raw_denies_in_two_parts": REFUSES,
    "raw_push_in_a_task_group": PUSH,
    "raw_reader_queue_writer": ECHO,
    "a_class_with_call": ECHO,
    "starlette_endpoint_class": ECHO,
    "starlette_iterates_text": ECHO,
    "starlette_raw_messages_behind_middleware": ECHO,
    "starlette_push_in_an_anyio_task_group": PUSH,
    "fastapi_dependency_with_teardown": PLAIN,
    "fastapi_validates_json": JSON,
    "fastapi_refuses_by_an_exception": REFUSES,
    "fastapi_rooms_by_task_group": BROADCAST,
}
TEXT_ONLY = "websocket.payload.other-kind"  # the framework's `receive_text()`, see test_sound_websocket.py
KNOWN = {"starlette_iterates_text": {TEXT_ONLY}, "fastapi_dependency_with_teardown": {TEXT_ONLY}}


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_sound_application_is_not_accused_on_uvicorn(name: str) -> None:
    app = AppRef(f"test_sound_websocket:{name}", factory=True, app_dir=str(Path(__file__).parent))
    target = Target(name, app=app, routes=(SOUND[name],))
    process = ServerProcess("uvicorn", app)
    try:
        verdicts = [
            run_case(case, lambda case, transcript: ServerDriver("uvicorn", process, transcript=transcript))
            for case in plan(CHECKS, target, "uvicorn", ServerDriver.abilities)
            if not case.not_applicable
        ]
    finally:
        process.stop()
    accused = {v.check: f"expected {v.expected}, observed {v.observed}" for v in verdicts if v.broken}
    unclear = {v.check: v.observed for v in verdicts if v.outcome is Outcome.COULD_NOT_RUN}
    assert {check: text for check, text in accused.items() if check not in KNOWN.get(name, set())} == {}
    assert unclear == {}
    assert len(verdicts) > 3 or SOUND[name] is REFUSES
