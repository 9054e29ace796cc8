"""The known application: plain ASGI that answers in every way that a layer around it has to cope with."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from asgi_conformance.pattern import Route
from asgi_conformance.protocol.types import ASGIApp, Receive, Scope, Send

FINITE = frozenset({"http", "http.finite"})
STREAM = FINITE | {"http.stream"}
LARGE = b"".join(b"line %d of a text that can be compressed\n" % number for number in range(200))
PROMISES = {"background.count": "/count", "middleware.context-outwards": "yes", "middleware.unchanged": "yes"}
CAPABILITIES = frozenset({"lifespan", "lifespan.restart"}) | frozenset(PROMISES)
ROUTES = (
    Route("GET", "/", FINITE),
    Route("GET", "/large", FINITE | {"http.compressed"}),
    Route("GET", "/none", FINITE | {"http.empty"}),
    Route("GET", "/lines", STREAM),
    Route("GET", "/endless", frozenset({"http", "http.stream", "http.endless"})),
    Route("GET", "/file", FINITE | {"http.file"}),
    Route("GET", "/trailers", FINITE | {"http.trailers"}),
    Route("POST", "/upload", FINITE | {"http.upload"}, body=b"0123456789" * 1000),
    Route("GET", "/error", frozenset({"http.raises"})),
    Route("GET", "/broken", frozenset({"http.raises-midway"})),
    Route("POST", "/background", FINITE | {"http.background"}),
    Route("GET", "/count", FINITE | {"http.plain"}),
    Route("GET", "/ws", frozenset({"websocket", "websocket.echo"})),
)
FILE = Path(__file__)
WORK_TAKES = 0.1  # seconds
PACE = 0.05

Answer = Callable[[Scope, Receive, Send], Awaitable[None]]


def known_app() -> ASGIApp:
    """A new one; it counts the background work that it has done."""
    done = 0

    async def background(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal done
        await _plain(send, b"accepted", 202)
        await asyncio.sleep(WORK_TAKES)
        done += 1

    async def count(scope: Scope, receive: Receive, send: Send) -> None:
        await _plain(send, str(done).encode())

    answers: dict[str, Answer] = ANSWERS | {"/background": background, "/count": count}

    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by path."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await _echo(receive, send)
        elif scope["type"] == "http":
            await _http(answers, scope, receive, send)
        else:
            raise NotImplementedError(f"there is no {scope['type']} here")

    return known


async def _http(answers: dict[str, Answer], scope: Scope, receive: Receive, send: Send) -> None:
    methods = {route.method for route in ROUTES if route.path == scope["path"]}
    if not methods:
        await _plain(send, b"not found", 404)
    elif scope["method"] not in methods | ({"HEAD"} if "GET" in methods else set()):
        await _plain(send, b"method not allowed", 405, [(b"allow", ", ".join(sorted(methods)).encode())])
    else:
        with contextlib.suppress(OSError):  # the client has gone
            await answers[scope["path"]](scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    for _ in range(2):
        await send({"type": f"{(await receive())['type']}.complete"})


async def _echo(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        kept = {key: message[key] for key in ("text", "bytes") if message.get(key) is not None}
        with contextlib.suppress(OSError):
            await send({"type": "websocket.send", **kept})


async def _plain(send: Send, body: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    length = (b"content-length", str(len(body)).encode())
    kind = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": status, "headers": [kind, length, *(headers or [])]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    await _plain(send, b"hello")


async def _large(scope: Scope, receive: Receive, send: Send) -> None:
    await _plain(send, LARGE)


async def _none(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def _file(scope: Scope, receive: Receive, send: Send) -> None:
    """The file by its path, where the server takes that."""
    tag = (b"etag", b'"%s"' % hashlib.sha256(LARGE).hexdigest()[:16].encode())
    if "http.response.pathsend" not in (scope.get("extensions") or {}):
        await _plain(send, LARGE, headers=[tag])
        return
    length = (b"content-length", str(FILE.stat().st_size).encode())  # noqa: ASYNC240 - a small file of our own
    kind = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": 200, "headers": [kind, length, tag]})
    await send({"type": "http.response.pathsend", "path": str(FILE)})


async def _trailers(scope: Scope, receive: Receive, send: Send) -> None:
    """A checksum behind the body, where the server takes that."""
    if "http.response.trailers" not in (scope.get("extensions") or {}):
        await _plain(send, b"hello")
        return
    headers = [(b"content-type", b"text/plain"), (b"trailer", b"x-checksum")]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
    await send({"type": "http.response.body", "body": b"hello", "more_body": False})
    await send({"type": "http.response.trailers", "headers": [(b"x-checksum", b"5")], "more_trailers": False})


async def _upload(scope: Scope, receive: Receive, send: Send) -> None:
    digest, size, more = hashlib.sha256(), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        digest.update(message.get("body") or b"")
        size, more = size + len(message.get("body") or b""), bool(message.get("more_body"))
    await _plain(send, f"{size} bytes, {digest.hexdigest()}".encode())


async def _error(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("unexpected")


async def _broken(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"the first half\n", "more_body": True})
    raise RuntimeError("no second half")


async def _lines(scope: Scope, receive: Receive, send: Send) -> None:
    async def five() -> AsyncIterator[bytes]:
        for number in range(5):
            yield b"line %d\n" % number
            await asyncio.sleep(PACE)

    await _stream(five(), receive, send)


async def _endless(scope: Scope, receive: Receive, send: Send) -> None:
    async def numbers() -> AsyncIterator[bytes]:
        number = 0
        while True:
            yield b"line %d\n" % number
            number += 1
            await asyncio.sleep(PACE)

    await _stream(numbers(), receive, send)


async def _stream(parts: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Send the parts until they end, or the client has gone."""

    async def produce() -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        async for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.create_task(produce()), asyncio.create_task(gone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


ANSWERS: dict[str, Answer] = {
    "/": _hello,
    "/large": _large,
    "/none": _none,
    "/lines": _lines,
    "/endless": _endless,
    "/file": _file,
    "/trailers": _trailers,
    "/upload": _upload,
    "/error": _error,
    "/broken": _broken,
}
