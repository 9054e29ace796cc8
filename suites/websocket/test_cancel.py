"""Practice: an application that is cancelled."""

import asyncio

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.call import Call, describe
from asgi_conformance.faults import Faults
from asgi_conformance.spec import PRACTICES

from .conversation import ENDS_WITHIN, LOSS, Rehearsal, quiet, rehearse, scope_for

CLAUSE = PRACTICES["websocket-cancellation"]
NEEDS = {"websocket", "script"}
TIMES = 5


async def _resting(probe: Probe, rehearsal: Rehearsal) -> Call:
    """A call that has dealt with everything it was told; NotApplicable if it has ended by itself."""
    call = await probe.call(scope_for(probe), rehearsal.inbox, LOSS)
    await call.until(lambda: False, quiet(probe))
    if call.done:
        raise NotApplicable("the call ends by itself")
    return call


@check("websocket.cancel.ends", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_cancelled_call_ends(probe: Probe) -> None:
    """A cancelled call should end, wherever it is.

    Servers cancel what is still running when their grace period for a shutdown is over. A call that resists
    is killed with the process, cleanup and all.

    Usual cause: `except BaseException` or a bare `except` in a loop; a `finally` that waits for the client.
    """
    rehearsal = await rehearse(probe)
    for index in range(rehearsal.suspensions):
        call = await probe.call(scope_for(probe), rehearsal.inbox, LOSS, faults=Faults(cancel_at=index))
        await call.until(lambda: False, quiet(probe))
        # Before Python 3.12 `asyncio.wait_for` loses a cancellation that comes with the result, so there is a second.
        call.cancel()
        ending = await call.ending(ENDS_WITHIN)
        if ending.how == "running":
            await call.stop(ENDS_WITHIN)
            raise Violation(
                expected=f"an end of the call within {ENDS_WITHIN:g} s of a cancellation",
                observed=f"a call that goes on when it is cancelled at suspension {index + 1}",
            )
        await call.stop(ENDS_WITHIN)


@check("websocket.cancel.propagates", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_cancellation_propagates(probe: Probe) -> None:
    """The cancellation of a call should leave the application as `CancelledError`.

    Timeouts, task groups and servers count on it. A call that returns instead tells them that it has
    finished its work.

    Usual cause: `except BaseException: pass`, `contextlib.suppress(asyncio.CancelledError)` around the loop.
    """
    call = await _resting(probe, await rehearse(probe))
    call.cancel()
    ending = await call.ending(ENDS_WITHIN)
    if ending.how == "running":
        await call.stop(ENDS_WITHIN)
        raise Blocked("the cancelled call does not end")
    if ending.how != "cancelled":
        raise Violation(
            expected="CancelledError out of the application", observed=f"the application {describe(ending)}"
        )


@check("websocket.cancel.nothing-left", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_cancelled_call_leaves_no_task(probe: Probe) -> None:
    """A cancelled call should leave no task behind.

    A reader or writer that outlives its handler goes on using a connection that is no longer served.

    Usual cause: `asyncio.create_task()` without a `finally` that cancels. Usual mend: `asyncio.TaskGroup`.
    """
    rehearsal = await rehearse(probe)
    before = len(asyncio.all_tasks())
    for _ in range(TIMES):
        call = await _resting(probe, rehearsal)
        call.cancel()
        ending = await call.ending(ENDS_WITHIN)
        if ending.how == "running":
            await call.stop(ENDS_WITHIN)
            raise Blocked("the cancelled call does not end")
    await asyncio.sleep(ENDS_WITHIN)
    left = len(asyncio.all_tasks()) - before
    if left >= TIMES:
        raise Violation(expected="no task left behind", observed=f"{left} after {TIMES} cancelled calls")
