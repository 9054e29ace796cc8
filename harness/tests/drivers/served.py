"""Applications for the server driver's tests: what each does is chosen by the path."""

import asyncio
import os
import sys
import threading
import time

from asgi_conformance.protocol.types import ASGIApp, Receive, Scope, Send

TEXT = (b"content-type", b"text/plain")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Dispatch by the scope's type and the last part of the path."""
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    else:
        table = HTTP if scope["type"] == "http" else WEBSOCKET
        await table[scope["path"].rpartition("/")[2]](scope, receive, send)


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    print("starting", os.environ.get("SERVED_GREETING", ""))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def respond(send: Send, *parts: bytes, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [TEXT, *headers]})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"hello", headers=((b"content-length", b"5"),))


async def pid(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, str(os.getpid()).encode())


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    parts = []
    while True:
        message = await receive()
        parts.append(message["body"])
        if not message["more_body"]:
            break
    await respond(send, *parts)


async def raises(scope: Scope, receive: Receive, send: Send) -> None:
    raise LookupError("no such row")


async def half(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
    await send({"type": "http.response.body", "body": b"12345", "more_body": True})
    raise LookupError("half way")


async def wait(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream one piece, then wait for the client to leave."""
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


async def forever(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for nothing, and resist cancellation."""
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


async def dies(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    await send({"type": "http.response.body", "body": b"last words", "more_body": True})
    os._exit(7)


async def leaks(scope: Scope, receive: Receive, send: Send) -> None:
    task = asyncio.create_task(asyncio.Event().wait(), name="leaked-task")
    KEPT.append(task)
    thread = threading.Thread(target=threading.Event().wait, name="leaked-thread", daemon=True)
    thread.start()
    KEPT.append(os.open(os.devnull, os.O_RDONLY))
    await respond(send, b"leaked")


KEPT: list[object] = []


async def blocks(scope: Scope, receive: Receive, send: Send) -> None:
    """Hold the event loop until the file that the query names exists, for a minute at most."""
    await respond(send, b"blocked")
    path = scope["query_string"].decode()
    for _ in range(6000):
        if os.path.exists(path):
            return
        time.sleep(0.01)


async def odd(scope: Scope, receive: Receive, send: Send) -> None:
    """Send what no message may be, and go on when the server refuses it."""
    for message in ({"type": "http.response.bogus", "extra": {1, 2}}, ["no", "dict"]):
        try:
            await send(message)  # type: ignore[arg-type]
        except Exception:
            continue
    await respond(send, b"odd")


async def peer(scope: Scope, receive: Receive, send: Send) -> None:
    client = scope.get("client") or ("", 0)
    await respond(send, f"{client[0]} {client[1]}".encode())


async def chat(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") == "close":
            await send({"type": "websocket.close", "code": 4002, "reason": "später"})
            return
        if message.get("text") == "raise":
            raise LookupError("in the chat")
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4001})


async def deny(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"no ticket")]})
    await send({"type": "websocket.http.response.body", "body": b"denied"})


HTTP: dict[str, ASGIApp] = {
    f.__name__: f for f in (hello, pid, echo, raises, half, wait, forever, dies, leaks, blocks, odd, peer)
}
WEBSOCKET: dict[str, ASGIApp] = {f.__name__: f for f in (chat, refuse, deny)}


async def fails_to_start(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is not there"})


async def starts_never(scope: Scope, receive: Receive, send: Send) -> None:
    print("still at it", flush=True)
    await receive()
    await asyncio.Event().wait()


async def exits_at_start(scope: Scope, receive: Receive, send: Send) -> None:
    print("out of patience", flush=True)
    os._exit(9)


async def no_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise TypeError("only http here")
    await hello(scope, receive, send)


def framework(raises_at_startup: bool = False) -> ASGIApp:
    """A small FastAPI application, as users have it."""
    from contextlib import asynccontextmanager

    from fastapi import FastAPI

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        if raises_at_startup:
            raise ConnectionError("no database at db:5432")
        yield

    made = FastAPI(lifespan=lifespan)

    @made.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    return made


def framework_without_database() -> ASGIApp:
    return framework(raises_at_startup=True)


def shouting(app: ASGIApp) -> ASGIApp:
    """A mutation: the status is always 418."""

    async def shouted(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_teapot(message):
            await send({**message, "status": 418} if message["type"] == "http.response.start" else message)

        await app(scope, receive, send_teapot)

    return shouted


no_app = 42

if os.environ.get("SERVED_EXIT"):
    sys.exit(5)
