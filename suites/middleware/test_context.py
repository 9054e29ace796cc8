"""Middleware: what belongs to one request stays with it, and reaches everything inside."""

import asyncio
from collections import Counter

from asgi_conformance import PRACTICE, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Response
from asgi_conformance.drivers.exchange import read_response
from asgi_conformance.onion import Passing
from asgi_conformance.spec import PRACTICES

from .layers import layers

CROWD = 50
WITHIN = 60.0


@check(
    "middleware.context.ids-unique",
    level=PRACTICE,
    clause=PRACTICES["middleware-context"],
    needs={"http.finite", "middleware.request-id"},
)
async def test_requests_at_the_same_time_keep_their_own_ids(probe: Probe) -> None:
    """Of many requests at the same time each must get an id of its own, the same in header and body.

    An id that two requests share sends whoever reads the log to the wrong one; an id that slipped from one
    request into another is a sign that other data may slip as well.

    Usual cause: the id is kept in a module global, on the application or on the layer instead of the request.
    Usual mend: `request.state`, or a context variable that is set in a pure ASGI layer.
    """
    name = probe.promise("middleware.request-id").lower()
    responses = await _crowd(probe)
    ids = [response.head.get(name) for response in responses]
    if None in ids:
        raise Violation(expected=f"a header {name} on each of {CROWD} responses", observed=f"{ids.count(None)} without")
    shared = [value for value, times in Counter(ids).items() if times > 1]
    if shared:
        raise Violation(expected=f"{CROWD} different ids", observed=f"{CROWD - len(set(ids))} repeated ones")
    mixed = [number for number, response in enumerate(responses) if _is_anothers(response.body, number, ids)]
    if mixed:
        raise Violation(expected="the id of the header in the body", observed=f"another one in {len(mixed)} of {CROWD}")


def _is_anothers(body: bytes, number: int, ids: list[str | None]) -> bool:
    """Whether the body tells the id of another response, and not its own."""
    told = [place for place, value in enumerate(ids) if str(value).encode() in body]
    return bool(told) and number not in told


async def _crowd(probe: Probe) -> list[Response]:
    await probe.start()
    exchanges = [await probe.driver.http(probe.http_request()) for _ in range(CROWD)]
    try:
        return await asyncio.gather(*(read_response(exchange, within=WITHIN) for exchange in exchanges))
    except Unanswered as reason:
        raise Blocked(str(reason)) from None


@check(
    "middleware.context.passes-inwards",
    level=PRACTICE,
    clause=PRACTICES["middleware-context"],
    needs={"http", "script"},
)
async def test_context_variables_reach_the_innermost_application(probe: Probe) -> None:
    """A context variable that is set outside a layer must be visible inside of it.

    Tracing, logging and database sessions are found through context variables.

    Usual cause: a layer that runs the inner application in a task with a fresh context, or in another thread
    without `contextvars.copy_context()`.
    Usual mend: `await self.app(...)` in the same task, or tasks that inherit the context, as they do by default.
    """
    async with layers(probe) as onion, probe.exchange() as exchange:
        await exchange.ending(WITHIN)
    for step in onion.steps:
        if step.what is Passing.ENTERED and step.call is None:
            raise Violation(
                expected=f"context variables of the caller in {onion.names[step.layer]}",
                observed=f"none of them inside {onion.names[step.layer - 1]}",
            )


@check(
    "middleware.context.passes-outwards",
    level=PRACTICE,
    clause=PRACTICES["middleware-context"],
    needs={"http.finite", "script", "middleware.context-outwards"},
)
async def test_context_variables_of_the_application_are_seen_outside(probe: Probe) -> None:
    """A context variable that the application sets must be seen by the layers around it, where that is promised.

    Loggers and tracers outside read there what the endpoint has found out: the user, the tenant, the route.

    Usual cause: a layer that runs the application inside in a task, which has a copy of the context.
    `BaseHTTPMiddleware` is one.
    Usual mend: a pure ASGI layer; or a mutable object that is put into the variable outside.
    """
    async with layers(probe) as onion, probe.exchange() as exchange:
        await exchange.ending(WITHIN)
    for step in reversed(onion.steps):
        if step.what is Passing.RETURNED and onion.at(onion.innermost) and step.reached < onion.innermost:
            raise Violation(
                expected=f"the context variables of {onion.names[onion.innermost]} in {onion.names[step.layer]}",
                observed=f"those of {onion.names[step.reached]} at most",
            )
