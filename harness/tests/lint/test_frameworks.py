"""Real applications, clients and a real server: what the linter says about them."""

import asyncio
import warnings
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.testclient import TestClient

from asgi_conformance.lint import Lint, LintFinding, lint


async def through(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


def made(findings: list[LintFinding]) -> FastAPI:
    """An application with something of everything, and a linter between each two layers."""
    watched = Middleware(Lint, on_violation=findings.append)
    app = FastAPI(
        middleware=[
            watched,
            Middleware(CORSMiddleware, allow_origins=["*"]),
            watched,
            Middleware(GZipMiddleware, minimum_size=10),
            watched,
            Middleware(BaseHTTPMiddleware, dispatch=through),
            watched,
        ]
    )

    @app.get("/json")
    async def json() -> dict[str, str]:
        return {"text": "x" * 100}

    @app.post("/echo")
    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(await request.body())

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            for number in range(5):
                yield f"piece {number}\n"
                await asyncio.sleep(0)

        return StreamingResponse(pieces(), media_type="text/plain")

    @app.get("/file")
    async def file() -> FileResponse:
        return FileResponse(__file__)

    @app.get("/empty", status_code=204)
    async def empty(tasks: BackgroundTasks) -> None:
        tasks.add_task(asyncio.sleep, 0)

    @app.get("/error")
    async def error() -> None:
        raise HTTPException(418)

    @app.websocket("/chat")
    async def chat(socket: WebSocket) -> None:
        await socket.accept(subprotocol="v1")
        async for text in socket.iter_text():
            await socket.send_text(text)

    return app


PATHS = ("/json", "/stream", "/file", "/empty", "/error", "/missing")

# What its author's own client leaves out; the application is fine.
TEST_CLIENT = {"scope.asgi.version"}


def test_fastapi_in_the_test_client() -> None:
    findings: list[LintFinding] = []
    app = lint(made(findings), on_violation=findings.append)
    with TestClient(app) as client:
        for path in PATHS:
            client.get(path, headers={"origin": "https://example.org"})
            client.head(path)
        assert client.post("/echo", content=b"x" * 5000).text == "x" * 5000
        with client.websocket_connect("/chat", subprotocols=["v1"]) as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"
    assert {finding.rule for finding in findings} <= TEST_CLIENT


def test_fastapi_in_httpx() -> None:
    findings: list[LintFinding] = []
    app = lint(made(findings), on_violation=findings.append)

    async def visit() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            for path in PATHS:
                await client.get(path)
            await client.post("/echo", content=b"x")

    asyncio.run(visit())
    assert findings == []


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize("ws", ["websockets-sansio", "wsproto"])
def test_fastapi_on_uvicorn(http: str, ws: str) -> None:
    findings: list[LintFinding] = []
    app = lint(made(findings), on_violation=findings.append)
    config = uvicorn.Config(app, port=0, http=http, ws=ws, log_level="error", lifespan="on")

    async def visit() -> None:
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        address = "http://{}:{}".format(*server.servers[0].sockets[0].getsockname())
        async with httpx.AsyncClient(base_url=address) as client:
            for path in PATHS:
                await client.get(path)
                await client.head(path)
            assert (await client.post("/echo", content=b"x" * 100_000)).text == "x" * 100_000
            async with client.stream("GET", "/stream") as response:
                await anext(response.aiter_raw())
        await talk(f"{address}/chat".replace("http", "ws"))
        server.should_exit = True
        await serving

    async def talk(address: str) -> None:
        from websockets.asyncio.client import connect

        async with connect(address, subprotocols=["v1"]) as socket:  # type: ignore[list-item]
            await socket.send("hello")
            assert await socket.recv() == "hello"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the server's own, of its dependencies
        asyncio.run(asyncio.wait_for(visit(), 60))
    assert findings == []
