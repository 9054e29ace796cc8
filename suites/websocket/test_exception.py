"""ASGI: an exception in a websocket endpoint."""

from asgi_conformance import PRACTICE, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed, WebSocketExchange
from asgi_conformance.drivers.call import describe
from asgi_conformance.spec import ASGI

from .conversation import TEXT, patience

CLAUSE = ASGI["error-handling"]


@check("websocket.exception.leaves", level=PRACTICE, clause=CLAUSE, needs={"websocket.raises", "messages"})
async def test_exception_leaves_application(probe: Probe) -> None:
    """An exception that nothing in the application handles should leave it.

    The server turns it into a 500 or a close, and logs it. What is swallowed in between is seen by nobody,
    and leaves the client with a connection that looks as if it had been served.

    Usual cause: a layer with `except Exception: pass`. Usual mend: log and raise again.
    """
    async with probe.websocket() as exchange:
        await _provoke(probe, exchange)
        ending = await exchange.ending(patience(probe))
    if ending.how != "raised":
        raise Violation(expected="an exception that leaves the application", observed=f"it {describe(ending)}")


@check("websocket.exception.ends-connection", level=PRACTICE, clause=CLAUSE, needs={"websocket.raises"})
async def test_exception_ends_connection(probe: Probe) -> None:
    """A connection should end when its endpoint raises, and not with a success or a status below 500.

    The client has to see that the service failed, and must not be left waiting.

    Usual cause: a layer that closes with 1000 whatever happened.
    """
    async with probe.websocket() as exchange:
        seen = await _provoke(probe, exchange)
    if isinstance(seen, Closed) and seen.code == 1000:
        raise Violation(expected="a close that tells of a failure", observed="a close with 1000")
    if isinstance(seen, int) and seen < 500:
        raise Violation(expected="a status of 500 or above", observed=str(seen))
    if seen is None:
        raise Violation(expected="an end of the connection", observed=f"none within {patience(probe):g} s")


async def _provoke(probe: Probe, exchange: WebSocketExchange) -> Closed | int | None:
    """Connect and speak until the endpoint raises; the status or the close that the client sees."""
    try:
        handshake = await exchange.opened(patience(probe))
    except Unanswered:
        ending = await exchange.ending(patience(probe))
        return 500 if ending.how == "raised" else None
    if not handshake.accepted:
        return handshake.status
    await exchange.send(TEXT)
    try:
        while not isinstance(seen := await exchange.receive(patience(probe)), Closed):
            pass
    except Unanswered:
        return None
    return seen
