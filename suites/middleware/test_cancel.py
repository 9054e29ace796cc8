"""Middleware: a cancellation reaches the application inside."""

from asgi_conformance import PRACTICE, Faults, NotApplicable, Probe, Violation, check, waits
from asgi_conformance.judging import http_call
from asgi_conformance.onion import LEFT, Passing, Step
from asgi_conformance.spec import PRACTICES
from asgi_conformance.waits import Limit

from .layers import layers

GONE = {"type": "http.disconnect"}


@check(
    "middleware.cancel.reaches-inside",
    level=PRACTICE,
    clause=PRACTICES["middleware-cancel"],
    needs={"http", "script"},
)
async def test_cancellation_reaches_the_innermost_application(probe: Probe) -> None:
    """When the call is cancelled, no layer must leave the application inside running.

    A server that shuts down, or whose client is gone, cancels the call and believes it ended. What a layer has
    let go of runs on unseen, with connections and locks in its hands.

    Usual cause: a layer that runs the application inside in a task, and is cancelled while it waits for the task;
    `asyncio.shield`.
    Usual mend: `await` the application inside directly, or in a task group, which passes the cancellation on.
    """
    async with layers(probe) as onion:
        # The client reads nothing, so the application is in the middle of its response for as long as is needed.
        call = await http_call(probe, farewell=GONE, faults=Faults(block_send_from=0))
        await waits.until(call, lambda: bool(onion.at(0, Passing.SENDS)), Limit(30.0, 2.0))
        running = [layer for layer in range(onion.innermost + 1) if _runs(onion.at(layer))]
        call.cancel()
        ending = await waits.ending(call, Limit(30.0, 2.0))
        left = [layer for layer in running if _runs(onion.at(layer))]
        call.leave()
    if ending.how == "running" or len(running) < 2:
        raise NotApplicable("a layer around an application that is busy")
    if left:
        raise Violation(
            expected=f"the end of {onion.names[left[0]]} when {onion.names[left[0] - 1]} is cancelled",
            observed=f"{onion.names[left[0]]} still running",
        )


def _runs(steps: list[Step]) -> bool:
    """Whether a layer was entered and not left."""
    kinds = [step.what for step in steps]
    return Passing.ENTERED in kinds and not LEFT & set(kinds)
