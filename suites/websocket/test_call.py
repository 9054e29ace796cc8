"""ASGI WebSocket: how a call of the application begins and ends."""

from asgi_conformance import MUST, PRACTICE, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed, Headers, WebSocketExchange
from asgi_conformance.drivers.call import describe
from asgi_conformance.drivers.http import type_of
from asgi_conformance.drivers.websocket import ANSWERS
from asgi_conformance.spec import ASGI_WEBSOCKET

from .conversation import accepted, drain, patience, text_for

CONNECT = ASGI_WEBSOCKET["connect-receive-event"]
SCOPE = ASGI_WEBSOCKET["websocket-connection-scope"]

ODD_CLIENTS: tuple[tuple[str, Headers, tuple[str, ...]], ...] = (
    ("a subprotocol that nobody knows", (), ("conformance.unknown", "conformance.other")),
    ("a foreign origin", ((b"origin", b"https://elsewhere.invalid"),), ()),
    ("an origin of null", ((b"origin", b"null"),), ()),
    ("cookies that cannot be parsed", ((b"cookie", b"; =; a=\xe9\xff; ==;"),), ()),
    ("credentials that cannot be parsed", ((b"authorization", b"Basic \xff not base64"),), ()),
)


@check("websocket.call.answered", level=MUST, clause=CONNECT, needs={"websocket"})
async def test_connect_is_answered(probe: Probe) -> None:
    """The application must answer `websocket.connect` with an accept, a close or a denial response.

    The client waits in the middle of its handshake until then. A server can only answer 500 for an
    application that raised or returned instead.

    Usual cause: an exception before `accept()`, such as in a dependency; a return without an answer.
    Usual mend: close before the accept in order to refuse; raise an exception that the framework turns into
    a close.
    """
    async with probe.websocket() as exchange:
        await _answered(probe, exchange, "")


@check("websocket.call.odd-client-answered", level=MUST, clause=CONNECT, needs={"websocket"})
async def test_odd_client_is_answered(probe: Probe) -> None:
    """The application must answer `websocket.connect` whatever the client offers or claims to be.

    Subprotocols, origins, cookies and credentials are the client's words. What is wrong with them is a reason
    to refuse, not to raise.

    Usual cause: parsing code before `accept()` whose errors nobody catches.
    """
    for who, headers, subprotocols in ODD_CLIENTS:
        async with probe.websocket(headers=headers, subprotocols=subprotocols) as exchange:
            await _answered(probe, exchange, f" to a client with {who}")


async def _answered(probe: Probe, exchange: WebSocketExchange, to_whom: str) -> None:
    expected = f"an accept, a close or a denial response{to_whom}"
    try:
        handshake = await exchange.opened(patience(probe))
    except Unanswered as silence:
        raise Violation(expected=expected, observed=str(silence)) from None
    ending = await exchange.ending(0.5) if not handshake.accepted else None
    if ending is None or ending.how == "unknown":
        return
    # A server answers for an application that did not; what the application sent tells them apart.
    if not any(type_of(message) in ANSWERS for message in exchange.messages):
        raise Violation(expected=expected, observed=f"none: the application {describe(ending)}")


@check("websocket.call.closed", level=PRACTICE, clause=SCOPE, needs={"websocket", "messages", "virtual-time"})
async def test_end_of_call_closes(probe: Probe) -> None:
    """An application should close the connection before it returns, unless the client has left.

    The specification makes the server close for it, and does not say how: clients see 1000, 1006 or 1011,
    depending on the server, and most of them take the last two for a failure and come again.

    Usual cause: a handler that returns when it has said everything. Usual mend: `await websocket.close()`.
    """
    async with probe.websocket() as exchange:
        await accepted(probe, exchange)
        await drain(probe, exchange)
        await exchange.send(text_for(probe))
        last = await drain(probe, exchange)
        ending = await exchange.ending(0)
        if ending.how == "raised":
            raise Blocked(f"the application raised {ending.error}")
        if ending.how == "running":
            raise NotApplicable("the application keeps the connection open")
        if not any(type_of(message) == "websocket.close" for message in exchange.messages):
            seen = f", the client saw {last[-1].code}" if last and isinstance(last[-1], Closed) else ""
            raise Violation(expected="a close before the end", observed=f"a return without one{seen}")
