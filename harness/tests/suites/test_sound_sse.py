"""Sound event streams in many styles, none of which the sse suite may accuse."""

import asyncio
import contextlib
import json
import zlib

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse as FastAPIEventSource
from fastapi.sse import ServerSentEvent
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route as Path

from asgi_conformance import catalogue
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.pattern import Route
from asgi_conformance.runner import Case, plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.suite == "sse"]
SSE = {"http", "http.stream", "sse"}
STREAM = Route("GET", "/", SSE)
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RAW_HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]

SOUND = {}


def sound(*routes, promises=None, but=()):
    """Register an application, and the checks that it breaks nevertheless, with good reason."""

    def register(make):
        SOUND[make.__name__] = (make, routes or (STREAM,), promises or {}, frozenset(but))
        return make

    return register


def body(data, more=True):
    return {"type": "http.response.body", "body": data, "more_body": more}


def start(headers=RAW_HEADERS, status=200):
    return {"type": "http.response.start", "status": status, "headers": headers}


async def left(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


def raw(produce, headers=RAW_HEADERS):
    """A raw application: `produce(send)` beside a task that waits for the client to leave; HEAD has a head alone."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise RuntimeError("http only")
        await send(start(headers))
        if scope["method"] == "HEAD":
            await send(body(b"", False))
            return
        work, watch = asyncio.create_task(produce(send)), asyncio.create_task(left(receive))
        try:
            await asyncio.wait([work, watch], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, watch):
                task.cancel()
            await asyncio.wait([work, watch])
        if not work.cancelled() and not isinstance(work.exception(), OSError):
            work.result()

    return app


def starlette_stream(make_events, *, media_type="text/event-stream", middleware=(), methods=("GET",), headers=HEADERS):
    async def stream(request):
        if request.method == "HEAD":
            return Response(media_type=media_type)
        return StreamingResponse(make_events(), media_type=media_type, headers=headers)

    return Starlette(routes=[Path("/", stream, methods=list(methods))], middleware=list(middleware))


# Raw functions.


@sound()
def raw_crlf():
    async def produce(send):
        for number in range(20):
            await send(body(b"id: %d\r\ndata: tick\r\n\r\n" % number))
            await asyncio.sleep(2)
        await send(body(b"", False))

    return raw(produce)


@sound()
def raw_cr_only():
    async def produce(send):
        while True:
            await send(body(b"data: tick\r\r"))
            await asyncio.sleep(2)

    return raw(produce)


@sound()
def raw_an_event_in_many_messages():
    async def produce(send):
        while True:
            for part in (b"event: ti", b"ck\n", b"data: 1", b"", b"\n", b"\n"):
                await send(body(part))
            await asyncio.sleep(2)

    return raw(produce)


@sound()
def raw_many_events_in_a_message():
    async def produce(send):
        await send(body(b"".join(b"data: %d\n\n" % number for number in range(100)), False))

    return raw(produce)


@sound()
def raw_only_comments_for_minutes():
    async def produce(send):
        while True:
            await asyncio.sleep(30)
            await send(body(b":\n\n"))

    return raw(produce)


@sound()
def raw_comment_without_blank_line():
    async def produce(send):
        while True:
            await send(body(b": still here\n"))
            await asyncio.sleep(10)
            await send(body(b"data: tick\n\n"))

    return raw(produce)


@sound()
def raw_quiet_for_an_hour_and_ignores_send_errors():
    async def produce(send):
        while True:
            await asyncio.sleep(3600)
            with contextlib.suppress(OSError):
                await send(body(b"data: an hour has passed\n\n"))

    return raw(produce)


@sound()
def raw_only_retry_and_ids():
    async def produce(send):
        await send(body(b"retry: 5000\n\n"))
        while True:
            await send(body(b"id: 17\n\n"))
            await asyncio.sleep(5)

    return raw(produce)


@sound()
def raw_field_without_colon_and_empty_data():
    async def produce(send):
        while True:
            await send(body(b"event: refresh\ndata\n\n\n\n"))
            await asyncio.sleep(1)

    return raw(produce)


@sound()
def raw_bom_at_the_start():
    async def produce(send):
        await send(body("\ufeffdata: tick\n\n".encode()))
        await asyncio.sleep(1)
        await send(body("data: a\ufeffb\n\n".encode(), False))

    return raw(produce)


@sound()
def raw_ends_at_once():
    async def produce(send):
        await send(body(b"", False))

    return raw(produce)


@sound()
def raw_ends_with_a_comment():
    async def produce(send):
        await send(body(b"data: a\n\n"))
        await send(body(b": bye", False))

    return raw(produce)


@sound()
def raw_with_its_length():
    content = b"data: a\n\ndata: b\n\n"

    async def produce(send):
        await send(body(content, False))

    return raw(produce, [*RAW_HEADERS, (b"content-length", str(len(content)).encode())])


@sound()
def raw_farewell_after_disconnect():
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise RuntimeError("http only")
        if scope["method"] == "HEAD":
            await send(start())
            await send(body(b"", False))
            return
        await send(start())
        watch = asyncio.create_task(left(receive))
        try:
            while not watch.done():
                await send(body(b"data: tick\n\n"))
                await asyncio.wait([watch], timeout=1)
            with contextlib.suppress(OSError):
                await send(body(b"event: bye\ndata:\n\n", False))
        finally:
            watch.cancel()

    return app


@sound()
def raw_no_content():
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise RuntimeError("http only")
        await send(start([], 204))
        await send(body(b"", False))

    return app


@sound()
def raw_setup_takes_a_while():
    stream = raw_crlf()

    async def app(scope, receive, send):
        await asyncio.sleep(5)
        await stream(scope, receive, send)

    return app


# Types and parameters.


def ticks():
    async def events():
        while True:
            yield "data: tick\n\n"
            await asyncio.sleep(1)

    return events()


@sound()
def type_with_charset():
    return starlette_stream(ticks, media_type="text/event-stream;charset=utf-8")


@sound()
def type_with_quoted_charset():
    return starlette_stream(ticks, media_type='text/event-stream; charset="UTF-8"; x=y')


@sound()
def type_in_capitals():
    return starlette_stream(ticks, media_type="TEXT/EVENT-STREAM")


@sound()
def cache_control_of_several_directives():
    return starlette_stream(ticks, headers={"Cache-Control": "private, No-Cache, max-age=0", "X-Accel-Buffering": "NO"})


# Frameworks.


@sound(Route("POST", "/", SSE, body=b'{"question": "?"}', headers=((b"content-type", b"application/json"),)))
def fastapi_post_stream():
    app = FastAPI()

    @app.post("/")
    async def ask(request: Request):
        question = await request.json()

        async def answer():
            for word in ("You", "asked", json.dumps(question)):
                yield f"data: {word}\n\n"
                await asyncio.sleep(0.1)

        return StreamingResponse(answer(), media_type="text/event-stream", headers=HEADERS)

    return app


@sound()
def fastapi_event_source():
    app = FastAPI()

    @app.get("/", response_class=FastAPIEventSource)
    async def prices():
        number = 0
        while True:
            yield ServerSentEvent(data={"number": number}, event="price", id=str(number), retry=1000)
            number += 1
            await asyncio.sleep(60)

    return app


@sound()
def fastapi_sync_event_source():
    app = FastAPI()

    @app.get("/", response_class=FastAPIEventSource)
    def prices():
        yield {"price": 1}
        yield {"price": 2}

    return app


@sound()
def sync_generator():
    def events():
        for number in range(5):
            yield f"data: {number}\n\n"

    return starlette_stream(events)


@sound(but=["sse.response.no-connection-header"])
def sse_starlette():
    async def stream(request):
        async def events():
            while True:
                yield {"data": "tick", "id": "1"}
                await asyncio.sleep(20)

        return EventSourceResponse(events())

    return Starlette(routes=[Path("/", stream)])


@sound()
def class_based_response():
    class Events:
        def __init__(self):
            self.number = 0

        def __aiter__(self):
            return self

        async def __anext__(self):
            await asyncio.sleep(0.5)
            self.number += 1
            if self.number > 10:
                raise StopAsyncIteration
            return f"data: {self.number}\n\n"

    return starlette_stream(Events)


@sound()
def polls_is_disconnected():
    async def stream(request):
        async def events():
            while not await request.is_disconnected():
                yield "data: tick\n\n"
                await asyncio.sleep(5)

        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)

    return Starlette(routes=[Path("/", stream)])


@sound()
def behind_gzip_that_leaves_it_alone():
    return starlette_stream(ticks, middleware=[Middleware(GZipMiddleware)])


@sound()
def behind_base_http_middleware():
    class Timing(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            response = await call_next(request)
            response.headers["x-time"] = "1"
            return response

    async def slow():
        while True:
            await asyncio.sleep(2)
            yield "data: tick\n\n"

    return starlette_stream(slow, middleware=[Middleware(Timing)])


@sound(Route("GET", "/", SSE, headers=((b"accept-encoding", b"gzip"),)))
def gzip_with_flush():
    inner = raw_crlf()

    async def app(scope, receive, send):
        packer = zlib.compressobj(wbits=31)

        async def packed(message):
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"content-encoding", b"gzip")]}
            elif message["body"]:
                message = {**message, "body": packer.compress(message["body"]) + packer.flush(zlib.Z_SYNC_FLUSH)}
            elif not message["more_body"]:
                message = {**message, "body": packer.flush()}
            await send(message)

        await inner(scope, receive, packed if scope["type"] == "http" and scope["method"] == "GET" else send)

    return app


@sound()
def one_stream_for_each_user():
    streams = set()

    async def stream(request):
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        if streams:
            return PlainTextResponse("one stream is enough", 429)

        async def events():
            streams.add("user")
            try:
                while True:
                    yield "data: tick\n\n"
                    await asyncio.sleep(1)
            finally:
                streams.discard("user")

        return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)

    return Starlette(routes=[Path("/", stream)])


@sound()
def redirects():
    async def stream(request):
        return RedirectResponse("/elsewhere")

    return Starlette(routes=[Path("/", stream)])


@sound()
def refuses_unknown_ids():
    async def stream(request):
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        if request.headers.get("last-event-id"):
            return PlainTextResponse("no such event", 409)
        return StreamingResponse(ticks(), media_type="text/event-stream", headers=HEADERS)

    return Starlette(routes=[Path("/", stream)])


@sound()
def catches_up_from_a_log():
    """What happened while the client did not read is produced when it reads again; nothing is kept for it."""

    async def events():
        loop = asyncio.get_running_loop()
        begun, number = loop.time(), 0
        while True:
            if number <= loop.time() - begun:
                yield f"data: entry {number}\n\n"
                number += 1
            else:
                await asyncio.sleep(1)

    return starlette_stream(events)


@sound()
def history_for_all():
    history = []

    async def events():
        async def produce():
            while True:
                history.append(f"data: entry {len(history)}\n\n")
                await asyncio.sleep(1)

        task, place = asyncio.create_task(produce()), 0
        try:
            while True:
                if place < len(history):
                    yield history[place]
                    place += 1
                else:
                    await asyncio.sleep(1)
        finally:
            task.cancel()

    return starlette_stream(events)


# With capabilities.


@sound(Route("GET", "/", SSE | {"sse.ids", "sse.resume"}))
def endless_with_ids():
    async def stream(request):
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        last = request.headers.get("last-event-id", "")
        number = int(last[1:]) if last[:1] == "n" and last[1:].isdecimal() and len(last) < 10 else 0

        async def events(number):
            yield "event: hello\ndata:\n\n"
            while True:
                number += 1
                yield f"data: {number}\nid: n{number}\n\n"
                await asyncio.sleep(1)

        return StreamingResponse(events(number), media_type="text/event-stream", headers=HEADERS)

    return Starlette(routes=[Path("/", stream)])


@sound(Route("GET", "/", SSE | {"sse.finite", "sse.resume"}))
def ids_in_a_block_behind():
    async def stream(request):
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        last = request.headers.get("last-event-id", "")
        seen = int(last) if last in {"1", "2", "3"} else 0
        if seen == 3:
            return Response(status_code=204)

        async def events():
            for number in range(seen + 1, 4):
                yield f": about to send {number}\n\nid: {number}\nevent: line\ndata: {number}\n\n"
            yield ": bye\n\n"

        return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)

    return Starlette(routes=[Path("/", stream)])


@sound(Route("GET", "/?data=plain", SSE | {"sse.finite", "sse.payload"}))
def payload_as_json():
    async def stream(request):
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        data = request.query_params["data"]

        async def events():
            yield f"event: said\nid: 1\ndata: {json.dumps(data)}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)

    return Starlette(routes=[Path("/", stream)])


@sound(Route("GET", "/?data=plain", SSE | {"sse.finite", "sse.payload"}))
def payload_refused():
    async def stream(request):
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        data = request.query_params["data"]
        if not data.isalpha() or not data.isascii():
            return PlainTextResponse("letters only", 422)

        async def events():
            yield f"data: {data}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)

    return Starlette(routes=[Path("/", stream)])


@sound(Route("GET", "/?data=plain", SSE | {"sse.finite", "sse.payload"}))
def payload_without_a_space_where_none_is_needed():
    async def stream(request):
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        lines = request.query_params["data"].replace("\r\n", "\n").replace("\r", "\n").split("\n")

        async def events():
            yield "".join(f"data:{' ' if line[:1] == ' ' else ''}{line}\r\n" for line in lines) + "\r\n"

        return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)

    return Starlette(routes=[Path("/", stream)])


@sound(Route("GET", "/", SSE | {"sse.heartbeat"}), promises={"sse.heartbeat": "30", "sse.json": "price"})
def busy_stream_needs_no_heartbeat():
    async def events():
        while True:
            yield 'event: price\ndata: {\ndata: "price": 1}\n\nevent: note\ndata: not JSON\n\n'
            await asyncio.sleep(20)

    return starlette_stream(events)


def cases(name):
    make, routes, promises, but = SOUND[name]
    target = Target(name, routes=tuple(routes), capabilities=frozenset(promises), promises=promises)
    for case in plan(CHECKS, target, "in-process", InProcess.abilities):
        if case.not_applicable is None:
            yield case, make, but


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", SOUND)
def test_sound_stream_is_not_accused(name: str) -> None:
    accused = {}
    for case, make, but in cases(name):

        def driver(_case: Case, transcript, make=make):
            return InProcess(make(), raise_app_exceptions=False, transcript=transcript)

        verdict = run_case(case, driver)
        if verdict.outcome not in {Outcome.PASSED, Outcome.NOT_APPLICABLE} and verdict.check not in but:
            accused[verdict.check, str(case.route)] = (verdict.outcome.value, verdict.expected, verdict.observed)
    assert accused == {}
