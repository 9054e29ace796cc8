"""ASGI WebSocket: what `send` may do once the client is gone."""

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.drivers.call import describe
from asgi_conformance.faults import Faults
from asgi_conformance.spec import ASGI_WEBSOCKET

from .conversation import ENDS_WITHIN, Rehearsal, is_departure, lost_at, rehearse

CLAUSE = ASGI_WEBSOCKET["id2"]
NEEDS = {"websocket", "script"}


class AlreadyClosedError(RuntimeError):
    """What a server raises that knows no better name for a client that is gone."""


@check("websocket.send-error.runtime-error", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_runtime_error_from_send(probe: Probe) -> None:
    """A call should end, without an error of its own, when `send` raises a RuntimeError because the client is gone.

    The specification asks for an OSError, from version 2.4 on. Older servers raise what they like, and
    current ones do so when they have delivered the disconnect already.

    Usual cause: `except OSError: continue`-like handling in the loop, which leaves everything else to chance;
    cleanup that runs after the framework's disconnect exception only. Usual mend: clean up in a `finally`.
    """
    rehearsal = await rehearse(probe)
    for index in range(1, rehearsal.awaits):
        await _ends(probe, rehearsal, index, Faults(leave_at=index, after_disconnect="raise", error=AlreadyClosedError))


@check("websocket.send-error.silence", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_silent_send(probe: Probe) -> None:
    """A call should end when its client is gone even if `send` says nothing about it.

    Below version 2.4 a send on a closed connection does nothing at all, and servers of later versions may
    take some time to notice. Only `websocket.disconnect` tells then, and only those who receive.

    Usual cause: a handler that sends and never receives. Usual mend: receive in a second task, and end the
    first one when it gets the disconnect.
    """
    rehearsal = await rehearse(probe)
    for index in range(1, rehearsal.awaits):
        await _ends(probe, rehearsal, index, Faults(leave_at=index, after_disconnect="ignore"))


async def _ends(probe: Probe, rehearsal: Rehearsal, index: int, faults: Faults) -> None:
    call = await lost_at(probe, rehearsal, index, faults)
    ending = call.ended()
    where = f"when the client leaves at await {index} of {rehearsal.awaits}"
    if ending.how == "running":
        raise Violation(expected=f"an end of the call within {ENDS_WITHIN:g} s {where}", observed="a call that goes on")
    if ending.how != "returned" and not (
        is_departure(ending.exception) or isinstance(ending.exception, AlreadyClosedError)
    ):
        raise Violation(expected=f"an end without an error {where}", observed=f"the application {describe(ending)}")
