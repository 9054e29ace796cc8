"""The layers of an application in other orders: pairs that matter are found, and no others."""

import time

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route as StarletteRoute

from asgi_conformance.onion.order import Difference, Orders, Pair
from asgi_conformance.orders import probe_orders, stack_of
from asgi_conformance.pattern import Route
from asgi_conformance.reports.orders import render

ROOT = [Route("GET", "/", {"http"})]
CORS = Middleware(CORSMiddleware, allow_origins=["https://a.example"])
HOSTS = Middleware(TrustedHostMiddleware, allowed_hosts=["a.example"])
GZIP = Middleware(GZipMiddleware, minimum_size=10)


class Plain:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


class Other(Plain):
    pass


class Third(Plain):
    pass


class Timing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        begun = time.perf_counter()
        response = await call_next(request)
        response.headers["x-time"] = str(time.perf_counter() - begun)
        return response


class Signs(Plain):
    """Adds the length of the body that it sees to the headers."""

    async def __call__(self, scope, receive, send):
        kept = []

        async def keep(message):
            kept.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                size = sum(len(part.get("body", b"")) for part in kept)
                kept[0]["headers"] = [*kept[0]["headers"], (b"x-size", str(size).encode())]
                for part in kept:
                    await send(part)

        await self.app(scope, receive, keep if scope["type"] == "http" else send)


def app_of(*layers):
    def hello(request):
        return PlainTextResponse("hello, hello, hello, hello, hello")

    return Starlette(routes=[StarletteRoute("/", hello)], middleware=list(layers))


def pairs(app, routes=ROOT):
    return {(pair.outer, pair.inner): pair for pair in probe_orders(app, routes).pairs}


@pytest.mark.slow
def test_layers_that_do_nothing_do_not_matter():
    orders = probe_orders(app_of(Middleware(Plain), Middleware(Other), Middleware(Third)), ROOT)
    assert orders.stack == ("Plain", "Other", "Third")
    assert orders.tried == 6
    assert orders.pairs == ()


def test_cors_inside_of_trusted_hosts_is_found_and_explained():
    pair = pairs(app_of(HOSTS, CORS))["TrustedHostMiddleware", "CORSMiddleware"]
    told = {difference.request: difference for difference in pair.differences}
    refused = told["GET / with a forged host, from another origin"]
    assert "access-control-allow-origin none" in refused.as_is
    assert "access-control-allow-origin https://a.example" in refused.reversed
    assert "CORS belongs outside" in (pair.known or "")
    assert "GET / from another origin" not in told


def test_trusted_hosts_inside_of_the_redirect_are_found_and_explained():
    pair = pairs(app_of(Middleware(HTTPSRedirectMiddleware), HOSTS))["HTTPSRedirectMiddleware", "TrustedHostMiddleware"]
    told = {difference.request: difference for difference in pair.differences}
    assert "location https://forged.invalid/" in told["GET / with a forged host"].as_is
    assert "status 400" in told["GET / with a forged host"].reversed
    assert "TrustedHost belongs outside" in (pair.known or "")


@pytest.mark.slow
def test_layer_that_reads_bodies_inside_of_compression_is_found():
    found = pairs(app_of(Middleware(Signs), GZIP, Middleware(Plain)))
    assert set(found) == {("Signs", "GZipMiddleware")}
    (difference,) = found["Signs", "GZipMiddleware"].differences
    assert difference.request == "GET / with gzip"
    assert "x-size 33" in difference.reversed


def test_values_that_change_by_themselves_are_not_compared():
    orders = probe_orders(app_of(Middleware(Timing), Middleware(Plain)), ROOT)
    assert orders.pairs == ()
    assert orders.masked == ("x-time",)


@pytest.mark.slow
def test_layer_that_marks_responses_outside_of_one_that_refuses():
    found = pairs(app_of(Middleware(Timing), HOSTS))
    (pair,) = found.values()
    assert {difference.as_is for difference in pair.differences} == {"x-time present"}
    assert {difference.reversed for difference in pair.differences} == {"x-time none"}


@pytest.mark.slow
def test_event_streams_behind_compression_are_told_of():
    async def events(request):
        async def one():
            yield "data: one\n\n"

        return StreamingResponse(one(), media_type="text/event-stream")

    app = Starlette(routes=[StarletteRoute("/", events)], middleware=[GZIP, Middleware(Plain)])
    assert probe_orders(app, ROOT).notes == ("GET / with gzip: an event stream, which compression leaves alone",)


def test_application_is_the_same_afterwards():
    app = app_of(HOSTS, CORS)
    before = list(app.user_middleware)
    probe_orders(app, ROOT)
    assert app.user_middleware == before


@pytest.mark.slow
def test_fastapi_with_decorator_is_permuted_too():
    app = FastAPI()

    @app.middleware("http")
    async def stamp(request, call_next):
        response = await call_next(request)
        response.headers["x-stamp"] = "1"
        return response

    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["a.example"])
    assert stack_of(app).names == ("TrustedHostMiddleware", "BaseHTTPMiddleware(stamp)")
    assert set(pairs(app)) == {("TrustedHostMiddleware", "BaseHTTPMiddleware(stamp)")}


@pytest.mark.slow
def test_plain_chain_is_permuted_behind_its_outermost_layer():
    async def hello(scope, receive, send):
        assert scope["type"] == "http"
        await PlainTextResponse("hello, hello, hello, hello, hello")(scope, receive, send)

    app = Plain(Signs(GZipMiddleware(Other(hello), minimum_size=10)))
    orders = probe_orders(app, ROOT)
    assert orders.stack == ("Signs", "GZipMiddleware", "Other")
    assert [(pair.outer, pair.inner) for pair in orders.pairs] == [("Signs", "GZipMiddleware")]
    assert type(app.app) is Signs
    assert type(app.app.app.app) is Other


@pytest.mark.slow
def test_more_than_five_layers_are_compared_pair_by_pair():
    passing = [Middleware(Plain) for _ in range(4)]
    orders = probe_orders(app_of(passing[0], HOSTS, *passing[1:], CORS), ROOT)
    assert [(pair.outer, pair.inner) for pair in orders.pairs] == [("TrustedHostMiddleware", "CORSMiddleware")]
    assert orders.tried <= 6 * 5 + 1


def test_order_in_which_the_stack_cannot_work_is_told():
    class Needs(Plain):
        async def __call__(self, scope, receive, send):
            if scope["type"] == "http":
                assert scope["from-outside"]
            await self.app(scope, receive, send)

    class Gives(Plain):
        async def __call__(self, scope, receive, send):
            await self.app({**scope, "from-outside": True}, receive, send)

    (pair,) = probe_orders(app_of(Middleware(Gives), Middleware(Needs)), ROOT).pairs
    assert "KeyError" in pair.differences[0].reversed


def test_one_layer_has_no_other_order():
    assert probe_orders(app_of(CORS), ROOT) == Orders(("CORSMiddleware",), 0, ())


def test_picture_names_pairs_differences_and_what_is_known():
    difference = Difference("GET /", "status 400", "status 200")
    told = render(Orders(("A", "CORSMiddleware"), 2, (Pair("A", "CORSMiddleware", (difference,) * 4),), ("GET /",)))
    for words in ("A > CORSMiddleware", "2 orders tried", "as it is  status 400", "reversed  status 200"):
        assert words in told
    assert "and 1 request more" in told
    assert "known     CORS belongs outside" in told
    assert "nothing to put in another order" in render(Orders(("A",), 0, ()))
