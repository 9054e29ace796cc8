"""Sound applications in many styles: no check of the middleware and lifespan areas may accuse them."""

import asyncio
import contextlib
import contextvars
import functools
import logging
import threading
import zlib

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, WebSocketRoute
from starlette.routing import Route as StarletteRoute

from asgi_conformance import catalogue
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.pattern import Route
from asgi_conformance.runner import IN_PROCESS, plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.suite in {"middleware", "lifespan"}]
HTTP = frozenset({"http", "http.finite"})
STREAM = HTTP | {"http.stream"}
ENDLESS = frozenset({"http", "http.stream", "http.endless"})
LIFESPAN = frozenset({"lifespan", "lifespan.restart"})
APPS = {}


def sound(*routes, capabilities=frozenset(), promises=None):
    """Register the factory of a sound application."""

    def register(factory):
        APPS[factory.__name__] = (factory, routes, frozenset(capabilities), promises or {})
        return factory

    return register


def verdicts(name):
    factory, routes, capabilities, promises = APPS[name]
    target = Target(name, None, None, routes, capabilities | frozenset(promises), promises)

    def driver(_, transcript):
        return InProcess(factory(), raise_app_exceptions=False, transcript=transcript)

    return [run_case(case, driver) for case in plan(CHECKS, target, IN_PROCESS, InProcess.abilities)]


async def plain(send, body=b"hello", status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": [*headers]})
    await send({"type": "http.response.body", "body": body})


# Applications without a framework.


@sound(Route("GET", "/", HTTP))
def raw_function_that_raises_for_lifespan():
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        await plain(send)

    return app


@sound(Route("GET", "/", HTTP))
def raw_function_that_ignores_other_scopes():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await plain(send)

    return app


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN)
def raw_class_with_lifespan_loop():
    class App:
        async def __call__(self, scope, receive, send):
            if scope["type"] == "http":
                await plain(send)
                return
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return

    return App()


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN)
def lifespan_is_answered_by_the_outer_application():
    """A dispatcher that has a lifespan of its own around an application that has none."""

    async def inner(scope, receive, send):
        assert scope["type"] == "http"
        await plain(send)

    class Dispatcher:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            if scope["type"] != "lifespan":
                await self.app(scope, receive, send)
                return
            for _ in range(2):
                await send({"type": f"{(await receive())['type']}.complete"})

    return Dispatcher(inner)


@sound(Route("GET", "/", HTTP), Route("GET", "/none", HTTP), Route("GET", "/moved", HTTP))
def raw_partial_that_answers_204_and_redirects():
    async def app(greeting, scope, receive, send):
        if scope["type"] != "http":
            raise ValueError("no")
        if scope["path"] == "/none":
            await plain(send, b"", 204)
        elif scope["path"] == "/moved":
            await plain(send, b"", 307, [(b"location", b"/")])
        else:
            await plain(send, greeting)

    return functools.partial(app, b"good day")


# Layers in different styles.


def with_closure(app):
    async def layer(scope, receive, send):
        await app(scope, receive, send)

    return layer


class Plain:
    def __init__(self, app):
        self.app = app


class WithSlots:
    __slots__ = ("_app",)

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        await self._app({**scope}, receive, send)


class Queued:
    """Passes messages on through a queue of limited size, as request-response layers do."""

    def __init__(self, app, size=4):
        self.app = app
        self.size = size

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        queue = asyncio.Queue(self.size)

        async def pump():
            while (message := await queue.get()) is not None:
                await send(message)

        async def inside():
            await self.app(scope, receive, queue.put)
            await queue.put(None)

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pump())
                group.create_task(inside())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None


class Deflate:
    """Compresses what streams, and flushes after each part."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        compressor = zlib.compressobj()

        async def compressed(message):
            if message["type"] == "http.response.start":
                headers = [pair for pair in message.get("headers", ()) if pair[0] != b"content-length"]
                message = {**message, "headers": [*headers, (b"content-encoding", b"deflate")]}
            elif message["type"] == "http.response.body":
                mode = zlib.Z_SYNC_FLUSH if message.get("more_body") else zlib.Z_FINISH
                body = compressor.compress(message.get("body", b"")) + compressor.flush(mode)
                message = {**message, "body": body}
            await send(message)

        await self.app(scope, receive, compressed)


class ReadsBody:
    """Reads the request body and gives it back."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        given = False

        async def again():
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)


class RefusesSockets:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self.app(scope, receive, send)


class Gate:
    """Answers 401 itself."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and not any(name == b"authorization" for name, _ in scope["headers"]):
            await plain(send, b"who are you?", 401, [(b"x-custom", b"1")])
        else:
            await self.app(scope, receive, send)


class Passing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


async def ticks():
    for number in range(40):
        yield f"{number}\n"
        await asyncio.sleep(1)


async def for_ever():
    while True:
        yield "data: tick\n\n"
        await asyncio.sleep(1)


def at_once():
    yield from (f"row {number}\n" for number in range(600))


def endpoints(*middleware, lifespan=None):
    async def upload(request):
        return JSONResponse({"size": len(await request.body())})

    async def fails(request):
        raise RuntimeError("unexpected")

    async def fails_midway(request):
        async def half():
            yield "half"
            raise RuntimeError("no more")

        return StreamingResponse(half())

    async def echo(websocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    async def background(request):
        return PlainTextResponse("later", background=BackgroundTask(asyncio.sleep, 5))

    routes = [
        StarletteRoute("/", lambda request: PlainTextResponse("hello")),
        StarletteRoute("/ticks", lambda request: StreamingResponse(ticks())),
        StarletteRoute("/events", lambda request: StreamingResponse(for_ever(), media_type="text/event-stream")),
        StarletteRoute("/rows", lambda request: StreamingResponse(at_once())),
        StarletteRoute("/background", background),
        StarletteRoute("/upload", upload, methods=["POST"]),
        StarletteRoute("/fails", fails),
        StarletteRoute("/midway", fails_midway),
        WebSocketRoute("/ws", echo),
    ]
    return Starlette(routes=routes, middleware=[Middleware(layer) for layer in middleware], lifespan=lifespan)


EVERY = (
    Route("GET", "/", HTTP),
    Route("GET", "/ticks", STREAM),
    Route("GET", "/events", ENDLESS | {"sse"}),
    Route("GET", "/rows", STREAM),
    Route("GET", "/background", HTTP | {"http.background"}),
    Route("POST", "/upload", HTTP | {"http.upload"}, body=b"x" * 5000),
    Route("GET", "/fails", frozenset({"http.raises"})),
    Route("GET", "/midway", frozenset({"http.raises-midway"})),
    Route("GET", "/ws", frozenset({"websocket"})),
)
BUT_MIDWAY = tuple(route for route in EVERY if route.path != "/midway")


@sound(*EVERY, capabilities=LIFESPAN)
def starlette_without_layers():
    return endpoints()


@sound(*EVERY, capabilities=LIFESPAN)
def layers_as_closure_and_slots():
    return with_closure(WithSlots(endpoints(with_closure)))


@sound(*EVERY, capabilities=LIFESPAN)
def bounded_queues():
    return Queued(endpoints(Queued))


@sound(*EVERY, capabilities=LIFESPAN)
def compressed_streams():
    return Deflate(endpoints())


@sound(*EVERY, capabilities=LIFESPAN)
def gzip_of_the_framework():
    return endpoints(GZipMiddleware)


# BaseHTTPMiddleware ends a stream that failed midway as if it were whole, which is a finding.
@sound(*BUT_MIDWAY, capabilities=LIFESPAN)
def three_request_response_layers():
    return endpoints(Passing, Passing, Passing)


@sound(*EVERY, capabilities=LIFESPAN)
def body_read_and_given_back():
    return ReadsBody(endpoints())


@sound(*EVERY, capabilities=LIFESPAN)
def websockets_refused_by_a_layer():
    return endpoints(RefusesSockets)


@sound(*BUT_MIDWAY[:6], capabilities=LIFESPAN, promises={"middleware.header": "x-custom"})
def gate_that_answers_401():
    return Gate(endpoints())


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN, promises={"middleware.order": "ReadsBody > Passing"})
def order_in_constructor():
    return endpoints(ReadsBody, Passing)


@sound(Route("GET", "/fails", frozenset({"http.raises"})), capabilities=frozenset({"lifespan"}))
def errors_are_logged_and_answered():
    class Logs:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            try:
                await self.app(scope, receive, send)
            except Exception:
                logger = logging.getLogger("quiet")
                logger.propagate = False
                logger.exception("failed")

    logging.getLogger("quiet").addHandler(logging.NullHandler())
    return Logs(endpoints())


@sound(
    Route("GET", "/", HTTP),
    capabilities=LIFESPAN,
    promises={"middleware.request-id": "x-id", "middleware.header": "x-id"},
)
def id_in_a_context_variable():
    current = contextvars.ContextVar("current")
    numbers = iter(range(1000))

    class Identify:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            if scope["type"] != "http":
                await self.app(scope, receive, send)
                return
            current.set(f"id-{next(numbers):04}")

            async def marked(message):
                if message["type"] == "http.response.start":
                    message = {**message, "headers": [*message["headers"], (b"x-id", current.get().encode())]}
                await send(message)

            await self.app(scope, receive, marked)

    async def root(request):
        await asyncio.sleep(1)
        return PlainTextResponse(current.get())

    return Identify(Starlette(routes=[StarletteRoute("/", root)]))


@sound(
    Route("GET", "/", HTTP),
    promises={"middleware.cors-origin": "https://example.com", "middleware.cors-credentials": "yes"},
)
def cors_written_by_hand():
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise ValueError("no")
        origin = dict(scope["headers"]).get(b"origin")
        headers = [(b"vary", b"origin")]
        headers += [(b"access-control-allow-origin", origin)] if origin == b"https://example.com" else []
        status = 204 if scope["method"] == "OPTIONS" else 200 if scope["path"] == "/" else 404
        await plain(send, b"" if status == 204 else b"hello", status, headers)

    return app


# Lifespans in different styles.


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN | {"lifespan.state"})
def worker_in_a_task_group():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        async def work():
            while True:
                await asyncio.sleep(1)

        async with asyncio.TaskGroup() as group:
            worker = group.create_task(work())
            try:
                yield {"worker": worker}
            finally:
                worker.cancel()

    return endpoints(lifespan=lifespan)


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN)
def slow_startup_and_shutdown():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        await asyncio.sleep(30)
        await asyncio.to_thread(sum, range(1000))
        yield
        await asyncio.sleep(20)

    return endpoints(lifespan=lifespan)


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN)
def thread_that_is_told_to_stop_and_not_joined():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        stop = threading.Event()
        threading.Thread(target=stop.wait, args=(10,)).start()
        try:
            yield
        finally:
            stop.set()

    return endpoints(lifespan=lifespan)


@sound(Route("GET", "/", HTTP), capabilities=frozenset({"lifespan"}))
def lifespan_that_refuses_a_second_start():
    started = False

    @contextlib.asynccontextmanager
    async def lifespan(app):
        nonlocal started
        if started:
            raise RuntimeError("a session manager runs once")
        started = True
        yield

    return endpoints(lifespan=lifespan)


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN)
def lifespan_in_a_task_of_its_own():
    """Startup and shutdown run in a worker task, as some frameworks do to keep one context."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await plain(send)
            return
        if scope["type"] != "lifespan":
            raise ValueError("no")
        stop = asyncio.Event()
        ready = asyncio.Event()

        async def resources():
            ready.set()
            await stop.wait()

        await receive()
        task = asyncio.create_task(resources())
        try:
            await ready.wait()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        finally:
            stop.set()
            await task
        await send({"type": "lifespan.shutdown.complete"})

    return app


@sound(Route("GET", "/sub/", HTTP), capabilities=LIFESPAN)
def mounted_application():
    inner = FastAPI()

    @inner.get("/")
    async def root():
        return {"a": 1}

    return Starlette(routes=[Mount("/sub", app=inner)])


@sound(Route("GET", "/sub/", HTTP), capabilities=LIFESPAN)
def mounted_application_whose_lifespan_is_entered():
    @contextlib.asynccontextmanager
    async def nothing(app):
        yield

    inner = FastAPI(lifespan=nothing)

    @inner.get("/")
    async def root():
        return {"a": 1}

    @contextlib.asynccontextmanager
    async def both(app):
        async with inner.router.lifespan_context(inner):
            yield

    outer = FastAPI(lifespan=both)
    outer.mount("/sub", inner)
    return outer


@sound(Route("GET", "/sub/", HTTP), capabilities=LIFESPAN)
def mounted_application_with_routers_but_nothing_to_start():
    router = APIRouter()

    @router.get("/")
    async def root():
        return {"a": 1}

    inner = FastAPI()
    inner.include_router(router)
    outer = FastAPI()
    outer.mount("/sub", inner)
    return outer


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN)
def handlers_of_an_included_router():
    started = []
    router = APIRouter(on_startup=[lambda: started.append(1)], on_shutdown=[started.clear])

    @router.get("/")
    async def root():
        return started

    app = FastAPI()
    app.include_router(router)
    return app


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN)
def lifespan_messages_through_queues():
    """A layer runs the application inside in a task, and passes on what it says."""

    class Relay(Plain):
        async def __call__(self, scope, receive, send):
            said = asyncio.Queue()

            async def inside():
                await self.app(scope, receive, said.put)
                await said.put(None)

            task = asyncio.create_task(inside())
            try:
                while (message := await said.get()) is not None:
                    await send(message)
                await task
            finally:
                task.cancel()

    return Relay(Starlette(routes=[StarletteRoute("/", lambda _: PlainTextResponse("hello"))]))


@sound(Route("GET", "/", HTTP), capabilities=LIFESPAN)
def decorated_fastapi_with_dependency():
    app = FastAPI()

    @app.middleware("http")
    async def stamp(request: Request, call_next):
        response: Response = await call_next(request)
        response.headers["x-stamp"] = "1"
        return response

    @app.get("/")
    def root():
        return {"a": 1}

    return app


SLOW = {"thread_that_is_told_to_stop_and_not_joined"}


@pytest.mark.sampled(12)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in APPS]
)
def test_nobody_is_accused(name):
    wrong = [
        f"{verdict.check} {verdict.route}: expected {verdict.expected}, observed {verdict.observed}"
        for verdict in verdicts(name)
        if verdict.outcome in {Outcome.FAILED, Outcome.WARNED, Outcome.COULD_NOT_RUN}
    ]
    assert wrong == []
