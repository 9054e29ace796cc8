"""Middleware: layers are entered in the promised order, and left in the reverse one."""

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.onion import LEFT, Onion, Passing
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
    promised = [name.strip() for name in probe.promise("middleware.order").split(">")]
    async with layers(probe) as onion, probe.exchange() as exchange:
        await exchange.head(WITHIN)
    entered = onion.entered()
    found = [name for seen in entered for name in promised if name in seen]
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
