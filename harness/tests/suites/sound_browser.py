"""Sound event streams in unusual styles, for a browser: none of them may be accused."""

import asyncio
import json
import zlib

from fastapi import FastAPI, Request
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

HEADERS = {"Cache-Control": "no-cache"}


def streaming(events, first="retry: 300\n\n"):
    async def begun():
        yield first
        async for block in events:
            yield block

    return StreamingResponse(begun(), media_type="text/event-stream", headers=HEADERS)


async def quiet(request):
    """A comment now and then, and hardly ever an event."""

    async def events():
        while True:
            yield ": still here\r\n\r\n"
            await asyncio.sleep(0.5)

    return streaming(events())


async def long_poll(request):
    """One event for each connection, and a reconnection time that makes a poll of it."""

    async def events():
        last = request.headers.get("last-event-id", "0")
        number = int(last) + 1 if last.isdigit() else 1
        yield f"retry: 250\nid: {number}\ndata: {number}\n\n"

    return streaming(events())


browsers = []


async def once(request):
    """An answer that a browser can have once; if it comes again, it is told that it is gone."""
    if "Mozilla" in request.headers.get("user-agent", ""):
        browsers.append(request)
        if len(browsers) > 1:
            return PlainTextResponse("gone", 410)

    async def events():
        for number in range(50):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.1)

    return streaming(events())


clients = []


async def newest_only(request):
    """The newest client of a user is served, the one before it is let go."""
    clients.append(request)

    async def events():
        while clients[-1] is request:
            yield "data: tick\n\n"
            await asyncio.sleep(0.2)

    return streaming(events())


async def polled(request):
    """Looks for its client every two seconds, and sends in bursts."""

    async def events():
        while not await request.is_disconnected():
            for number in range(5):
                yield f"event: burst\ndata: {number}\n\n"
            await asyncio.sleep(2)

    return streaming(events(), first=": no time is given\n\n")


async def ends_by_itself(request):
    """Numbered events, a greeting for everybody, and 204 for who has them all."""
    last = request.headers.get("last-event-id", "")
    seen = int(last) if last.isdigit() else 0
    if seen >= 6:
        return Response(status_code=204)

    async def events():
        yield "retry: 400\nevent: greeting\ndata: hello\n\n"
        for number in range(seen + 1, 7):
            yield f"id: {number}\nevent: step\ndata: {json.dumps({'number': number})}\n\n"
            await asyncio.sleep(0.05)

    return streaming(events())


async def live(request):
    """A feed that everybody gets from now on, with ids that go on without them."""

    async def events():
        while True:
            number = int(asyncio.get_running_loop().time() * 10)
            yield f"id: {number}\ndata: {number}\n\n"
            await asyncio.sleep(0.1)

    return streaming(events())


async def compressed(scope, receive, send):
    """Compressed for those who ask, with a flush behind each event."""
    packs = scope["type"] == "http" and b"gzip" in dict(scope["headers"]).get(b"accept-encoding", b"")
    packer = zlib.compressobj(wbits=31)

    async def packed(message):
        if packs and message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"content-encoding", b"gzip")]}
        if packs and message.get("body"):
            data = packer.compress(message["body"]) + packer.flush(zlib.Z_SYNC_FLUSH)
            message = {**message, "body": data}
        await send(message)

    await plain(scope, receive, packed)


async def ticks(request):
    async def events():
        while True:
            yield "data: tick\n\n"
            await asyncio.sleep(0.2)

    return streaming(events())


plain = Starlette(routes=[Route("/compressed", ticks)])
framework = FastAPI()


@framework.get("/sse-starlette")
async def pinged(request: Request):
    async def events():
        for number in range(1000):
            yield {"event": "tick", "id": str(number), "data": str(number)}
            await asyncio.sleep(0.3)

    return EventSourceResponse(events(), ping=1, headers=HEADERS)


STYLES = (quiet, long_poll, once, newest_only, polled, ends_by_itself, live)
routes = Starlette(
    routes=[Route(f"/{style.__name__}", style) for style in STYLES],
    middleware=[Middleware(GZipMiddleware, minimum_size=100)],
)


async def app(scope, receive, send):
    path = scope.get("path")
    chosen = {"/compressed": compressed, "/sse-starlette": framework}.get(path, routes)
    await chosen(scope, receive, send)
