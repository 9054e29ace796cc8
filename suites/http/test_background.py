"""HTTP: work that is queued for the time after the response."""

import asyncio

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.spec import PRACTICES


@check(
    "http.background.after-response",
    level=PRACTICE,
    clause=PRACTICES["background"],
    needs={"http.background", "messages", "virtual-time"},
)
async def test_response_does_not_wait_for_background_work(probe: Probe) -> None:
    """A response should be complete before the background work that it queued is done.

    A client that waits for the work has no use for its being in the background. Judged where time is virtual: over a
    socket, work that takes no time is done before the client has read the response.

    Usual cause: the task is awaited in the endpoint; middleware that holds the last part of the body until the
    application has returned.
    Usual mend: `BackgroundTasks`; middleware that passes each message on as it comes.
    """
    clock = asyncio.get_running_loop().time
    async with probe.exchange() as exchange:
        begun = clock()
        try:
            while await exchange.piece() is not None:
                pass
        except Unanswered as reason:
            raise Blocked(str(reason)) from reason
        if not exchange.complete:
            raise Blocked("there is no complete response")
        if (await exchange.ending(0.0)).how != "running":
            if clock() == begun:
                raise NotApplicable("work that takes any time")
            raise Violation(
                expected="a complete response while the work is under way", observed="a response at its end"
            )
