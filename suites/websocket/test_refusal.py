"""ASGI WebSocket: a handshake that the application refuses."""

from asgi_conformance import PRACTICE, Probe, Unanswered, Violation, check
from asgi_conformance.spec import ASGI_WEBSOCKET

from .conversation import patience

CLAUSE = ASGI_WEBSOCKET["close-send-event"]
NEEDS = {"websocket", "websocket.refuses"}


@check("websocket.refusal.refused", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_handshake_is_refused(probe: Probe) -> None:
    """A handshake that is to be refused should be answered with a status of 400 to 499.

    Without credentials the client must not get a connection, and 500 tells it, and whoever watches the
    server, that the server is broken.

    Usual cause: an exception in place of a refusal; an accept followed by a close, which lets everybody in
    for a moment. Usual mend: close, or send a denial response, before the accept.
    """
    async with probe.websocket() as exchange:
        try:
            handshake = await exchange.opened(patience(probe))
        except Unanswered as silence:
            raise Violation(expected="a refusal", observed=str(silence)) from None
        if handshake.accepted:
            raise Violation(expected="a refusal", observed="an accept")
        if not 400 <= handshake.status < 500:
            raise Violation(expected="a status of 400 to 499", observed=str(handshake.status))


@check("websocket.refusal.no-error", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_refusal_is_no_error(probe: Probe) -> None:
    """A call that has refused its handshake should end without an exception.

    Anybody can make it happen, and each time the server logs an error with a traceback.

    Usual cause: a close and then an accept, or a second close, for which the framework raises; such as a
    dependency that closes and returns, or closes and raises.
    Usual mend: either raise the framework's websocket exception, or close and return from the handler.
    """
    async with probe.websocket() as exchange:
        try:
            await exchange.opened(patience(probe))
        except Unanswered as silence:
            raise Violation(expected="a refusal without an exception", observed=str(silence)) from None
        ending = await exchange.ending(patience(probe))
    if ending.how == "raised":
        raise Violation(expected="a refusal without an exception", observed=ending.error)
    if ending.how == "running":
        raise Violation(expected="an end of the call", observed=f"none within {patience(probe):g} s")
