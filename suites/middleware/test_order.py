"""Middleware: layers are entered in the promised order, and left in the reverse one."""

import inspect

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.onion import LEFT, Onion, Passing
from asgi_conformance.protocol.types import ASGIApp, Receive, Scope, Send
from asgi_conformance.spec import PRACTICES, STARLETTE

from .layers import layers, seconds

WITHIN = 30.0
BUSY = 5.0  # seconds of work after the response


@check(
    "middleware.order.as-promised",
    level=PRACTICE,
    clause=STARLETTE["using-middleware"],
    needs={"http", "script", "middleware.order"},
)
async def test_layers_are_entered_in_the_promised_order(probe: Probe) -> None:
    """A request should enter the layers in the order that the application promises, the outermost first.

    The order decides who answers first: a CORS layer inside an authentication layer adds no headers to a
    401, and the browser shows a network error instead.

    Usual cause: with `add_middleware` and the decorator the layer that is added last comes first; with the
    `middleware` argument the first in the list does.
    Usual mend: add the layers from the innermost to the outermost.
    """
    orders = _orders(probe.promise("middleware.order"))
    promised = next(names for prefix, names in orders if probe.route.path.startswith(prefix))
    every = {name for _, names in orders for name in names}
    async with layers(probe, deep=True) as onion, probe.exchange() as exchange:
        await exchange.head(WITHIN)
    entered = onion.entered()
    found = [name for seen in entered for name in every if name in seen]
    if found != promised:
        raise Violation(expected=" > ".join(promised), observed=" > ".join(entered))


@check(
    "middleware.order.inner-ends-first",
    level=PRACTICE,
    clause=PRACTICES["middleware-order"],
    needs={"http", "script"},
)
async def test_no_layer_ends_before_what_is_inside(probe: Probe) -> None:
    """A layer must not return before the application inside it has.

    The server takes the return for the end of the request: it may close the connection, count the request as
    done, and shut down while the rest still runs. What it raises then, nobody sees.

    Usual cause: a layer that runs the inner application in a task and does not await that task.
    Usual mend: `await` the inner application, or a task group around it.
    """
    async with layers(probe) as onion, probe.exchange() as exchange:
        await exchange.ending(WITHIN)
    for layer in range(1, onion.innermost + 1):
        outer, inner = (_end(onion, number) for number in (layer - 1, layer))
        if outer is not None and onion.at(layer, Passing.ENTERED) and (inner is None or inner > outer):
            raise Violation(
                expected=f"the end of {onion.names[layer]} before that of {onion.names[layer - 1]}",
                observed="the reverse" if inner is not None else f"{onion.names[layer]} still running",
            )


def _end(onion: Onion, layer: int) -> int | None:
    """The number of the step with which the layer was left."""
    return next((n for n, step in enumerate(onion.steps) if step.layer == layer and step.what in LEFT), None)


@check(
    "middleware.order.response-before-background",
    level=PRACTICE,
    clause=PRACTICES["middleware-order"],
    needs={"http", "script"},
)
async def test_end_of_the_response_is_not_held_back(probe: Probe) -> None:
    """The end of a response should leave every layer while the application inside may still be busy.

    What runs after the response, such as background tasks, would otherwise keep the client waiting.

    Usual cause: a layer that sends the last body message only when the inner application has returned.
    Usual mend: hand the last body message on as it comes.
    """
    async with layers(probe, linger=BUSY) as onion, probe.exchange() as exchange:
        await exchange.ending(WITHIN)
    for layer in range(onion.innermost - 1, -1, -1):
        inside, outside = (next((s.at for s in onion.at(n) if s.is_end), None) for n in (layer + 1, layer))
        if inside is not None and (outside is None or outside >= inside + seconds(BUSY)):
            raise Violation(
                expected=f"the end of the response outside {onion.names[layer]} when it comes from inside",
                observed="nothing before the application inside was done" if outside is not None else "nothing",
            )


def _orders(promise: str) -> list[tuple[str, list[str]]]:
    """The promised layers by the beginning of the path, longest first: ``A > B; /admin: A > B > C``."""
    found = []
    for part in promise.split(";"):
        prefix, colon, names = part.rpartition(":")
        found.append((prefix.strip() if colon else "", [name.strip() for name in names.split(">") if name.strip()]))
    return sorted(found, key=lambda order: len(order[0]), reverse=True)


class Late:
    """A layer that notes that it was called."""

    called = 0

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the call, and pass it on."""
        Late.called += 1
        await self.app(scope, receive, send)


@check(
    "middleware.order.late-layer",
    level=PRACTICE,
    clause=STARLETTE["using-middleware"],
    needs={"http", "script"},
)
async def test_layer_that_is_added_late_is_not_lost(probe: Probe) -> None:
    """A layer that is added after the first request must be refused, or take effect.

    An authentication layer that is added and never called lets everybody in.

    Usual cause: a stack that is built once, and a list that can be added to ever after.
    Usual mend: add layers before the application starts; raise from `add_middleware` once the stack is built.
    """
    async with layers(probe) as onion:
        number = next((n for n, app in enumerate(onion.inside) if hasattr(app, "user_middleware")), None)
        adding = None if number is None else onion.inside[number]
        add = getattr(adding, "add_middleware", None)
        if number is None or not inspect.ismethod(add):
            raise NotApplicable("an application that layers can be added to")
        await _visited(probe)
        if not onion.at(number):
            raise NotApplicable(f"the request does not get as far as {onion.names[number]}")
    # Once more without the recorders, which have the stack built anew when they are taken out.
    await _visited(probe)
    try:
        add(Late)
    except Exception:
        return  # refused, whatever the words
    before = Late.called
    await _visited(probe)
    if Late.called == before:
        raise Violation(expected="the layer to be refused, or to be called", observed="neither")


async def _visited(probe: Probe) -> None:
    """Make a request to the route, and see its response begin."""
    try:
        async with probe.exchange() as exchange:
            await exchange.head(WITHIN)
    except Unanswered as reason:
        raise Blocked(str(reason)) from None
