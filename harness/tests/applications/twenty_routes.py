"""A conforming FastAPI application with twenty routes, as a team's service may have them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    """One thing that all requests share."""
    yield {"items": {1: "lamp", 2: "chair"}}


app = FastAPI(lifespan=lifespan)
app.add_middleware(CORSMiddleware, allow_origins=["https://example.org"])


class Item(BaseModel):
    """An item."""

    name: str = "lamp"
    price: float = 9.5


async def connection() -> AsyncIterator[str]:
    """A connection that is given back."""
    yield "connection"


Connection = Annotated[str, Depends(connection)]


@app.get("/")
async def root() -> dict[str, str]:
    return {"message": "hello"}


@app.get("/items")
async def items(request: Request, limit: Annotated[int, Query(le=100)] = 10) -> list[str]:
    return list(request.state.items.values())[:limit]


@app.get("/items/one")
async def item(connection: Connection) -> Item:
    return Item()


@app.post("/items")
async def create(item: Item) -> Item:
    return item


@app.put("/items/one")
async def replace(item: Item) -> Item:
    return item


@app.delete("/items/one", status_code=204)
async def delete() -> None:
    return None


@app.get("/sync")
def sync() -> dict[str, int]:
    return {"answer": 42}


@app.get("/text", response_class=PlainTextResponse)
async def text() -> str:
    return "plain text"


@app.get("/page", response_class=HTMLResponse)
async def page() -> str:
    return "<!doctype html><title>A page</title><p>Hello"


@app.get("/old")
async def old() -> RedirectResponse:
    return RedirectResponse("/", status_code=307)


@app.get("/gone")
async def gone() -> None:
    raise HTTPException(410, "there is no such thing any more")


@app.get("/private")
async def private(authorization: Annotated[str | None, Header()] = None) -> None:
    raise HTTPException(401, "who are you?", {"WWW-Authenticate": "Bearer"})


@app.get("/cookie")
async def cookie(response: Response) -> dict[str, bool]:
    response.set_cookie("seen", "1", httponly=True, samesite="lax")
    return {"seen": True}


@app.get("/tagged", response_model=None)
async def tagged(request: Request, response: Response) -> Response | dict[str, str]:
    headers = {"ETag": '"v1"', "Cache-Control": "max-age=60"}
    if request.headers.get("if-none-match") == '"v1"':
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return {"version": "v1"}


@app.get("/lines")
async def lines() -> StreamingResponse:
    async def produced() -> AsyncIterator[str]:
        for number in range(5):
            yield f"line {number}\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(produced(), media_type="text/plain")


@app.post("/upload")
async def upload(request: Request) -> dict[str, int]:
    return {"size": sum([len(piece) async for piece in request.stream()])}


@app.post("/notify")
async def notify(tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(asyncio.sleep, 0.1)
    return {"message": "queued"}


@app.get("/header")
async def header(user_agent: Annotated[str | None, Header()] = None) -> dict[str, str | None]:
    return {"agent": user_agent}


@app.get("/slow")
async def slow() -> dict[str, str]:
    await asyncio.sleep(0.5)
    return {"message": "at last"}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
