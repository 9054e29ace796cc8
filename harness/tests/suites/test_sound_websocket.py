"""Sound websocket applications in many styles, none of which the websocket suite may accuse."""

import asyncio
import contextlib
import json

import anyio
import pytest
from fastapi import Depends, FastAPI, HTTPException, WebSocketException
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from asgi_conformance import catalogue
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.pattern import Route
from asgi_conformance.runner import plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.suite == "websocket"]
PLAIN = Route("GET", "/", {"websocket"})
ECHO = Route("GET", "/", {"websocket", "websocket.echo"})
PUSH = Route("GET", "/", {"websocket", "websocket.push"})
JSON = Route("GET", "/", {"websocket", "websocket.json"})
REFUSES = Route("GET", "/", {"websocket", "websocket.refuses"})
BROADCAST = Route("GET", "/", {"websocket", "websocket.broadcast"})
RAISES = Route("GET", "/", {"websocket.raises"})

# FastAPI's and Starlette's `receive_text()` raises KeyError for a binary message, and its owner's app is told so.
TEXT_ONLY = "websocket.payload.other-kind"

SOUND = {}


def sound(*routes, but=()):
    """Register an application, and the checks that it breaks nevertheless, with good reason."""

    def register(make):
        SOUND[make.__name__] = (make, routes, frozenset(but))
        return make

    return register


def websocket_only(scope):
    if scope["type"] != "websocket":
        raise RuntimeError(f"no {scope['type']} here")


def starlette(endpoint, **options):
    return Starlette(routes=[WebSocketRoute("/", endpoint)], **options)


# Raw functions.


@sound(ECHO)
def raw_echo():
    async def app(scope, receive, send):
        websocket_only(scope)
        while True:
            message = await receive()
            match message["type"]:
                case "websocket.connect":
                    await send({"type": "websocket.accept"})
                case "websocket.receive":
                    payload = {key: message[key] for key in ("text", "bytes") if message.get(key) is not None}
                    await send({"type": "websocket.send", **payload})
                case "websocket.disconnect":
                    return

    return app


@sound(ECHO)
def raw_echo_with_every_key():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": ()})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": message.get("bytes"), "text": message.get("text")})

    return app


@sound(PLAIN)
def raw_ignores_everything():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send(
            {"type": "websocket.accept", "headers": [[b"x-served-by", b"one"]][: scope["asgi"]["spec_version"] > "2.0"]}
        )
        while (await receive())["type"] != "websocket.disconnect":
            pass

    return app


@sound(PLAIN)
def raw_chooses_a_subprotocol():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        offered = list(scope.get("subprotocols", ()))
        await send({"type": "websocket.accept", "subprotocol": offered[-1] if offered else None})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    return app


@sound(PLAIN)
def raw_accepts_and_closes():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 3000})

    return app


@sound(PLAIN)
def raw_closes_and_waits_for_the_disconnect():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    return app


@sound(PLAIN)
def raw_closes_on_the_first_message():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send({"type": "websocket.accept"})
        if (await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.close", "code": 1003})

    return app


@sound(PLAIN)
def raw_greets_and_listens():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": b"\x00\x01"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    return app


@sound(REFUSES)
def raw_refuses_at_once():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send({"type": "websocket.close"})

    return app


@sound(REFUSES)
def raw_refuses_without_a_look():
    async def app(scope, receive, send):
        websocket_only(scope)
        await send({"type": "websocket.close", "code": 4401})

    return app


@sound(REFUSES)
def raw_denies_in_two_parts():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close"})
            return
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"8")]
        await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"too ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"many"})

    return app


@sound(PLAIN)
def raw_slow_to_accept():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await asyncio.sleep(3)
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await asyncio.sleep(2)

    return app


@sound(PUSH)
def raw_push_in_a_task_group():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send({"type": "websocket.accept"})

        async def push():
            with contextlib.suppress(OSError, RuntimeError):
                while True:
                    await send({"type": "websocket.send", "text": "{}"})
                    await asyncio.sleep(0.7)

        async with asyncio.TaskGroup() as group:
            pushing = group.create_task(push())
            while (await receive())["type"] != "websocket.disconnect":
                pass
            pushing.cancel()

    return app


@sound(PUSH)
def raw_push_that_receives_with_a_bound():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send({"type": "websocket.accept"})
        receiving = asyncio.create_task(receive())
        try:
            while True:
                done, _ = await asyncio.wait({receiving}, timeout=1)
                if done:
                    if receiving.result()["type"] == "websocket.disconnect":
                        return
                    receiving = asyncio.create_task(receive())
                else:
                    await send({"type": "websocket.send", "text": "tick"})
        except (OSError, RuntimeError):
            return
        finally:
            receiving.cancel()

    return app


@sound(ECHO)
def raw_reader_queue_writer():
    async def app(scope, receive, send):
        websocket_only(scope)
        await receive()
        await send({"type": "websocket.accept"})
        queue = asyncio.Queue(10)

        async def write():
            with contextlib.suppress(OSError, RuntimeError):
                while True:
                    await send({"type": "websocket.send", "text": await queue.get()})
            while True:
                await queue.get()

        writing = asyncio.create_task(write())
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await queue.put(message.get("text") or f"{len(message.get('bytes') or b'')} bytes")
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing

    return app


@sound(ECHO)
def a_class_with_call():
    class Echo:
        def __init__(self, scope, receive, send):
            websocket_only(scope)
            self.receive, self.send = receive, send

        async def serve(self):
            async for message in self:
                text = message.get("text")
                if text is None:
                    await self.send({"type": "websocket.close", "code": 1003})
                    return
                await self.send({"type": "websocket.send", "text": text})

        async def __aiter__(self):
            await self.receive()
            await self.send({"type": "websocket.accept"})
            while (message := await self.receive())["type"] == "websocket.receive":
                yield message

    async def app(scope, receive, send):
        await Echo(scope, receive, send).serve()

    return app


@sound(RAISES)
def raw_raises():
    async def app(scope, receive, send):
        websocket_only(scope)
        raise LookupError("no such room")

    return app


# Starlette.


@sound(ECHO)
def starlette_endpoint_class():
    class Echo(WebSocketEndpoint):
        async def on_receive(self, websocket, data):
            await websocket.send_text(data if isinstance(data, str) else data.decode())

    return starlette(Echo)


@sound(ECHO)
def starlette_endpoint_for_text():
    class Echo(WebSocketEndpoint):
        encoding = "text"  # the class closes with 1003 for anything else, and raises as it does

        async def on_connect(self, websocket):
            await websocket.accept(headers=[])

        async def on_receive(self, websocket, data):
            await websocket.send_text(f"<{data}>")

    return starlette(Echo)


@sound(ECHO, but=[TEXT_ONLY])
def starlette_iterates_text():
    async def echo(websocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    return starlette(echo)


@sound(ECHO)
def starlette_raw_messages_behind_middleware():
    class Passing(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            return await call_next(request)

    async def echo(websocket):
        await websocket.accept()
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                if message.get("text") is not None:
                    await websocket.send_text(message["text"])
        except WebSocketDisconnect:
            pass

    layers = [Middleware(Passing), Middleware(TrustedHostMiddleware, allowed_hosts=["*"])]
    return starlette(echo, middleware=layers)


@sound(REFUSES, but=["websocket.denial.offered"])
def starlette_wrong_host():
    async def echo(websocket):
        await websocket.accept()

    return starlette(echo, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["elsewhere.invalid"])])


@sound(REFUSES)
def starlette_without_a_route():
    return Starlette()


@sound(PUSH)
def starlette_push_in_an_anyio_task_group():
    async def push(websocket):
        await websocket.accept()

        async def listen(scope):
            while (await websocket.receive())["type"] != "websocket.disconnect":
                pass
            scope.cancel()

        with contextlib.suppress(WebSocketDisconnect):
            async with anyio.create_task_group() as group:
                group.start_soon(listen, group.cancel_scope)
                try:
                    while True:
                        await websocket.send_json({"price": 1})
                        await anyio.sleep(1)
                except (WebSocketDisconnect, RuntimeError):
                    group.cancel_scope.cancel()

    return starlette(push)


# FastAPI.


def fastapi(endpoint, **options):
    app = FastAPI(**options)
    app.websocket("/")(endpoint)
    return app


@sound(ECHO, but=[TEXT_ONLY])
def fastapi_echo_with_a_finally():
    async def echo(websocket: WebSocket):
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.send_text(await websocket.receive_text())

    return fastapi(echo)


@sound(PLAIN, but=[TEXT_ONLY])
def fastapi_dependency_with_teardown():
    async def session():
        rows = ["row"]
        try:
            yield rows
        finally:
            await asyncio.sleep(0.1)
            rows.remove("row")

    async def endpoint(websocket: WebSocket, rows: list[str] = Depends(session)):  # noqa: B008
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                await websocket.send_json({"rows": rows, "for": text.encode("ascii", "replace").decode()})
        except WebSocketDisconnect:
            pass

    return fastapi(endpoint)


@sound(JSON)
def fastapi_validates_json():
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while (message := await websocket.receive())["type"] == "websocket.receive":
                try:
                    data = json.loads(message.get("text") or "", parse_constant=float.fromhex)
                    answer = {"length": len(data["text"])}
                except (ValueError, LookupError, TypeError, RecursionError) as error:
                    answer = {"error": type(error).__name__}
                await websocket.send_json(answer)

    return fastapi(endpoint)


@sound(REFUSES)
def fastapi_refuses_by_an_exception():
    async def endpoint(websocket: WebSocket):
        raise WebSocketException(1008)

    return fastapi(endpoint)


@sound(REFUSES, but=["websocket.denial.offered"])
def fastapi_refuses_by_a_status():
    async def endpoint(websocket: WebSocket):
        raise HTTPException(401)

    return fastapi(endpoint)


@sound(REFUSES)
def fastapi_denial_response():
    async def endpoint(websocket: WebSocket):
        if "websocket.http.response" in websocket.scope.get("extensions", {}):
            await websocket.send_denial_response(PlainTextResponse("no", status_code=403))
        else:
            await websocket.close()

    return fastapi(endpoint)


@sound(PLAIN)
def fastapi_login_message_with_a_deadline():
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        try:
            async with asyncio.timeout(2):
                message = await websocket.receive()
        except TimeoutError:
            await websocket.close(1008)
            return
        if message["type"] == "websocket.receive":
            with contextlib.suppress(WebSocketDisconnect):
                await websocket.close(4401)

    return fastapi(endpoint)


@sound(BROADCAST)
def fastapi_rooms_by_task_group():
    members: dict[WebSocket, asyncio.Lock] = {}

    async def tell(member, text):
        try:
            async with asyncio.timeout(20), members[member]:
                await member.send_text(text)
        except (WebSocketDisconnect, RuntimeError, TimeoutError, KeyError):
            members.pop(member, None)

    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        members[websocket] = asyncio.Lock()
        try:
            while (message := await websocket.receive())["type"] == "websocket.receive":
                if text := message.get("text"):
                    async with asyncio.TaskGroup() as group:
                        for member in list(members):
                            group.create_task(tell(member, text))
        finally:
            members.pop(websocket, None)

    return fastapi(endpoint)


@sound(BROADCAST)
def fastapi_history_of_ten():
    members, history = set(), []

    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        queue = asyncio.Queue(50)
        members.add(queue)

        async def write():
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                for text in history[-10:]:
                    await websocket.send_text(text)
                while True:
                    await websocket.send_text(await queue.get())

        writing = asyncio.create_task(write())
        try:
            while (message := await websocket.receive())["type"] == "websocket.receive":
                text = message.get("text") or "?"
                for member in members:
                    with contextlib.suppress(asyncio.QueueFull):
                        member.put_nowait(text)
        finally:
            members.discard(queue)
            writing.cancel()

    return fastapi(endpoint)


def cases(name):
    make, routes, _ = SOUND[name]
    target = Target(name, routes=routes)
    return make, [case for case in plan(CHECKS, target, "in-process", InProcess.abilities) if not case.not_applicable]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", SOUND)
def test_sound_application_is_not_accused(name):
    make, chosen = cases(name)
    verdicts = [
        run_case(case, lambda case, transcript: InProcess(make(), raise_app_exceptions=False, transcript=transcript))
        for case in chosen
    ]
    accused = {v.check: f"expected {v.expected}, observed {v.observed}" for v in verdicts if v.broken}
    unclear = {v.check: v.observed for v in verdicts if v.outcome is Outcome.COULD_NOT_RUN}
    assert {check: text for check, text in accused.items() if check not in SOUND[name][2]} == {}
    assert unclear == {}
    assert SOUND[name][2] <= set(accused), "these are not broken any more"


def test_every_check_met_a_sound_application():
    met = {case.check.id for name in SOUND for case in cases(name)[1]}
    elsewhere = {check.id for check in CHECKS if check.id.startswith("websocket.graphql.")}
    assert sorted({check.id for check in CHECKS} - met - elsewhere) == []
