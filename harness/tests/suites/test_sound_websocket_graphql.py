"""Sound beginnings of GraphQL subscriptions in other styles than the fixture app's; none may be accused."""

import json

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from asgi_conformance import catalogue
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.pattern import Route
from asgi_conformance.runner import plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.id.startswith("websocket.graphql.")]
TRANSPORT = "graphql-transport-ws"


def answered(message, acknowledged):
    """What to send, or the code to close with."""
    kind = message.get("type") if isinstance(message, dict) else None
    if kind == "connection_init":
        return 4429 if acknowledged else {"type": "connection_ack", "payload": {"served": "by us"}}
    if kind == "ping":
        return {"type": "pong", "payload": message.get("payload")}
    if kind == "subscribe":
        return {"id": message["id"], "type": "complete"} if acknowledged else 4401
    return None if kind in {"pong", "complete"} else 4400


def parsed(text):
    try:
        return json.loads(text or "")
    except ValueError:
        return None


def raw_closes_after_the_accept():
    """An unknown subprotocol is accepted and closed, so that a browser sees the code."""

    async def app(scope, receive, send):
        if scope["type"] != "websocket":
            raise RuntimeError(f"no {scope['type']} here")
        await receive()
        known = TRANSPORT in scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": TRANSPORT if known else None})
        if not known:
            await send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
            return
        acknowledged = False
        while (event := await receive())["type"] == "websocket.receive":
            answer = answered(parsed(event.get("text")), acknowledged)
            if isinstance(answer, int):
                await send({"type": "websocket.close", "code": answer})
                return
            if answer is not None:
                await send({"type": "websocket.send", "text": json.dumps(answer)})
                acknowledged = acknowledged or answer["type"] == "connection_ack"

    return app


def fastapi_pings_first():
    """The server pings before anything else, which it may at any time."""
    app = FastAPI()

    @app.websocket("/")
    async def graphql(websocket: WebSocket):
        if TRANSPORT not in websocket.scope["subprotocols"]:
            await websocket.close(4406)
            return
        await websocket.accept(TRANSPORT)
        acknowledged = False
        try:
            await websocket.send_json({"type": "ping"})
            while True:
                answer = answered(parsed((await websocket.receive()).get("text")), acknowledged)
                if isinstance(answer, int):
                    await websocket.close(answer)
                    return
                if answer is not None:
                    await websocket.send_json({"type": "ping"})
                    await websocket.send_json(answer)
                    acknowledged = acknowledged or answer["type"] == "connection_ack"
        except WebSocketDisconnect:
            pass

    return app


@pytest.mark.parametrize("make", [raw_closes_after_the_accept, fastapi_pings_first])
def test_sound_application_is_not_accused(make):
    target = Target(make.__name__, routes=(Route("GET", "/", {"websocket.graphql"}),))
    verdicts = [
        run_case(case, lambda case, transcript: InProcess(make(), raise_app_exceptions=False, transcript=transcript))
        for case in plan(CHECKS, target, "in-process", InProcess.abilities)
    ]
    accused = {v.check: f"{v.expected}, {v.observed}" for v in verdicts if v.outcome is not Outcome.PASSED}
    assert accused == {}
    assert len(verdicts) == len(CHECKS)
