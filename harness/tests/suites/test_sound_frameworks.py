"""Applications in the style of four frameworks' documents: no rule about ASGI, HTTP or the lifespan accuses them."""

import asyncio
from typing import Annotated

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Form, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from starlette.responses import StreamingResponse as StarletteStreaming
from starlette.routing import Mount
from starlette.routing import Route as Path
from starlette.staticfiles import StaticFiles

from asgi_conformance import catalogue
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.pattern import Route
from asgi_conformance.runner import Case, plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.suite in {"asgi", "http", "lifespan"}]
HTTP = {"http"}
FORM = ((b"content-type", b"application/x-www-form-urlencoded"),)
JSON = ((b"content-type", b"application/json"),)


def starlette_app(tmp_path):
    """Routes, mounts, sessions, authentication, static files, handlers."""
    (tmp_path / "style.css").write_text("body { color: black }\n")

    class Backend(AuthenticationBackend):
        async def authenticate(self, connection):
            return AuthCredentials(["authenticated"]), SimpleUser("somebody")

    class Homepage(HTTPEndpoint):
        async def get(self, request):
            return PlainTextResponse(f"Hello, {request.user.display_name}!")

    async def count(request):
        request.session["count"] = request.session.get("count", 0) + 1
        return JSONResponse({"count": request.session["count"]})

    async def numbers(request):
        async def slow_numbers():
            yield "<html><body><ul>"
            for number in range(1, 5):
                yield f"<li>{number}</li>"
                await asyncio.sleep(0.5)
            yield "</ul></body></html>"

        return StarletteStreaming(slow_numbers(), media_type="text/html")

    async def login(request):
        async with request.form() as form:
            if not form.get("user"):
                raise StarletteHTTPException(400, "who?")
            return RedirectResponse("/", status_code=303)

    async def not_found(request, error):
        return HTMLResponse("<h1>Not found</h1>", status_code=404)

    routes = [
        Path("/", Homepage),
        Path("/count", count),
        Path("/numbers", numbers),
        Path("/login", login, methods=["POST"]),
        Mount("/static", StaticFiles(directory=tmp_path)),
    ]
    middleware = [
        Middleware(SessionMiddleware, secret_key="secret"),
        Middleware(AuthenticationMiddleware, backend=Backend()),
        Middleware(GZipMiddleware, minimum_size=500),
    ]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={404: not_found})


def fastapi_app(tmp_path):
    """Path, query and body parameters, forms, background tasks, security, a router, a stream."""
    app = FastAPI()
    security = HTTPBasic()

    @app.get("/items/{item_id}")
    async def read_item(item_id: int, q: str | None = None):
        return {"item_id": item_id, "q": q}

    @app.post("/items/", status_code=201)
    async def create_item(item: dict[str, float]):
        return item

    @app.post("/login/")
    async def login(username: str = Form()):
        return {"username": username}

    @app.post("/notify")
    async def notify(tasks: BackgroundTasks):
        tasks.add_task(asyncio.sleep, 0.1)
        return {"message": "sent in the background"}

    @app.get("/me")
    async def me(credentials: Annotated[HTTPBasicCredentials, Depends(security)]):
        return {"user": credentials.username}

    @app.get("/teapot")
    async def teapot():
        raise HTTPException(418, headers={"x-error": "there goes my error"})

    @app.get("/video")
    def video():
        return StreamingResponse((b"frame" for _ in range(10)), media_type="video/mp4")

    return app


def litestar_app(tmp_path):
    """Handlers, a controller, dependencies, guards, a stream, background work."""
    litestar = pytest.importorskip("litestar")
    from litestar.background_tasks import BackgroundTask
    from litestar.di import Provide
    from litestar.response import Redirect, Response, Stream

    async def limit() -> int:
        return 10

    class Books(litestar.Controller):
        path = "/books"

        @litestar.get()
        async def list_books(self, limit: int) -> list[str]:
            return ["one", "two"][:limit]

        @litestar.post()
        async def create_book(self, data: dict[str, str]) -> dict[str, str]:
            return data

        @litestar.delete("/{number:int}")
        async def delete_book(self, number: int) -> None:
            return None

    @litestar.get("/")
    async def index() -> str:
        return "Hello, world!"

    @litestar.get("/old")
    async def old() -> Redirect:
        return Redirect("/")

    @litestar.get("/later")
    async def later() -> Response[dict[str, str]]:
        return Response({"hello": "world"}, background=BackgroundTask(asyncio.sleep, 0.1))

    @litestar.get("/stream")
    async def stream() -> Stream:
        async def produced():
            for number in range(3):
                yield f"{number}\n"
                await asyncio.sleep(0.1)

        return Stream(produced())

    return litestar.Litestar(
        [index, old, later, stream, Books], dependencies={"limit": Provide(limit)}, openapi_config=None
    )


def quart_app(tmp_path):
    """Views, JSON, forms, a stream, background work, an error handler."""
    quart = pytest.importorskip("quart")
    app = quart.Quart("quart_app")

    @app.get("/")
    async def hello():
        return "hello"

    @app.get("/json")
    async def as_json():
        return {"hello": "world"}

    @app.post("/echo")
    async def echo():
        return {"size": len(await quart.request.get_data())}

    @app.get("/page")
    async def page():
        return "<p>hello", 200, {"x-header": "value"}

    @app.get("/old")
    async def old():
        return quart.redirect(quart.url_for("hello"))

    @app.get("/stream")
    async def stream():
        async def produced():
            for number in range(3):
                yield f"{number}\n".encode()
                await asyncio.sleep(0.1)

        return produced(), {"content-type": "text/plain"}

    @app.errorhandler(404)
    async def not_found(error):
        return {"error": "there is no such thing"}, 404

    return app


FINITE = {"http", "http.stream", "http.finite"}
APPS = {
    starlette_app: (
        Route("GET", "/", HTTP),
        Route("GET", "/count", HTTP),
        Route("GET", "/numbers", FINITE),
        Route("POST", "/login", HTTP | {"http.upload"}, FORM, b"user=somebody"),
        Route("GET", "/static/style.css", HTTP),
        Route("GET", "/elsewhere", HTTP),
    ),
    fastapi_app: (
        Route("GET", "/items/5?q=lamp", HTTP),
        Route("GET", "/items/five", HTTP),
        Route("POST", "/items/", HTTP | {"http.upload"}, JSON, b'{"price": 1.5}'),
        Route("POST", "/login/", HTTP | {"http.upload"}, FORM, b"username=somebody"),
        Route("POST", "/notify", HTTP | {"http.background"}),
        Route("GET", "/me", HTTP),
        Route("GET", "/teapot", HTTP),
        Route("GET", "/video", FINITE),
        Route("GET", "/docs", HTTP),
        Route("GET", "/openapi.json", HTTP),
    ),
    litestar_app: (
        Route("GET", "/", HTTP),
        Route("GET", "/books", HTTP),
        Route("POST", "/books", HTTP | {"http.upload"}, JSON, b'{"title": "three"}'),
        Route("DELETE", "/books/1", HTTP),
        Route("GET", "/old", HTTP),
        Route("GET", "/later", HTTP | {"http.background"}),
        Route("GET", "/stream", FINITE),
        Route("GET", "/elsewhere", HTTP),
    ),
    quart_app: (
        Route("GET", "/", HTTP),
        Route("GET", "/json", HTTP),
        Route("POST", "/echo", HTTP | {"http.upload"}, (), b"1, 2, 3"),
        Route("GET", "/page", HTTP),
        Route("GET", "/old", HTTP),
        Route("GET", "/stream", FINITE),
        Route("GET", "/elsewhere", HTTP),
    ),
}

# What is true of a framework, whatever its users do; each was looked up in its source.
TRUE = {
    starlette_app: set(),
    fastapi_app: set(),
    # `event["body"]`, which is optional; any other scope type is taken for a request.
    litestar_app: {"asgi.request-body.optional-keys", "asgi.unknown-scope.raises"},
    # `scope["scheme"]`, which is optional; its two tasks are not cancelled when the call is.
    quart_app: {"asgi.scope.optional-keys", "asgi.tasks.none-left"},
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what the frameworks' next versions will do otherwise
@pytest.mark.parametrize("make", APPS, ids=lambda make: make.__name__)
def test_documented_style_is_not_accused(make, tmp_path) -> None:
    make(tmp_path)  # skipped here, if the framework is missing
    target = Target(make.__name__, routes=APPS[make], capabilities=frozenset({"lifespan"}))
    accused = {}
    judged = 0

    def driver(_case: Case, transcript):
        return InProcess(make(tmp_path), raise_app_exceptions=False, transcript=transcript, linted=True)

    for case in plan(CHECKS, target, "in-process", InProcess.abilities):
        if case.not_applicable is None:
            verdict = run_case(case, driver)
            judged += 1
            if verdict.outcome not in {Outcome.PASSED, Outcome.NOT_APPLICABLE}:
                accused[verdict.check, str(case.route)] = (verdict.outcome.value, verdict.expected, verdict.observed)
    assert {key: told for key, told in accused.items() if key[0] not in TRUE[make]} == {}
    assert {check for check, _ in accused} == TRUE[make]
    assert judged > 300
