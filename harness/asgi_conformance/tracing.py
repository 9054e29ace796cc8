"""Traces: requests to an application in process, each told as a journey through its layers."""

import asyncio
from collections.abc import Iterable
from typing import Any

from asgi_conformance.clock import VirtualLoop
from asgi_conformance.drivers.base import Request, Unanswered, Unreachable
from asgi_conformance.drivers.exchange import Sample, read_response
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.isolation import ChildEnded, can_fork, in_child
from asgi_conformance.loading import LoadError, load
from asgi_conformance.onion import Onion
from asgi_conformance.onion.journey import Journey, journey
from asgi_conformance.pattern import Route
from asgi_conformance.protocol.types import ASGIApp
from asgi_conformance.runner import close_loop
from asgi_conformance.target import Target
from asgi_conformance.watchdog import guard

WITHIN = 60.0  # virtual seconds
SAMPLE = Sample(3, 10.0)  # how much of a stream is read
NOWHERE = "/asgi-conformance/no-such-path"
NO_METHOD = "TRACE"
PLAIN, SPECIAL = 2, 1  # routes of each kind that are visited unasked
LONGEST = 60.0  # real seconds


def trace(app: ASGIApp, routes: Iterable[Route], *, errors: bool = True) -> list[Journey]:
    """One journey for each route; with `errors` also for a path and a method that hardly any application serves.

    The application is started and stopped for it, on virtual time, and is not changed afterwards.

    Raises Unreachable when its startup fails.
    """
    loop = VirtualLoop()
    try:
        with guard(loop):
            return loop.run_until_complete(_trace(app, list(routes), errors=errors))
    finally:
        close_loop(loop)


def some(routes: Iterable[Route]) -> list[Route]:
    """Some of many routes: ordinary ones, and one of each special kind."""
    found = list(routes)
    plain = [route for route in found if not route.capabilities & {"sse", "websocket"}]
    special = [[route for route in found if kind in route.capabilities][:SPECIAL] for kind in ("sse", "websocket")]
    return [*plain[:PLAIN], *special[0], *special[1]]


def journeys_of(target: Target) -> list[dict[str, Any]]:
    """Journeys through an application for its report, as plain data; none where it cannot be followed apart."""
    ref = target.app
    if ref is None or not can_fork():
        return []
    try:
        told = in_child(lambda: trace(load(ref), some(target.routes)), within=LONGEST)
    except (ChildEnded, LoadError, Unreachable):
        return []  # the checks say what is wrong with it
    return [one.to_json() for one in told]


async def _trace(app: ASGIApp, routes: list[Route], *, errors: bool) -> list[Journey]:
    asked = [(str(route), route) for route in routes]
    if errors:
        asked.append(("a path that nobody serves", Route("GET", NOWHERE, {"http"}, _host(routes))))
        plain = next((route for route in routes if "websocket" not in route.capabilities), None)
        if plain is not None:
            wrong = Route(NO_METHOD, plain.path, {"http"}, plain.headers)
            asked.append((f"a method that {plain.path} does not have", wrong))
    told: list[Journey] = []
    with Onion(app, deep=True) as onion:
        async with InProcess(onion.app, raise_app_exceptions=False) as client:
            if onion.steps:
                calls = {step.call for step in onion.steps}
                told.append(_told(onion, "lifespan", calls))
            for words, route in asked:
                before = {step.call for step in onion.steps}
                await _visit(client, route)
                told.append(_told(onion, words, {step.call for step in onion.steps} - before))
    return told[1:] + told[:1] if told and told[0].request == "lifespan" else told


def _host(routes: list[Route]) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that a route needs to be let in, such as its host."""
    return tuple(pair for route in routes[:1] for pair in route.headers)


def _told(onion: Onion, words: str, calls: set[int | None]) -> Journey:
    """The journey of these calls alone; what other calls still do is left out."""
    everything = onion.steps
    onion.steps = [step for step in everything if step.call in calls]
    try:
        return journey(onion, words)
    finally:
        onion.steps = everything


async def _visit(client: InProcess, route: Route) -> None:
    request = Request(route.method, route.path, route.headers, route.body)
    if "websocket" in route.capabilities:
        socket = await client.websocket(request)
        try:
            await socket.opened(WITHIN)
        except Unanswered:
            pass
        finally:
            await socket.disconnect()
            await socket.ending(WITHIN)
        return
    exchange = await client.http(request)
    try:
        await read_response(exchange, within=WITHIN, sample=SAMPLE)
    except Unanswered:
        pass
    finally:
        await exchange.disconnect()
        await exchange.ending(WITHIN)
        await asyncio.sleep(0)
