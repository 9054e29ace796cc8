"""Middleware: background tasks run once, whatever layers there are around them."""

import re

from asgi_conformance import PRACTICE, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Request
from asgi_conformance.drivers.exchange import read_response
from asgi_conformance.spec import PRACTICES

WITHIN = 60.0


@check(
    "middleware.background.once",
    level=PRACTICE,
    clause=PRACTICES["middleware-background"],
    needs={"http.background", "background.count", "script"},
)
async def test_background_work_is_done_once(probe: Probe) -> None:
    """The background task of a response must run once, also when the client leaves as soon as it has the response.

    Most clients do leave then. Where a layer ends the application inside with the connection, the mail is not
    sent, now and then, and nobody knows why.

    Usual cause: a layer that runs the application inside in a task group, and cancels the group when the response
    is out or the client gone.
    Usual mend: wait for the application inside to return; a pure ASGI layer does.
    """
    await probe.start()
    for leaving in (False, True):
        before = await _count(probe)
        exchange = await probe.driver.http(probe.http_request())
        try:
            await exchange.head(WITHIN)
            while await exchange.piece(WITHIN) is not None:
                pass
        except Unanswered as reason:
            raise Blocked(str(reason)) from None
        if leaving:
            await exchange.disconnect()
        await exchange.ending(WITHIN)
        done = await _count(probe) - before
        if done != 1:
            how = "whose client left with the end of the response" if leaving else "that was answered"
            raise Violation(expected=f"one run of the task for a request {how}", observed=str(done))


async def _count(probe: Probe) -> int:
    """How often the task has run so far, as the application tells."""
    exchange = await probe.driver.http(Request("GET", probe.promise("background.count"), probe.route.headers))
    try:
        response = await read_response(exchange, within=WITHIN)
    except Unanswered as reason:
        raise Blocked(str(reason)) from None
    number = re.search(rb"\d+", response.body)
    if response.status != 200 or number is None:
        raise Blocked("the application does not tell how often its task has run")
    return int(number[0])
