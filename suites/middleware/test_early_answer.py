"""Middleware: a layer that answers a request itself keeps it from the application."""

from asgi_conformance import PRACTICE, NotApplicable, Probe, Violation, check
from asgi_conformance.onion import Onion
from asgi_conformance.spec import PRACTICES

from .layers import layers

WITHIN = 30.0


@check(
    "middleware.early-answer.keeps-out",
    level=PRACTICE,
    clause=PRACTICES["middleware-early-answer"],
    needs={"http.early", "script"},
)
async def test_refused_request_does_not_reach_the_application(probe: Probe) -> None:
    """A request that a layer answers itself must not be handed to the application inside as well.

    A refusal whose request was carried out all the same is worse than none: the client believes that nothing
    happened, and tries again.

    Usual cause: a `return` that is missing behind the response of the layer; `call_next` before the test.
    Usual mend: answer, and return without calling the application inside.
    """
    async with layers(probe) as onion, probe.exchange() as exchange:
        await exchange.ending(WITHIN)
    answering = [layer for layer in range(onion.innermost) if _answers(onion, layer)]
    if not answering:
        raise NotApplicable("a layer that answers this request")
    layer = answering[-1]
    if onion.at(onion.innermost):
        raise Violation(
            expected=f"no call of {onion.names[onion.innermost]} once {onion.names[layer]} has answered",
            observed="a call",
        )


def _answers(onion: Onion, layer: int) -> bool:
    """Whether the response of the layer is its own: what comes from inside, if anything, has another status."""
    own, inside = ([step.message for step in onion.at(number) if step.is_start] for number in (layer, layer + 1))
    return bool(own) and (not inside or own[0].get("status") != inside[0].get("status"))
