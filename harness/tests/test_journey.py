"""Journeys: requests followed through whole applications, and the pictures of them."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Router
from starlette.routing import Route as StarletteRoute

from asgi_conformance import InProcess, VirtualLoop, catalogue
from asgi_conformance.loading import forget_fresh, load
from asgi_conformance.onion import Onion
from asgi_conformance.onion.journey import Journey
from asgi_conformance.pattern import Route
from asgi_conformance.reports.journey import render
from asgi_conformance.tracing import some, trace

GOLDEN = Path(__file__).with_name("golden")


class Passing:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


class Outer(Passing):
    pass


class OfRoute(Passing):
    pass


class OfMount(Passing):
    pass


class OfRouter(Passing):
    pass


class Refuses(Passing):
    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            await PlainTextResponse("no", 403)(scope, receive, send)


def hello(request):
    return PlainTextResponse("hello")


def journeys(app, *paths, **options):
    return trace(app, [Route("GET", path, {"http"}) for path in paths], errors=False, **options)


def test_layers_of_routes_mounts_and_routers_are_followed():
    app = Starlette(
        routes=[
            StarletteRoute("/one", hello, middleware=[Middleware(OfRoute)]),
            Mount("/two", routes=[StarletteRoute("/", hello)], middleware=[Middleware(OfMount)]),
            Mount("/three", Router([StarletteRoute("/", hello)], middleware=[Middleware(OfRouter)])),
        ],
        middleware=[Middleware(Outer)],
    )
    told = {one.request: one for one in journeys(app, "/one", "/two/", "/three/")}
    common = ("Starlette", "ServerErrorMiddleware", "Outer", "ExceptionMiddleware", "Router")
    assert told["GET /one"].going_in == (*common, "OfRoute", "hello()")
    assert told["GET /two/"].going_in == (*common, "OfMount", "Router", "hello()")
    assert told["GET /three/"].going_in == (*common, "Router", "OfRouter", "app", "hello()")
    assert told["GET /one"].coming_out == told["GET /one"].going_in[::-1]
    assert [via for via, _ in told["GET /one"].passed_by] == ["mount /two", "mount /three"]
    assert app.middleware_stack is None
    assert type(app.routes[0].app) is OfRoute


def test_included_routers_and_mounted_fastapi_are_followed():
    app, mounted, router = FastAPI(), FastAPI(), APIRouter(prefix="/included")
    mounted.add_middleware(OfMount)

    @router.get("/here")
    async def here():
        return 1

    @mounted.get("/there")
    async def there():
        return 2

    app.include_router(router)
    app.mount("/mounted", mounted)
    first, second, *_ = journeys(app, "/included/here", "/mounted/there")
    assert first.going_in[-1] == "here()"
    assert second.going_in[-1] == "there()"
    assert second.going_in.count("FastAPI") == 2
    assert "OfMount" in second.going_in
    assert "OfMount" not in first.going_in


def test_background_tasks_are_told_with_their_place():
    app = FastAPI()

    def mail():
        pass

    @app.get("/")
    async def root(tasks: BackgroundTasks):
        tasks.add_task(mail)
        return 1

    told = journeys(app, "/")[0]
    (work,) = told.background
    assert (work.name, work.inside) == ("mail", "root()")
    assert work.when.startswith("the response had left every layer; none of ")


def test_background_task_that_holds_the_response_is_told():
    class Keeps(Passing):
        async def __call__(self, scope, receive, send):
            kept = []

            async def keep(message):
                kept.append(message)

            await self.app(scope, receive, keep if scope["type"] == "http" else send)
            for message in kept:
                await send(message)

    from starlette.background import BackgroundTask

    def endpoint(request):
        return PlainTextResponse("hello", background=BackgroundTask(print))

    app = Starlette(routes=[StarletteRoute("/", endpoint)], middleware=[Middleware(Keeps)])
    (work,) = journeys(app, "/")[0].background
    assert work.when.startswith("the response had not left every layer")


def test_layer_that_answers_itself_is_told():
    told = journeys(Starlette(routes=[StarletteRoute("/", hello)], middleware=[Middleware(Refuses)]), "/")[0]
    assert told.status == 403
    assert told.going_in[-1] == "Refuses"
    assert told.visits[-1].did == ("answers 403 itself: nothing further in is called",)


def test_swallowed_lifespan_is_told():
    app = Starlette(routes=[StarletteRoute("/", hello)], middleware=[Middleware(Refuses)])
    lifespan = journeys(app, "/")[-1]
    assert (lifespan.request, lifespan.going_in[-1]) == ("lifespan", "Refuses")


def test_headers_that_are_changed_in_place_are_told_of_the_right_layer():
    class Marks(Passing):
        async def __call__(self, scope, receive, send):
            async def marked(message):
                if message["type"] == "http.response.start":
                    message["headers"].append((b"x-mark", b"1"))
                await send(message)

            await self.app(scope, receive, marked)

    app = Starlette(routes=[StarletteRoute("/", hello)], middleware=[Middleware(Outer), Middleware(Marks)])
    did = {visit.name: visit.did for visit in journeys(app, "/")[0].visits}
    assert did["Marks"] == ("+ x-mark",)
    assert did["Outer"] == did["Router"] == ()


def test_journey_survives_json():
    told = journeys(Starlette(routes=[StarletteRoute("/", hello)]), "/")
    assert [Journey.from_json(json.loads(json.dumps(one.to_json()))) for one in told] == told


def test_application_that_cannot_be_looked_into_has_one_layer():
    async def app(scope, receive, send):
        await PlainTextResponse("hello")(scope, receive, send)

    told = journeys(app, "/")[0]
    assert told.going_in == told.coming_out == ("app",) or len(told.going_in) == 1
    assert told.status == 200


def test_what_is_behind_a_router_is_left_alone_unless_asked_for():
    app = Starlette(routes=[StarletteRoute("/", hello, middleware=[Middleware(OfRoute)])])

    async def main():
        with Onion(app) as onion:
            async with InProcess(onion.app) as client:
                await client.request("GET", "/")
        return onion

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        onion = runner.run(main())
    assert onion.names[onion.innermost] == onion.names[-1] == "Router"


def test_some_routes_are_chosen_of_many():
    routes = [Route("GET", f"/{number}", {"http"}) for number in range(9)]
    sockets = [Route("GET", f"/ws/{number}", {"websocket"}) for number in range(3)]
    events = [Route("GET", "/events", {"http", "http.stream", "sse"})]
    assert [route.path for route in some([*sockets, *routes, *events])] == ["/0", "/1", "/events", "/ws/0"]


@pytest.mark.parametrize("name", ["middleware.stack", "middleware.stack.order", "routing.mount.layered"])
def test_pictures_are_as_they_were(name):
    target = catalogue.load_patterns()[name]
    try:
        made = render(trace(load(target.app), target.routes))
    finally:
        forget_fresh()
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(made, encoding="utf-8")
    assert made == file.read_text(encoding="utf-8"), "run again with UPDATE_GOLDEN=1"
