"""Sound layers in many styles: no check about layers may accuse them of what is their purpose."""

import asyncio
import contextlib
import contextvars
import gzip
import hashlib
import zlib

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount
from starlette.routing import Route as StarletteRoute

from asgi_conformance import catalogue
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.known_app import CAPABILITIES, PROMISES, ROUTES, known_app
from asgi_conformance.pattern import Route
from asgi_conformance.runner import IN_PROCESS, plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.suite == "middleware"]
FINITE = frozenset({"http", "http.finite"})
LAYERS = {}
APPS = {}


KEPT = {name: value for name, value in PROMISES.items() if name != "middleware.unchanged"}


def layer(*but, promises=KEPT):
    """Register a layer that is put around the known application; `but` are capabilities of routes to leave out."""

    def register(wrap):
        LAYERS[wrap.__name__] = (wrap, frozenset(but), promises)
        return wrap

    return register


def app(*routes, promises=None, capabilities=frozenset()):
    """Register the factory of a whole application."""

    def register(factory):
        APPS[factory.__name__] = (factory, routes, promises or {}, frozenset(capabilities))
        return factory

    return register


def wrong(target, make):
    def driver(_, transcript):
        return InProcess(make(), raise_app_exceptions=False, transcript=transcript)

    return [
        f"{verdict.check} {verdict.route}: expected {verdict.expected}, observed {verdict.observed}"
        for verdict in (run_case(case, driver) for case in plan(CHECKS, target, IN_PROCESS, InProcess.abilities))
        if verdict.outcome in {Outcome.FAILED, Outcome.WARNED, Outcome.COULD_NOT_RUN}
    ]


def http_only(handle):
    """A layer as a function of (app, scope, receive, send) for HTTP; everything else passes."""

    def wrap(inner):
        async def around(scope, receive, send):
            if scope["type"] == "http":
                await handle(inner, scope, receive, send)
            else:
                await inner(scope, receive, send)

        return around

    wrap.__name__ = handle.__name__
    return wrap


# Layers that change messages on purpose.


@layer()
@http_only
async def splits_large_bodies(inner, scope, receive, send):
    """More messages than came from inside, none of them empty."""

    async def split(message):
        body = message.get("body", b"")
        if message["type"] == "http.response.body" and len(body) > 1000:
            for start in range(0, len(body), 1000):
                last = start + 1000 >= len(body) and not message.get("more_body")
                await send({**message, "body": body[start : start + 1000], "more_body": not last})
        else:
            await send(message)

    await inner(scope, receive, split)


@layer()
@http_only
async def adds_a_footer(inner, scope, receive, send):
    """A message of its own behind plain texts, and no length."""

    async def footed(message):
        if message["type"] == "http.response.start":
            headers = [pair for pair in message.get("headers", []) if pair[0] not in {b"content-length", b"etag"}]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body" and not message.get("more_body") and message.get("body"):
            await send({**message, "more_body": True})
            message = {"type": "http.response.body", "body": b"\nthe end\n", "more_body": False}
        await send(message)

    await inner(scope, receive, footed)


@layer("http.stream", "http.raises-midway", "http.trailers", "http.file", "http.background")
@http_only
async def answers_304_for_known_tags(inner, scope, receive, send):
    """Collects short responses, tags them, and leaves the body out where the client has it."""
    start, body = {}, []

    async def collected(message):
        if message["type"] == "http.response.start":
            start.update(message)
            return
        body.append(message.get("body", b""))
        tag = b'"%s"' % hashlib.sha256(b"".join(body)).hexdigest()[:8].encode()
        known = dict(scope["headers"]).get(b"if-none-match") == tag
        headers = [pair for pair in start["headers"] if not known or pair[0] != b"content-length"]
        await send({**start, "status": 304 if known else start["status"], "headers": [*headers, (b"etag", tag)]})
        await send({"type": "http.response.body", "body": b"" if known else b"".join(body)})

    await inner(scope, receive, collected)


@layer("http.stream", "http.raises-midway", "http.trailers")
@http_only
async def compresses_and_changes_tags(inner, scope, receive, send):
    """Compression by hand: length, vary and tag are right."""
    if b"gzip" not in dict(scope["headers"]).get(b"accept-encoding", b""):
        await inner(scope, receive, send)
        return
    start = {}

    async def compressed(message):
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body" and message.get("body"):
            body = gzip.compress(message["body"], mtime=0)
            kept = [pair for pair in start["headers"] if pair[0] not in {b"content-length", b"etag"}]
            length = (b"content-length", str(len(body)).encode())
            own = [length, (b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"), (b"etag", b'"gzipped"')]
            await send({**start, "headers": [*kept, *own]})
            await send({**message, "body": body})
        else:
            await send(start)
            await send(message)

    await inner(scope, receive, compressed)


@layer("http.trailers")
@http_only
async def sends_files_as_bodies(inner, scope, receive, send):
    """Takes the path out of the offer's answer: a file goes out as bytes."""
    if scope.get("extensions"):
        scope = {**scope, "extensions": {"http.response.pathsend": {}}}

    async def read(message):
        if message["type"] == "http.response.pathsend":
            with open(message["path"], "rb") as file:
                message = {"type": "http.response.body", "body": file.read(), "more_body": False}
        await send(message)

    await inner(scope, receive, read)


@layer()
@http_only
async def offers_no_extensions(inner, scope, receive, send):
    """Takes what it does not know out of a copy of the scope."""

    async def strict(message):
        assert message["type"] in {"http.response.start", "http.response.body"}
        await send(message)

    await inner({**scope, "extensions": {}}, receive, strict)


@layer("http.raises")
@http_only
async def translates_exceptions(inner, scope, receive, send):
    """One exception for another, with its cause."""
    try:
        await inner(scope, receive, send)
    except RuntimeError as error:
        raise LookupError("translated") from error


@layer()
def takes_groups_apart(inner):
    """Runs the application inside in a task group, and lets single exceptions out as themselves."""

    async def around(scope, receive, send):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(inner(scope, receive, send), context=contextvars.copy_context())
        except BaseExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise

    return around


takes_groups_apart_promises = {"background.count": "/count"}
LAYERS["takes_groups_apart"] = (takes_groups_apart, frozenset(), takes_groups_apart_promises)


# Layers that wait, limit, remember.


@layer()
def limits_concurrency(inner):
    places = asyncio.Semaphore(10)

    async def around(scope, receive, send):
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        async with places:
            await inner(scope, receive, send)

    return around


@layer("http.endless", "http.background")
@http_only
async def has_a_time_limit(inner, scope, receive, send):
    async with asyncio.timeout(120):
        await inner(scope, receive, send)


@layer("http.trailers")
def remembers_responses(inner):
    """Keeps what was sent for a second request to the same short path."""
    kept = {}

    async def around(scope, receive, send):
        if scope["type"] != "http" or scope.get("path") != "/" or scope["method"] != "GET":
            await inner(scope, receive, send)
            return
        if (seen := kept.get(scope["path"])) is None:
            seen = []

            async def keep(message):
                seen.append(dict(message))
                await send(message)

            await inner(scope, receive, keep)
            kept[scope["path"]] = seen
            return
        for message in seen:
            await send(message)

    return around


@layer()
@http_only
async def puts_an_object_into_the_scope(inner, scope, receive, send):
    """A result for a layer further out, in an object that was put there before."""
    result = {}
    await inner({**scope, "result": result}, receive, send)
    result["done"] = True


@layer()
@http_only
async def reads_ahead_for_the_disconnect(inner, scope, receive, send):
    """Gives the first message back."""
    first = [await receive()]
    if first[0]["type"] == "http.disconnect":
        return

    async def again():
        return first.pop() if first else await receive()

    await inner(scope, again, send)


@layer("http.upload")
@http_only
async def raises_for_leavers_before_anything_began(inner, scope, receive, send):
    """The body is read here, and a client that leaves while it sends is an exception of the framework."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect

    async def again():
        return {**message} if not given else await receive()

    given = []

    async def once():
        told = await again()
        given.append(1)
        return told

    await inner(scope, once, send)


@layer()
@http_only
async def counts_bytes_with_a_checksum(inner, scope, receive, send):
    sum_of = [0]

    async def counted(message):
        if message["type"] == "http.response.body":
            sum_of[0] = zlib.crc32(message.get("body", b""), sum_of[0])
        await send(message)

    await inner(scope, receive, counted)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", LAYERS)
def test_no_layer_is_accused(name):
    wrap, but, promises = LAYERS[name]
    routes = tuple(route for route in ROUTES if not route.capabilities & but)
    capabilities = (CAPABILITIES - frozenset(PROMISES)) | frozenset(promises)
    target = Target(name, None, None, routes, capabilities, promises)
    assert wrong(target, lambda: wrap(known_app())) == []


# Whole applications.


class Passing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


class ReadsBody(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        await request.body()
        return await call_next(request)


def background_behind(number):
    def make():
        done = []

        async def work():
            await asyncio.sleep(0.05)
            done.append(1)

        def start(request):
            return JSONResponse({"queued": True}, background=BackgroundTask(work))

        async def upload(request: Request):
            return PlainTextResponse(str(len(await request.body())))

        def count(request):
            return PlainTextResponse(str(len(done)))

        return Starlette(
            routes=[
                StarletteRoute("/start", start, methods=["POST"]),
                StarletteRoute("/upload", upload, methods=["POST"]),
                StarletteRoute("/count", count),
            ],
            middleware=[Middleware(ReadsBody), *[Middleware(Passing) for _ in range(number - 1)]] if number else [],
        )

    return make


DEEP = (
    Route("POST", "/start", FINITE | {"http.background"}),
    Route("POST", "/upload", FINITE | {"http.upload"}, body=b"0123456789" * 100),
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("number", [0, 1, 2, 4, 8])
def test_so_many_request_response_layers_behave_like_one(number):
    target = Target("deep", None, None, DEEP, frozenset({"background.count"}), {"background.count": "/count"})
    assert wrong(target, background_behind(number)) == []


@app(
    Route("GET", "/", FINITE),
    Route("GET", "/private", FINITE | {"http.early"}),
    promises={"middleware.cors-origin": "https://a.example", "middleware.order": "CORSMiddleware > Guard"},
)
def refusal_inside_of_cors():
    class Guard:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            if scope["type"] == "http" and scope["path"] == "/private":
                await PlainTextResponse("no", 403)(scope, receive, send)
            else:
                await self.app(scope, receive, send)

    return Starlette(
        routes=[StarletteRoute("/", lambda _: PlainTextResponse("hello"))],
        middleware=[Middleware(CORSMiddleware, allow_origins=["https://a.example"]), Middleware(Guard)],
    )


@app(
    Route("GET", "/", FINITE),
    Route("GET", "/sub/", FINITE),
    promises={"middleware.order": "; /sub: Gate"},
)
def layer_of_a_mount_alone():
    class Gate:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            await self.app(scope, receive, send)

    hello = StarletteRoute("/", lambda _: PlainTextResponse("hello"))
    return Starlette(routes=[hello, Mount("/sub", routes=[hello], middleware=[Middleware(Gate)])])


@app(Route("GET", "/", FINITE))
def takes_layers_at_any_time():
    """A stack that is built for each request: a layer that is added late takes effect."""

    class Open:
        middleware_stack = None

        def __init__(self):
            self.user_middleware = []
            self.app = known_app()

        def add_middleware(self, kind):
            self.user_middleware.append(kind)

        async def __call__(self, scope, receive, send):
            stack = self.app
            for kind in self.user_middleware:
                stack = kind(stack)
            await stack(scope, receive, send)

    return Open()


@app(Route("GET", "/", FINITE), promises={"middleware.cors-origin": "https://a.example"})
def cors_with_a_fixed_origin():
    """The same header for everybody depends on nothing."""

    def wrap(inner):
        async def around(scope, receive, send):
            if scope["type"] == "http" and scope["method"] == "OPTIONS":
                headers = [(b"access-control-allow-origin", b"https://a.example"), (b"content-length", b"0")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body"})
                return

            async def marked(message):
                if message["type"] == "http.response.start":
                    own = (b"access-control-allow-origin", b"https://a.example")
                    message = {**message, "headers": [*message["headers"], own]}
                await send(message)

            await inner(scope, receive, marked)

        return around

    return wrap(known_app())


@app(Route("GET", "/", FINITE), Route("GET", "/lines", FINITE | {"http.stream"}))
def cancellation_with_cleanup():
    def wrap(inner):
        async def around(scope, receive, send):
            try:
                await inner(scope, receive, send)
            finally:
                with contextlib.suppress(Exception):
                    await asyncio.sleep(0)

        return around

    return wrap(known_app())


@pytest.mark.parametrize("name", APPS)
def test_no_application_is_accused(name):
    factory, routes, promises, capabilities = APPS[name]
    assert wrong(Target(name, None, None, routes, capabilities | frozenset(promises), promises), factory) == []
