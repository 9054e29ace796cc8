"""ASGI WebSocket: which event may come when."""

from asgi_conformance import MUST, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.http import type_of
from asgi_conformance.drivers.websocket import ANSWERS
from asgi_conformance.spec import ASGI_WEBSOCKET

from .conversation import converse

NEEDS = {"websocket", "messages", "virtual-time"}


@check("websocket.send.after-accept", level=MUST, clause=ASGI_WEBSOCKET["send-send-event"], needs=NEEDS)
async def test_send_comes_after_accept(probe: Probe) -> None:
    """A `websocket.send` must come after the accept.

    There is no connection to send on before; servers raise.

    Usual cause: a greeting that is sent before `accept()`.
    """
    for message in await converse(probe):
        if type_of(message) in ANSWERS:
            return
        if type_of(message) == "websocket.send":
            raise Violation(expected="an accept before the first message", observed="a websocket.send first")
    raise Blocked("the handshake was not answered")


@check("websocket.accept.once", level=MUST, clause=ASGI_WEBSOCKET["accept-send-event"], needs=NEEDS)
async def test_accept_comes_once(probe: Probe) -> None:
    """A connection must be accepted once.

    The second accept finds no handshake that it could end; servers raise.

    Usual cause: a dependency or a manager accepts, and the handler accepts again.
    """
    accepts = sum(type_of(message) == "websocket.accept" for message in await converse(probe))
    if accepts > 1:
        raise Violation(expected="one accept", observed=str(accepts))


@check("websocket.close.last", level=MUST, clause=ASGI_WEBSOCKET["close-send-event"], needs=NEEDS)
async def test_nothing_follows_close(probe: Probe) -> None:
    """Nothing must follow the `websocket.close` of an accepted connection.

    Servers raise on whatever comes after it.

    Usual cause: a second close in a `finally`; a task that goes on sending after another one has closed.
    """
    kinds = [type_of(message) for message in await converse(probe)]
    if "websocket.close" in kinds and "websocket.accept" in kinds[: kinds.index("websocket.close")]:
        late = kinds[kinds.index("websocket.close") + 1 :]
        if late:
            raise Violation(expected="nothing after the close", observed=", ".join(map(str, late)))


@check("websocket.refusal.last", level=MUST, clause=ASGI_WEBSOCKET["close-send-event"], needs=NEEDS)
async def test_nothing_follows_refusal(probe: Probe) -> None:
    """Nothing must follow the `websocket.close` that refuses a handshake.

    The server has answered with status 403 then, and there is nothing left to accept or to close.

    Usual cause: a dependency that closes and returns, whereupon the handler goes on and accepts.
    Usual mend: raise in the dependency, so that the handler is not called.
    """
    kinds = [type_of(message) for message in await converse(probe)]
    answer = next((kind for kind in kinds if kind in ANSWERS), None)
    if answer is None:
        raise Blocked("the handshake was not answered")
    if answer != "websocket.close":
        raise NotApplicable("the handshake is not refused with a close")
    late = kinds[kinds.index("websocket.close") + 1 :]
    if late:
        raise Violation(expected="nothing after the refusal", observed=", ".join(map(str, late)))
