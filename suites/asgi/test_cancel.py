"""ASGI: the application is cancelled, and what it leaves behind."""

import asyncio
from collections.abc import Awaitable, Callable

from asgi_conformance import PRACTICE, Blocked, Faults, NotApplicable, Probe, Violation, check, waits
from asgi_conformance.judging import ended, http_call
from asgi_conformance.spec import ASGI, PRACTICES
from asgi_conformance.waits import Limit

PLACES = 25  # the first so many awaits of a call
ROUNDS = 4
GONE = {"type": "http.disconnect"}


@check("asgi.cancel.propagates", level=PRACTICE, clause=ASGI["overview"], needs={"http", "script"})
async def test_cancellation_is_not_swallowed(probe: Probe) -> None:
    """An application that is cancelled should clean up and end, not go on or return as if it had finished.

    Servers cancel a request when the client has gone or when they shut down. A call that swallows the
    cancellation keeps the shutdown waiting, or tells the layers outside that all is well.

    Usual cause: `except BaseException`, a bare `except:`, `except asyncio.CancelledError` without `raise`.
    Usual mend: re-raise `CancelledError` after the cleanup; use `finally`.
    """
    for place in range(PLACES):
        call = await http_call(probe, farewell=GONE, faults=Faults(cancel_at=place), window=8)
        ending = await waits.ending(call, Limit(60.0, 5.0))
        before = call.sent_before_cancel
        if before is None:
            call.leave()
            await waits.ending(call, Limit(60.0, 5.0))
            return  # it has no further await
        if ending.how == "running":
            raise Violation(expected="the call to end when it is cancelled", observed="a call that goes on")
        # A cancellation that comes when the response is complete may find nothing left to stop.
        if ending.how == "returned" and not ended(call.sent[:before]):
            raise Violation(expected="CancelledError to leave the application", observed="a call that returned")


@check("asgi.tasks.none-left", level=PRACTICE, clause=PRACTICES["cleanup"], needs={"http", "script"})
async def test_requests_leave_no_tasks(probe: Probe) -> None:
    """Requests should not leave tasks behind, be they answered, abandoned by the client or cancelled.

    A task that stays with each request is memory that only a restart gives back. Work that takes up to an hour
    and tasks that are started once are not counted.

    Usual cause: `asyncio.create_task` without anybody who awaits or cancels it; a heartbeat or a listener that
    does not end with its stream.
    Usual mend: a task group, or `finally: task.cancel()` and `await` it.
    """
    await probe.start()
    await _no_growth(lambda: _answered(probe), "answered requests")
    await _no_growth(lambda: _abandoned(probe), "requests whose client left")
    await _no_growth(lambda: _cancelled(probe), "cancelled requests")


async def _no_growth(round_trip: Callable[[], Awaitable[bool]], what: str) -> None:
    """Make the same request some times over, and count what is running after each."""
    counts = [len(asyncio.all_tasks())]
    for _ in range(ROUNDS):
        if not await round_trip():
            return
        hour = Limit(3600.0, 2.0)
        while len(asyncio.all_tasks()) > counts[-1] and not hour.over:  # noqa: ASYNC110 - nobody tells of a task's end
            await asyncio.sleep(hour.step)
        if hour.cut_short:
            raise NotApplicable("an application without open sockets: an hour cannot be waited for")
        if len(asyncio.all_tasks()) <= counts[-1]:
            return
        counts.append(len(asyncio.all_tasks()))
    raise Violation(
        expected="no tasks left behind", observed=f"{counts[-1] - counts[1]} more after {ROUNDS - 1} {what}"
    )


async def _answered(probe: Probe) -> bool:
    call = await http_call(probe, farewell=GONE)
    await waits.until(call, lambda: ended(call.sent) or len(call.sent) > 1000, Limit(60.0, 5.0))
    if not ended(call.sent):
        call.leave()
        await waits.ending(call, Limit(300.0, 10.0))
        return False
    call.finish()
    if (await waits.ending(call, Limit(3600.0, 10.0))).how == "running":
        raise Blocked("the call does not end")
    return True


async def _abandoned(probe: Probe) -> bool:
    call = await http_call(probe, farewell=GONE, window=1)
    await waits.until(call, lambda: len(call.sent) > 1, Limit(60.0, 2.0))
    call.leave()
    if (await waits.ending(call, Limit(3600.0, 10.0))).how == "running":
        raise Blocked("the call does not end after the client has left")
    return True


async def _cancelled(probe: Probe) -> bool:
    call = await http_call(probe, farewell=GONE, window=1)
    await waits.until(call, lambda: len(call.sent) > 1, Limit(60.0, 2.0))
    call.cancel()
    if (await waits.ending(call, Limit(3600.0, 10.0))).how == "running":
        raise Blocked("the call does not end when it is cancelled")
    return True
