"""What an application offers is found by looking and asking; what is asked for and missing is told."""

import pytest

from asgi_conformance.config import Options
from asgi_conformance.discovery import OutOfReach, discover
from asgi_conformance.drivers.base import Unreachable

SHOP = """
import asyncio
import uuid

from fastapi import APIRouter, FastAPI, HTTPException, WebSocket
from fastapi.responses import StreamingResponse
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

app = FastAPI()
router = APIRouter(prefix="/v1")
admin = FastAPI()


@app.get("/")
async def root(): return {}

@app.get("/items/{number}")
async def item(number: int): return number

@app.get("/prices/{price:float}")
async def price(price: float): return price

@app.get("/things/{key}")
async def thing(key: uuid.UUID): return key

@app.post("/orders")
async def order(): return {}

@app.get("/missing")
async def missing(): raise HTTPException(404)

@app.get("/ticks")
async def ticks():
    async def forever():
        while True:
            yield "data: tick\\n\\n"
            await asyncio.sleep(1)
    return StreamingResponse(forever(), media_type="text/event-stream")

@app.websocket("/ws/{room}")
async def ws(socket: WebSocket, room: str): await socket.accept()

@app.get("/flood")
async def flood():
    async def forever():
        while True:
            yield b"x"
            await asyncio.sleep(1)
    return StreamingResponse(forever())

@app.websocket("/private")
async def private(socket: WebSocket): await socket.close(1008)

@router.get("/users")
async def users(): return []

@admin.get("/stats")
async def stats(): return {}

async def inner(scope, receive, send):
    await send({"type": "http.response.start", "status": 406, "headers": []})
    await send({"type": "http.response.body"})

from starlette.routing import Route
class Inner:
    async def __call__(self, scope, receive, send): await inner(scope, receive, send)
app.router.routes.append(Route("/inner", Inner()))
app.include_router(router)
app.mount("/admin", admin)


class Wrapped:
    def __init__(self, app): self.app = app
    async def __call__(self, scope, receive, send): await self.app(scope, receive, send)

wrapped = Wrapped(app)

def make(): return app

async def bare(scope, receive, send):
    if scope["type"] != "http": raise RuntimeError("http only")
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})

many = FastAPI()
for number in range(30):
    many.get(f"/{number}")(root)

starts = []
from contextlib import asynccontextmanager
@asynccontextmanager
async def once(app):
    if starts: raise RuntimeError("only once")
    starts.append(1)
    yield
only_once = FastAPI(lifespan=once)
"""

EXPECTED = {
    "GET /": {"http"},
    "GET /items/1": {"http"},
    "GET /prices/1.5": {"http"},
    "GET /things/00000000-0000-0000-0000-000000000000": {"http"},
    "GET /missing": {"http"},
    "GET /ticks": {"http", "http.stream", "sse"},
    "GET /flood": {"http", "http.stream"},
    "GET /inner": {"http"},
    "GET /ws/1": {"websocket"},
    "GET /v1/users": {"http"},
    "GET /admin/stats": {"http"},
}


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "discovered_shop.py").write_text(SHOP)
    return lambda attribute, **options: discover(
        Options(app=f"discovered_shop:{attribute}", app_dir=str(tmp_path), **options)
    )


@pytest.mark.parametrize(("attribute", "options"), [("app", {}), ("wrapped", {}), ("make", {"factory": True})])
def test_routes_streams_and_websockets_are_found(shop, attribute, options):
    target = shop(attribute, **options).target
    assert {str(route): set(route.capabilities) for route in target.routes} == EXPECTED
    assert target.capabilities == {"lifespan"}


def test_a_websocket_that_refuses_is_named_and_not_visited(shop):
    assert any("GET /private (refuses the handshake" in text for text in shop("app").not_visited)


def test_an_application_that_shows_no_routes_is_asked_for_its_root(shop):
    found = shop("bare")
    assert [str(route) for route in found.target.routes] == ["GET /"]
    assert "lifespan" not in found.target.capabilities
    assert "raised in its lifespan: RuntimeError: http only" in found.notes[0]


def test_of_many_plain_routes_some_are_visited_and_the_others_named(shop):
    found = shop("many")
    assert len(found.target.routes) == 10
    assert len(found.not_visited) == 20


def test_routes_that_are_named_replace_what_would_be_found(shop):
    target = shop("app", sse=("/ticks",), http=("POST /orders",)).target
    assert [str(route) for route in target.routes] == ["GET /ticks", "POST /orders"]


@pytest.mark.parametrize("named", [{"sse": ("/nothing",)}, {"http": ("POST /ticks",)}])
def test_a_named_route_that_is_not_there_is_told(shop, named):
    with pytest.raises(OutOfReach, match="answers 40[45] to"):
        shop("app", **named)


def test_looking_leaves_the_application_as_it_was(shop):
    shop("only_once")
    shop("only_once")


def test_a_startup_that_fails_is_told(tmp_path):
    (tmp_path / "failing_shop.py").write_text(
        "from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n"
        "@asynccontextmanager\nasync def lifespan(app):\n    raise OSError('no database')\n    yield\n"
        "app = FastAPI(lifespan=lifespan)\n"
    )
    with pytest.raises(Unreachable, match="OSError: no database"):
        discover(Options(app="failing_shop:app", app_dir=str(tmp_path)))
