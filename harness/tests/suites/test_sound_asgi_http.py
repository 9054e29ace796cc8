"""Sound applications in many styles, none of which the asgi and http suites may accuse."""

import asyncio
import contextlib
import http
import json
import os
import time

import pytest
from fastapi import Depends, FastAPI, HTTPException, UploadFile
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount
from starlette.routing import Route as Path

from asgi_conformance import catalogue
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.pattern import Route
from asgi_conformance.runner import Case, plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.suite in {"asgi", "http"}]
GET = Route("GET", "/", {"http"})
STREAM = Route("GET", "/", {"http", "http.stream"})
FINITE = Route("GET", "/", {"http", "http.stream", "http.finite"})
ECHO = Route("POST", "/", {"http", "http.upload"}, body="grüße, 1 2 3\r\n".encode())
TEXT = [(b"content-type", b"text/plain")]

SOUND = {}


def sound(*routes, but=()):
    """Register an application, and the checks that it breaks nevertheless, with good reason."""

    def register(make):
        SOUND[make.__name__] = (make, routes, frozenset(but))
        return make

    return register


def http_only(scope):
    if scope["type"] != "http":
        raise RuntimeError(f"no {scope['type']} here")


async def drained(receive):
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client has left")
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


# Raw functions.


@sound(GET)
def raw_minimal():
    async def app(scope, receive, send):
        http_only(scope)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    return app


@sound(GET)
def raw_unknown_scope_asserts():
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": http.HTTPStatus.OK, "headers": iter([[b"x-a", b"1"]])})
        await send({"type": "http.response.body", "body": b"hello", "more_body": False})

    return app


@sound(GET)
def raw_with_lifespan_loop():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        http_only(scope)
        await drained(receive)
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        await send({"type": "http.response.body", "body": b"hello"})

    return app


@sound(GET)
def raw_head_aware():
    async def app(scope, receive, send):
        http_only(scope)
        body = b"hello"
        headers = [*TEXT, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return app


@sound(GET)
def raw_head_without_length():
    async def app(scope, receive, send):
        http_only(scope)
        length = [] if scope["method"] == "HEAD" else [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else b"hello"})

    return app


@sound(GET)
def raw_counter():
    """The content grows, so that the length of HEAD cannot be known."""
    hits = 7

    async def app(scope, receive, send):
        nonlocal hits
        http_only(scope)
        hits += 1
        body = str(hits).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    return app


@sound(FINITE)
def raw_empty_chunks():
    async def app(scope, receive, send):
        http_only(scope)
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        for piece in (b"", b"a", b"", b"", b"b", b""):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "more_body": False})

    return app


@sound(STREAM)
def raw_endless_with_listener():
    async def app(scope, receive, send):
        http_only(scope)

        async def left():
            while (await receive())["type"] != "http.disconnect":
                pass

        async def ticks():
            await send({"type": "http.response.start", "status": 200, "headers": TEXT})
            while True:
                await send({"type": "http.response.body", "body": b"tick\n", "more_body": True})
                await asyncio.sleep(1)

        tasks = [asyncio.create_task(left()), asyncio.create_task(ticks())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    return app


@sound(STREAM)
def raw_endless_that_polls_every_quarter_of_a_minute():
    async def app(scope, receive, send):
        http_only(scope)
        await drained(receive)
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        while True:
            await send({"type": "http.response.body", "body": b": keep-alive\n\n", "more_body": True})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(15):
                    if (await receive())["type"] == "http.disconnect":
                        return

    return app


@sound(STREAM)
def raw_quiet_stream():
    """Starts, and then has nothing to say."""

    async def app(scope, receive, send):
        http_only(scope)
        await drained(receive)
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        while (await receive())["type"] != "http.disconnect":
            pass

    return app


@sound(FINITE)
def raw_finite_that_never_listens():
    async def app(scope, receive, send):
        http_only(scope)
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        for number in range(20):
            await asyncio.sleep(0.5)
            await send({"type": "http.response.body", "body": b"%d\n" % number, "more_body": True})
        await send({"type": "http.response.body"})

    return app


@sound(FINITE)
def raw_flood_without_await():
    """A lot at once, but it ends."""

    async def app(scope, receive, send):
        http_only(scope)
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        for _ in range(3000):
            await send({"type": "http.response.body", "body": b"x" * 100, "more_body": True})
        await send({"type": "http.response.body"})

    return app


@sound(GET)
def raw_slow_endpoint():
    async def app(scope, receive, send):
        http_only(scope)
        await asyncio.sleep(9)
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b"at last"})

    return app


@sound(GET)
def raw_long_poll():
    """Answers 204 when nothing happens, or leaves with its client."""

    async def app(scope, receive, send):
        http_only(scope)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(8):
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


@sound(GET)
def raw_204():
    async def app(scope, receive, send):
        http_only(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


@sound(GET)
def raw_304_with_length():
    """A 304 may tell the length of what it does not send."""

    async def app(scope, receive, send):
        http_only(scope)
        headers = [(b"etag", b'W/"1"'), (b"content-length", b"500")]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body"})

    return app


@sound(GET)
def raw_refuses_with_early_return():
    async def app(scope, receive, send):
        http_only(scope)
        status, headers = (405, [(b"allow", b"GET")]) if scope["method"] != "GET" else (404, [])
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"no"})

    return app


@sound(GET)
def raw_unauthorized():
    async def app(scope, receive, send):
        http_only(scope)
        headers = [(b"www-authenticate", b"Basic"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b"who are you?"})

    return app


@sound(Route("GET", "/", {"http", "http.raises"}))
def raw_raises():
    """Leaves the 500 to the server."""

    async def app(scope, receive, send):
        http_only(scope)
        raise LookupError("no such row")

    return app


@sound(Route("GET", "/", {"http", "http.raises-midway"}))
def raw_raises_midway():
    async def app(scope, receive, send):
        http_only(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise LookupError("no such row")

    return app


@sound(GET)
def raw_returns_on_send_error():
    async def app(scope, receive, send):
        http_only(scope)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": TEXT})
            for _ in range(5):
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await send({"type": "http.response.body"})
        except OSError:
            return

    return app


@sound(GET)
def raw_lazy_worker():
    """The first request starts a worker that serves all of them."""
    state = {}

    async def worker():
        while True:
            await asyncio.sleep(60)

    async def app(scope, receive, send):
        http_only(scope)
        state.setdefault("task", None)
        if state["task"] is None or state["task"].done():
            state["task"] = asyncio.create_task(worker())
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


@sound(GET)
def raw_fire_and_forget():
    """A task for each request that ends after half an hour."""
    tasks = set()

    async def app(scope, receive, send):
        http_only(scope)
        task = asyncio.create_task(asyncio.sleep(1800))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await send({"type": "http.response.start", "status": 202, "headers": TEXT})
        await send({"type": "http.response.body", "body": b"accepted"})

    return app


@sound(GET)
def raw_work_after_the_response():
    async def app(scope, receive, send):
        http_only(scope)
        await send({"type": "http.response.start", "status": 202, "headers": TEXT})
        await send({"type": "http.response.body", "body": b"accepted"})
        await asyncio.sleep(1200)

    return app


@sound(GET)
def raw_copies_the_scope():
    async def inner(scope, receive, send):
        scope["headers"].append((b"x-inner", b"1"))
        scope["state"] = {"x": 1}
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        await send({"type": "http.response.body", "body": b"ok"})

    async def app(scope, receive, send):
        http_only(scope)
        await inner({**scope, "headers": [*scope["headers"], (b"x-outer", b"1")], "path": "/x"}, receive, send)

    return app


@sound(ECHO)
def raw_echo():
    async def app(scope, receive, send):
        http_only(scope)
        body = await drained(receive)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    return app


@sound(ECHO)
def raw_echo_piece_by_piece():
    async def app(scope, receive, send):
        http_only(scope)
        started = False
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            if not started:
                started = True
                await send({"type": "http.response.start", "status": 200, "headers": TEXT})
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})

    return app


class Application:
    """An application that is an object."""

    async def __call__(self, scope, receive, send):
        http_only(scope)
        await send({"type": "http.response.start", "status": 200, "headers": ((b"x-a", b"1"), (b"x-a", b"2"))})
        await send({"type": "http.response.body", "body": b"hello"})


@sound(GET)
def class_based():
    return Application()


# Starlette and FastAPI.


@sound(Route("GET", "/hello", {"http"}), Route("GET", "/missing", {"http"}), Route("GET", "/old", {"http"}))
def starlette_plain():
    async def hello(request):
        return PlainTextResponse("hello")

    return Starlette(routes=[Path("/hello", hello), Path("/old", lambda request: RedirectResponse("/hello"))])


@sound(Route("GET", "/", {"http"}), Route("POST", "/", {"http"}))
def starlette_endpoint_class():
    class Home(HTTPEndpoint):
        async def get(self, request):
            return Response("<p>hello", media_type="text/html", headers={"ETag": '"1"'})

    return Starlette(routes=[Path("/", Home)])


@sound(Route("GET", "/sub/hello", {"http"}), Route("GET", "/sub", {"http"}))
def starlette_mounted():
    sub = Starlette(routes=[Path("/hello", lambda request: JSONResponse({"root": request.scope["root_path"]}))])
    return Starlette(routes=[Mount("/sub", sub)])


@sound(FINITE)
def starlette_sync_generator():
    def rows():
        for number in range(50):
            yield f"{number}\n"

    return Starlette(routes=[Path("/", lambda request: StreamingResponse(rows()))])


@sound(STREAM)
def starlette_endless_generator():
    async def ticks():
        while True:
            yield "tick\n"
            await asyncio.sleep(1)

    return Starlette(routes=[Path("/", lambda request: StreamingResponse(ticks()))])


@sound(STREAM)
def starlette_endless_flood():
    """Never waits for anything but its turn."""

    async def ticks():
        while True:
            yield "tick\n"
            await asyncio.sleep(0)

    return Starlette(routes=[Path("/", lambda request: StreamingResponse(ticks()))])


@sound(STREAM)
def starlette_stream_that_polls():
    async def home(request):
        async def ticks():
            while not await request.is_disconnected():
                yield "tick\n"
                await asyncio.sleep(2)

        return StreamingResponse(ticks())

    return Starlette(routes=[Path("/", home)])


@sound(GET)
def starlette_long_background_task():
    async def work():
        await asyncio.sleep(1800)

    return Starlette(routes=[Path("/", lambda request: PlainTextResponse("ok", background=BackgroundTask(work)))])


@sound(GET)
def starlette_thread():
    def home(request):
        time.sleep(0.01)
        return PlainTextResponse("ok")

    return Starlette(routes=[Path("/", home)])


@sound(GET)
def starlette_file(tmp_path_factory=None):
    return Starlette(routes=[Path("/", lambda request: FileResponse(__file__))])


@sound(GET, FINITE)
def starlette_middleware_stack():
    async def timing(request, call_next):
        response = await call_next(request)
        response.headers["x-time"] = "1"
        return response

    async def home(request):
        return StreamingResponse(iter(["a" * 600, "b" * 600]), media_type="text/plain")

    layers = [
        Middleware(TrustedHostMiddleware, allowed_hosts=["*"]),
        Middleware(CORSMiddleware, allow_origins=["*"]),
        Middleware(BaseHTTPMiddleware, dispatch=timing),
        Middleware(BaseHTTPMiddleware, dispatch=timing),
    ]
    return Starlette(routes=[Path("/", home)], middleware=layers)


@sound(Route("GET", "/", {"http"}, headers=((b"accept-encoding", b"gzip"),)))
def starlette_gzip():
    async def home(request):
        return PlainTextResponse("a" * 2000)

    return Starlette(routes=[Path("/", home)], middleware=[Middleware(GZipMiddleware)])


@sound(
    GET,
    Route("GET", "/items/1", {"http"}),
    Route("GET", "/items/x", {"http"}),
    Route("DELETE", "/items/1", {"http"}),
    Route("GET", "/teapot", {"http"}),
)
def fastapi_plain():
    app = FastAPI()

    async def connection():
        yield {"open": True}

    @app.get("/")
    def home():
        return {"hello": "world"}

    @app.get("/items/{number}")
    async def item(number: int, db: dict = Depends(connection)):  # noqa: B008
        return {"number": number, **db}

    @app.delete("/items/{number}", status_code=204)
    async def delete(number: int):
        return None

    @app.get("/teapot")
    async def teapot():
        raise HTTPException(418, "I am a teapot")

    return app


@sound(Route("GET", "/", {"http", "http.raises"}))
def fastapi_raises():
    app = FastAPI()

    @app.get("/")
    def home():
        raise ZeroDivisionError

    return app


def offering(scope, name):
    return f"http.response.{name}" in (scope.get("extensions") or {})


@sound(GET)
def raw_extensions_used_right():
    """Uses what is offered, each in its place."""

    async def app(scope, receive, send):
        http_only(scope)
        if offering(scope, "debug"):
            await send({"type": "http.response.debug", "info": {"template": "a.html"}})
        start = {"type": "http.response.start", "status": 200, "headers": TEXT}
        trailing = offering(scope, "trailers")
        if trailing:
            start |= {"trailers": True, "headers": [*TEXT, (b"trailer", b"x-sum, x-end")]}
        await send(start)
        if offering(scope, "early_hint"):
            await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
        if offering(scope, "push"):
            await send({"type": "http.response.push", "path": "/a.css", "headers": []})
        if offering(scope, "zerocopysend"):
            with open(__file__, "rb") as file:
                await send({"type": "http.response.zerocopysend", "file": file, "count": 5, "more_body": True})
        await send({"type": "http.response.body", "body": b"hello"})
        if trailing:
            await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": True})
            await send({"type": "http.response.trailers", "headers": [(b"x-end", b"1")]})

    return app


@sound(GET)
def raw_pathsend():
    async def app(scope, receive, send):
        http_only(scope)
        headers = [*TEXT, (b"content-length", b"%d" % os.path.getsize(__file__))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if offering(scope, "pathsend"):
            await send({"type": "http.response.pathsend", "path": __file__})
            return
        with open(__file__, "rb") as file:
            await send({"type": "http.response.body", "body": file.read()})

    return app


@sound(GET)
def raw_with_open_socket():
    """Holds a socket, as to a database, so that virtual time runs at wall speed."""
    held = []

    async def app(scope, receive, send):
        http_only(scope)
        if not held:
            held.append(await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0))
        await drained(receive)
        await send({"type": "http.response.start", "status": 200, "headers": TEXT})
        await send({"type": "http.response.body", "body": b"ready"})

    return app


@sound(Route("GET", "/", {"http", "http.background"}), Route("GET", "/sync", {"http", "http.background"}))
def starlette_background():
    async def timing(request, call_next):
        return await call_next(request)

    async def work():
        await asyncio.sleep(1)

    def sync_work():
        time.sleep(0.01)

    routes = [
        Path("/", lambda request: PlainTextResponse("ok", background=BackgroundTask(work))),
        Path("/sync", lambda request: PlainTextResponse("ok", background=BackgroundTask(sync_work))),
    ]
    return Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=timing)])


@sound(STREAM)
def raw_one_stream_at_a_time():
    """Refuses a second stream, which is an answer."""
    busy = asyncio.Semaphore(1)

    async def app(scope, receive, send):
        http_only(scope)
        if busy.locked():
            await send({"type": "http.response.start", "status": 503, "headers": [(b"retry-after", b"5")]})
            await send({"type": "http.response.body", "body": b"busy"})
            return
        async with busy:
            await send({"type": "http.response.start", "status": 200, "headers": TEXT})
            while (await receive())["type"] != "http.disconnect":
                pass

    return app


FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\n'


@sound(Route("POST", "/", {"http", "http.upload"}, ((b"content-type", b"multipart/form-data; boundary=b"),), FORM))
def fastapi_upload():
    app = FastAPI()

    @app.post("/")
    async def upload(file: UploadFile):
        return {"size": len(await file.read())}

    return app


@sound(Route("POST", "/", {"http", "http.upload"}, ((b"content-type", b"application/json"),), b'{"a": [1, 2]}'))
def starlette_json():
    async def home(request):
        return JSONResponse(json.loads(await request.body()))

    return Starlette(routes=[Path("/", home, methods=["POST"])])


def cases(name):
    make, routes, but = SOUND[name]
    target = Target(name, routes=tuple(routes))
    for case in plan(CHECKS, target, "in-process", InProcess.abilities):
        if case.not_applicable is None:
            yield case, make, but


# Many of them leave the media type out, which is not what they are about.
UNTYPED = "http.content-type.present"
SLOW = {"raw_with_open_socket"}  # time is real beside an open socket


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in SOUND]
)
def test_sound_application_is_not_accused(name: str) -> None:
    accused = {}
    for case, make, but in cases(name):

        def driver(_case: Case, transcript, make=make):
            return InProcess(make(), raise_app_exceptions=False, transcript=transcript)

        verdict = run_case(case, driver)
        if verdict.outcome not in {Outcome.PASSED, Outcome.NOT_APPLICABLE} and verdict.check not in {*but, UNTYPED}:
            accused[verdict.check, str(case.route)] = (verdict.outcome.value, verdict.expected, verdict.observed)
    assert accused == {}
