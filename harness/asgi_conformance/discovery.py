"""Finds out what an application offers: its routes by looking, its streams and lifespan by asking."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from asgi_conformance.clock import VirtualLoop
from asgi_conformance.config import CAPABILITIES, Options
from asgi_conformance.drivers.base import Request, Unanswered, Unreachable
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.drivers.remote import RemoteDriver
from asgi_conformance.isolation import ChildEnded, can_fork, in_child
from asgi_conformance.loading import AppRef, load
from asgi_conformance.pattern import Route
from asgi_conformance.protocol.types import ASGIApp
from asgi_conformance.runner import close_loop
from asgi_conformance.target import Target
from asgi_conformance.watchdog import guard

MAX_PLAIN = 10  # ordinary routes that are visited unasked; streams and websockets are all visited
MAX_LAYERS = 64  # of middleware around an application; one that wraps itself has no last
WITHIN = 10.0
PIECES = 100  # parts of a body, after which it is taken for one without an end
TOTAL = 90.0  # real seconds for looking at all routes
CONVERTED = {"int": "1", "float": "1.5", "uuid": "00000000-0000-0000-0000-000000000000", "path": "x"}
PARAMETER = re.compile(r"{([^}:]+)(?::([^}]+))?}")


class OutOfReach(Exception):
    """An address or a route that was named cannot be reached; the text says so."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found, and what was found and is not visited."""

    target: Target
    not_visited: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def discover(options: Options) -> Discovery:
    """The application that `options` names, as a target.

    Raises:
        LoadError: it cannot be loaded.
        Unreachable: its startup fails.
        OutOfReach: a route that was named answers 404 or 405.
    """
    if options.app is None:
        raise ValueError("there is no application to look at")
    ref = AppRef(options.app, options.factory, options.app_dir)
    app = load(ref)
    named = options.routes()
    found = _found(app, named or tuple(dict.fromkeys(static_routes(app))), named=bool(named))
    visited, not_visited = (found.routes, ()) if named else _chosen(found.routes)
    routes = visited or (Route("GET", "/", CAPABILITIES["http"]),)
    capabilities = frozenset({"lifespan"} if found.has_lifespan else ()) | frozenset(options.promises)
    target = Target(options.app, ref, None, routes, capabilities, options.promises)
    return Discovery(target, (*not_visited, *found.refused), found.notes)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of looking at an application."""

    has_lifespan: bool
    routes: tuple[Route, ...] = ()
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _found(app: ASGIApp, routes: tuple[Route, ...], *, named: bool) -> Found:
    """What comes of looking at these routes, apart from this process where that is possible.

    Looking starts and stops the application, which not every application can do twice; and it may be deadly. Then
    each route is looked at by itself: one that ends the process stays an ordinary route, and the checks tell.
    """
    if not can_fork():
        return _looked(app, routes, named=named)
    try:
        return in_child(lambda: _looked(app, routes, named=named), within=TOTAL)
    except ChildEnded:
        pass
    try:
        found = in_child(lambda: _looked(app, (), named=named), within=TOTAL)
    except ChildEnded as error:
        raise Unreachable(str(error)) from None
    for route in routes:
        try:
            one = in_child(lambda route=route: _looked(app, (route,), named=named), within=TOTAL)  # type: ignore[misc]
        except ChildEnded as error:
            one = Found(found.has_lifespan, (route,), notes=(f"{route}: {error}",))
        found = replace(found, routes=found.routes + one.routes, refused=found.refused + one.refused,
                        notes=tuple(dict.fromkeys(found.notes + one.notes)))  # fmt: skip
    return found


def _chosen(routes: tuple[Route, ...]) -> tuple[tuple[Route, ...], tuple[str, ...]]:
    """Which routes are visited unasked, and which are not: all that is special, and some of the ordinary ones."""
    special = tuple(route for route in routes if route.capabilities & {"sse", "websocket"})
    plain = tuple(route for route in routes if route not in special)
    return plain[:MAX_PLAIN] + special, tuple(str(route) for route in plain[MAX_PLAIN:])


def _looked(app: ASGIApp, routes: tuple[Route, ...], *, named: bool) -> Found:
    loop = VirtualLoop()
    found: Found | None = None
    try:
        with guard(loop) as watched:
            found = loop.run_until_complete(_look(app, routes, named=named))
    finally:
        close_loop(loop)
    if found is None or watched.fired is not None:
        raise Unreachable(f"the application does not come up: {watched.fired}, at {watched.place}")
    return found


async def _look(app: ASGIApp, routes: tuple[Route, ...], *, named: bool) -> Found:
    client = InProcess(app, raise_app_exceptions=False)
    async with client:
        has_lifespan = client.run is not None
        notes = () if has_lifespan else (f"no lifespan: {client.no_lifespan}",)
        if named:
            for route in routes:
                await _exists(client, route)
            return Found(has_lifespan, tuple([await _described(client, route) for route in routes]), (), notes)
        seen: list[Route] = []
        refused: list[str] = []
        for route in routes:
            if "websocket" not in route.capabilities:
                seen.append(replace(route, capabilities=await _kind(client, route)))
            elif await _accepts(client, route):
                seen.append(route)
            else:
                refused.append(f"{route} (refuses the handshake: name an address that it accepts)")
    return Found(has_lifespan, tuple(seen), tuple(refused), notes)


async def _described(client: InProcess, route: Route) -> Route:
    """The route that was named, and whether its body has no end in sight."""
    if route.capabilities != CAPABILITIES["http"]:
        return route
    return replace(route, capabilities=route.capabilities | (await _kind(client, route) & {"http.stream"}))


async def _exists(client: InProcess, route: Route) -> None:
    if "websocket" in route.capabilities:
        return
    status = await _status(client, route)
    if status in {404, 405}:
        raise OutOfReach(f"the application answers {status} to {route}")


async def _status(client: InProcess, route: Route) -> int:
    exchange = await client.http(Request(route.method, route.path, route.headers, route.body))
    try:
        return (await exchange.head(WITHIN)).status
    except Unanswered:
        return 0
    finally:
        await exchange.disconnect()
        await exchange.ending(1.0)


async def _accepts(client: InProcess, route: Route) -> bool:
    """Whether the application accepts a plain handshake there; one that wants a token, say, does not."""
    exchange = await client.websocket(Request("GET", route.path, route.headers))
    try:
        return (await exchange.opened(WITHIN)).accepted
    except Unanswered:
        return True  # the checks say what is wrong with it
    finally:
        await exchange.disconnect()
        await exchange.ending(1.0)


async def _kind(client: InProcess, route: Route) -> frozenset[str]:
    """What answers at a plain route: an event stream, a stream without an end in sight, or an ordinary response."""
    exchange = await client.http(Request(route.method, route.path))
    try:
        head = await exchange.head(WITHIN)
        media_type = (head.get("content-type") or "").partition(";")[0].strip().lower()
        if head.status == 200 and media_type == "text/event-stream":
            return CAPABILITIES["sse"]
        for _ in range(PIECES):
            if await exchange.piece(WITHIN) is None:
                return CAPABILITIES["http"]
    except Unanswered:
        pass
    finally:
        await exchange.disconnect()
        await exchange.ending(1.0)
    return CAPABILITIES["http"] | ({"http.stream"} if exchange.messages else set())


def reach(options: Options) -> Target:
    """The address that `options` names, as a target. Raises OutOfReach when nobody answers there."""
    url, routes = options.url or "", options.routes()
    address = url
    if not routes and url.startswith(("ws://", "wss://")):
        # The whole address is that of the websocket.
        parts = urlsplit(url)
        address = f"{parts.scheme}://{parts.netloc}"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        routes = (Route("GET", path, CAPABILITIES["websocket"]),)
    routes = routes or (Route("GET", "/", CAPABILITIES["http"]),)
    target = Target(url, None, address, routes, frozenset(options.promises), options.promises)
    with asyncio.Runner() as runner:
        try:
            runner.run(_answered(target))
        except Unreachable as error:
            raise OutOfReach(str(error)) from None
    return target


async def _answered(target: Target) -> None:
    async with RemoteDriver(target.url or "") as driver:
        for route in target.routes:
            if "websocket" in route.capabilities:
                continue
            exchange = await driver.http(Request(route.method, route.path))
            try:
                head = await exchange.head(WITHIN)
            except Unanswered as error:
                raise OutOfReach(f"{target.url}: {route}: {error}") from None
            finally:
                await exchange.disconnect()
            if head.status in {404, 405} and route.path != "/":
                raise OutOfReach(f"{target.url} answers {head.status} to {route}")


def static_routes(app: Any, prefix: str = "", depth: int = 0) -> Iterator[Route]:
    """GET and websocket routes of a Starlette-like application, path parameters filled in.

    An application that is wrapped in middleware (an attribute `app`) is looked through.
    """
    inner = app
    for _ in range(MAX_LAYERS):
        if getattr(inner, "routes", None) is not None or getattr(inner, "app", None) is None:
            break
        inner = inner.app
    routes = getattr(inner, "routes", None)
    if not isinstance(routes, list | tuple) or depth > 8:
        return
    for route in routes:
        yield from _routes_of(route, prefix, depth)


def _routes_of(route: Any, prefix: str, depth: int) -> Iterator[Route]:
    included = getattr(route, "original_router", None)
    if included is not None:  # FastAPI keeps an included router as one route, with the prefix beside it
        context = getattr(route, "include_context", None)
        yield from static_routes(included, prefix + getattr(context, "prefix", ""), depth + 1)
        return
    path = getattr(route, "path", None)
    if not isinstance(path, str) or _documents_the_api(route):
        return
    methods = getattr(route, "methods", None)
    if methods:
        if "GET" in methods:
            yield Route("GET", filled(prefix + path, route), CAPABILITIES["http"])
    elif type(route).__name__.endswith("WebSocketRoute"):
        yield Route("GET", filled(prefix + path, route), CAPABILITIES["websocket"])
    elif getattr(route, "routes", None):
        yield from static_routes(route, prefix + path, depth + 1)
    elif type(route).__name__ == "Route":  # an ASGI application as the endpoint, which takes every method
        yield Route("GET", filled(prefix + path, route), CAPABILITIES["http"])


def _documents_the_api(route: Any) -> bool:
    """Whether a framework added the route by itself: documentation pages and the schema."""
    endpoint = getattr(route, "endpoint", None)
    hidden = getattr(route, "include_in_schema", True) is False
    return hidden and getattr(endpoint, "__module__", "").startswith(("fastapi.", "starlette."))


def filled(path: str, route: Any) -> str:
    """The path with a value for each parameter, by its converter and, for FastAPI, by its annotation."""
    annotations = getattr(getattr(route, "endpoint", None), "__annotations__", {})

    def value(match: re.Match[str]) -> str:
        name, converter = match[1], match[2]
        if converter is None:
            annotated = annotations.get(name)
            converter = getattr(annotated, "__name__", str(annotated)).lower()
        return CONVERTED.get(converter, "1")

    return PARAMETER.sub(value, path) or "/"
