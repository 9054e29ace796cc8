"""Practice: many connections that come and go."""

import asyncio
import gc
import weakref

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.drivers.call import Call
from asgi_conformance.faults import NO_FAULTS, Faults
from asgi_conformance.spec import PRACTICES

from .conversation import ENDS_WITHIN, LOSS, Rehearsal, end, quiet, rehearse, scope_for

CLAUSE = PRACTICES["websocket-cycles"]
NEEDS = {"websocket", "script"}
FIRST, MORE, EACH = 3, 20, 6


async def _connection(
    probe: Probe, rehearsal: Rehearsal, *, closed: bool = False, faults: Faults = NO_FAULTS
) -> "weakref.ref[Call]":
    """One connection from its beginning to its end; the driver forgets it."""
    code = 1000 if closed else 1006
    call = await probe.call(scope_for(probe), rehearsal.inbox, {**LOSS, "code": code}, faults=faults)
    await call.until(lambda: False, quiet(probe))
    call.leave()
    await end(call)
    probe.inprocess.calls.remove(call)
    return weakref.ref(call)


@check("websocket.cycles.no-task-left", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_connections_leave_no_task(probe: Probe) -> None:
    """Connections that have ended should leave no tasks behind.

    Usual cause: a reader, a heartbeat or a subscription started for each connection, and never cancelled.
    Usual mend: `asyncio.TaskGroup`, or a `finally` that cancels and waits.
    """
    rehearsal = await rehearse(probe)
    for number in range(FIRST):
        await _connection(probe, rehearsal, closed=number % 2 == 0)
    before = len(asyncio.all_tasks())
    for number in range(MORE):
        await _connection(probe, rehearsal, closed=number % 2 == 0)
    await asyncio.sleep(ENDS_WITHIN)
    left = len(asyncio.all_tasks()) - before
    if left >= MORE // 2:
        raise Violation(expected="no task left behind", observed=f"{left} after {MORE} connections")


@check("websocket.cycles.no-connection-kept", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_connections_are_not_kept(probe: Probe) -> None:
    """Connections that have ended should not be kept.

    A registry that grows with each connection ends in memory, and is sent to in every broadcast.

    Usual cause: `disconnect()` in an `except WebSocketDisconnect`, which other ends pass by.
    Usual mend: leave the registry in a `finally`.
    """
    rehearsal = await rehearse(probe)
    seen = [await _connection(probe, rehearsal, closed=number % 2 == 0) for number in range(FIRST + MORE)]
    await asyncio.sleep(ENDS_WITHIN)
    gc.collect()
    kept = sum(reference() is not None for reference in seen)
    if kept >= MORE // 2:
        raise Violation(expected="no connection kept", observed=f"{kept} of {len(seen)}")


@check("websocket.cycles.lost-not-kept", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_lost_connections_are_not_kept(probe: Probe) -> None:
    """Connections should not be kept either when they are lost on the way, wherever the application is then.

    Usual cause: a connection joins a registry before the `try` whose end takes it out, and something between
    the two raises, such as a message of welcome.
    Usual mend: join and `try` in neighbouring lines, and a `finally`.
    """
    rehearsal = await rehearse(probe)
    seen: dict[int, list[weakref.ref[Call]]] = {}
    for index in range(1, rehearsal.awaits):
        faults = Faults(leave_at=index, after_disconnect="raise")
        seen[index] = [await _connection(probe, rehearsal, faults=faults) for _ in range(EACH)]
    await asyncio.sleep(ENDS_WITHIN)
    gc.collect()
    for index, references in seen.items():
        kept = sum(reference() is not None for reference in references)
        if kept >= EACH:
            where = f"that were lost at await {index} of {rehearsal.awaits}"
            raise Violation(expected=f"no connection kept of those {where}", observed=f"{kept} of {EACH}")
