"""Sound event streams as the documents of FastAPI and sse-starlette show them, and in styles of their own.

The examples are written after those documents, done right where they leave something out.
"""

import asyncio
import json

import pytest
from fastapi import FastAPI, Header, Request
from fastapi.responses import Response, StreamingResponse
from fastapi.sse import EventSourceResponse as FastAPIEventSource
from fastapi.sse import ServerSentEvent
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, JSONServerSentEvent
from sse_starlette import ServerSentEvent as StarletteEvent
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route as Path

from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.pattern import Route
from asgi_conformance.runner import Case, plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

from .test_sound_sse import CHECKS, HEADERS, RAW_HEADERS, SSE, STREAM, body, left, start

POST = Route(
    "POST", "/", SSE | {"sse.finite"}, body=b'{"text": "a b c"}', headers=((b"content-type", b"application/json"),)
)
RESUMES = Route("GET", "/", SSE | {"sse.finite", "sse.ids", "sse.resume"})
# The library sets it on every response, with a reason of its own: it is for clients of HTTP/1.0.
CONNECTION = frozenset({"sse.response.no-connection-header"})

SOUND = {}


def sound(*routes, promises=None, but=frozenset()):
    def register(make):
        SOUND[make.__name__] = (make, routes or (STREAM,), promises or {}, but)
        return make

    return register


# FastAPI.


class Item(BaseModel):
    name: str
    price: float


ITEMS = [Item(name="a plumbus", price=32.5), Item(name="a portal gun", price=999), Item(name="a meeseeks box", price=5)]


@sound(promises={"sse.json": "*"})
def fastapi_models():
    app = FastAPI()

    @app.get("/", response_class=FastAPIEventSource)
    async def items():
        for item in ITEMS:
            yield item

    return app


@sound(promises={"sse.json": "*"})
def fastapi_models_without_async():
    app = FastAPI()

    @app.get("/", response_class=FastAPIEventSource)
    def items():
        yield from ITEMS

    return app


@sound()
def fastapi_events_with_all_fields():
    app = FastAPI()

    @app.get("/", response_class=FastAPIEventSource)
    async def items():
        yield ServerSentEvent(comment="the items of today")
        for number, item in enumerate(ITEMS, 1):
            yield ServerSentEvent(data=item, event="item", id=str(number), retry=5000)

    return app


@sound()
def fastapi_raw_data():
    app = FastAPI()

    @app.get("/", response_class=FastAPIEventSource)
    async def logs():
        for line in ("2025-01-01 INFO started", "2025-01-01 WARN two\nlines", "<b>done</b>"):
            yield ServerSentEvent(raw_data=line)
            await asyncio.sleep(1)
        yield ServerSentEvent(raw_data="[DONE]", event="done")

    return app


@sound(RESUMES, promises={"sse.json": "*"})
def fastapi_resumes():
    """The id is the place in the list; where nothing is left, 204 is the answer, before a stream is begun."""
    app = FastAPI()

    async def events(first):
        for number, item in list(enumerate(ITEMS, 1))[first:]:
            yield f"id: {number}\ndata: {item.model_dump_json()}\n\n"

    @app.get("/")
    async def items(last_event_id: str = Header("")):
        seen = int(last_event_id) if last_event_id in {"1", "2", "3"} else 0
        if seen == len(ITEMS):
            return Response(status_code=204)
        return StreamingResponse(events(seen), media_type="text/event-stream", headers=HEADERS)

    return app


@sound(POST)
def fastapi_post_of_a_prompt():
    app = FastAPI()

    class Prompt(BaseModel):
        text: str

    @app.post("/", response_class=FastAPIEventSource)
    async def chat(prompt: Prompt):
        for word in prompt.text.split():
            yield ServerSentEvent(data=word, event="token")
        yield ServerSentEvent(raw_data="[DONE]", event="done")

    return app


# sse-starlette.


@sound(but=CONNECTION)
def sse_starlette_numbers():
    async def numbers(request):
        async def events():
            for number in range(10):
                yield {"data": number}
                await asyncio.sleep(0.9)

        return EventSourceResponse(events())

    return Starlette(routes=[Path("/", numbers)])


@sound(but=CONNECTION, promises={"sse.json": "*"})
def sse_starlette_json_events():
    async def updates(request):
        async def events():
            number = 0
            while True:
                number += 1
                yield JSONServerSentEvent({"number": number}, event="update", id=str(number), retry=15000)
                await asyncio.sleep(2)

        return EventSourceResponse(events(), ping=15)

    return Starlette(routes=[Path("/", updates)])


@sound(but=CONNECTION)
def sse_starlette_asks_whether_the_client_is_there():
    app = FastAPI()

    @app.get("/")
    async def stream(request: Request):
        async def events():
            while True:
                if await request.is_disconnected():
                    break
                yield StarletteEvent("new message", event="message", id="message_id", retry=15000)
                await asyncio.sleep(1)

        return EventSourceResponse(events())

    return app


@sound(but=CONNECTION)
def sse_starlette_cleans_up():
    app, clients = FastAPI(), set()

    @app.get("/")
    async def stream():
        async def events():
            queue = asyncio.Queue(10)
            clients.add(queue)
            try:
                while True:
                    yield {"event": "news", "data": await queue.get()}
            finally:
                clients.discard(queue)

        return EventSourceResponse(events(), ping=5)

    return app


@sound(but=CONNECTION)
def sse_starlette_own_ping_and_separator():
    async def stream(request):
        async def events():
            yield {"comment": "hello"}
            while True:
                await asyncio.sleep(40)
                yield {"data": "two\r\nlines"}

        ping = lambda: StarletteEvent(comment="still here", sep="\n")  # noqa: E731
        return EventSourceResponse(events(), sep="\n", ping=10, ping_message_factory=ping)

    cors = Middleware(CORSMiddleware, allow_origins=["*"])
    return Starlette(routes=[Path("/", stream)], middleware=[cors])


@sound(but=CONNECTION)
def sse_starlette_iterates_without_async():
    async def stream(request):
        return EventSourceResponse({"data": str(number)} for number in range(5))

    return Starlette(routes=[Path("/", stream)])


# Styles of their own.


@sound()
def raw_words_cut_anywhere_with_crlf():
    """The wire is cut every seven bytes, and nobody has promised anything else."""
    stream = "".join(
        f"id: {n}\r\nevent: wörter\r\ndata: zeile {n}\r\ndata: noch eine\r\n\r\n" for n in range(4)
    ).encode()

    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise RuntimeError("http only")
        await send(start())
        if scope["method"] != "HEAD":
            for place in range(0, len(stream), 7):
                await send(body(stream[place : place + 7]))
        await send(body(b"", False))

    return app


@sound()
def raw_comments_between_and_inside_of_events():
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise RuntimeError("http only")
        await send(start())
        if scope["method"] == "HEAD":
            await send(body(b"", False))
            return
        gone = asyncio.ensure_future(left(receive))
        try:
            while not gone.done():
                await send(body(b":\n: a comment\n\n:\nevent: tick\n: inside\ndata: 1\n:\n\n"))
                await asyncio.wait([gone], timeout=10)
        finally:
            gone.cancel()

    return app


@sound()
def class_with_the_protocol_of_asgi():
    """An application that is a class, called once for the scope: its instance is the stream."""

    class App:
        def __init__(self):
            self.streams = 0

        async def __call__(self, scope, receive, send):
            if scope["type"] != "http":
                raise RuntimeError("http only")
            if scope["method"] not in {"GET", "HEAD"}:
                await send({"type": "http.response.start", "status": 405, "headers": [(b"allow", b"GET, HEAD")]})
                await send({"type": "http.response.body"})
                return
            await send(start([*RAW_HEADERS, (b"vary", b"accept")]))
            if scope["method"] == "GET":
                self.streams += 1
                await self.stream(receive, send)
                self.streams -= 1
            await send(body(b"", False))

        async def stream(self, receive, send):
            await send(body(b"retry: 2500\n\n"))
            gone = asyncio.ensure_future(left(receive))
            for number in range(5):
                data = json.dumps({"streams": self.streams, "number": number})
                await send(body(f"data: {data}\n\n".encode()))
                await asyncio.wait([gone], timeout=1)
                if gone.done():
                    break
            gone.cancel()

    return App()


# Sources that fail.


FAILS = Route("GET", "/?after=3", {"sse.raises"})


async def numbers(after):
    for number in range(after):
        yield number
    raise RuntimeError("the source has failed")


@sound(FAILS)
def raw_tells_why_and_ends():
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise RuntimeError("http only")
        await send(start())
        try:
            async for number in numbers(int(scope["query_string"].partition(b"=")[2])):
                await send(body(b"data: %d\n\n" % number))
        except RuntimeError as error:
            await send(body(f"event: error\ndata: {error}\n\n".encode(), False))

    return app


@sound(FAILS)
def raw_several_events_in_a_message():
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise RuntimeError("http only")
        held = []
        try:
            async for number in numbers(int(scope["query_string"].partition(b"=")[2])):
                held.append(b"data: %d\n\n" % number)
        finally:
            if held:
                await send(start())
                await send(body(b"".join(held)))

    return app


@sound(FAILS)
def fastapi_event_source_tells():
    """Without the `except` FastAPI ends the stream properly, or loses events: see the pattern sse.fastapi-failing."""
    app = FastAPI()

    @app.get("/", response_class=FastAPIEventSource)
    async def stream(after: int):
        try:
            async for number in numbers(after):
                yield ServerSentEvent(data=number)
        except RuntimeError as error:
            yield ServerSentEvent(data=str(error), event="failed")

    return app


@sound(FAILS)
def sse_starlette_raises():
    async def stream(request):
        return EventSourceResponse({"data": number} async for number in numbers(int(request.query_params["after"])))

    return Starlette(routes=[Path("/", stream)])


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", SOUND)
def test_sound_stream_is_not_accused(name: str) -> None:
    make, routes, promises, but = SOUND[name]
    target = Target(name, routes=tuple(routes), capabilities=frozenset(promises), promises=promises)
    accused = {}
    for case in plan(CHECKS, target, "in-process", InProcess.abilities):
        if case.not_applicable is not None:
            continue

        def driver(_case: Case, transcript):
            return InProcess(make(), raise_app_exceptions=False, transcript=transcript)

        verdict = run_case(case, driver)
        if verdict.outcome not in {Outcome.PASSED, Outcome.NOT_APPLICABLE} and verdict.check not in but:
            accused[verdict.check, str(case.route)] = (verdict.outcome.value, verdict.expected, verdict.observed)
    assert accused == {}
