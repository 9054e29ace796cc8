"""GraphQL over WebSocket: how a connection for subscriptions begins, in the transport that is used today."""

import json

from asgi_conformance import MUST, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed, WebSocketExchange
from asgi_conformance.spec import GRAPHQL_WS

from .conversation import patience

CLAUSE = GRAPHQL_WS["communication"]
NEEDS = {"websocket.graphql"}
TRANSPORT = "graphql-transport-ws"
MOST_PINGS = 20
SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": "subscription { conformance }"}}


async def _next(probe: Probe, exchange: WebSocketExchange, wanted: str) -> Closed | dict[str, object]:
    """The next message as an object, or the close; pings may come at any time, and are passed over.

    Raises Violation for silence and for what is no JSON object.
    """
    for _ in range(MOST_PINGS):
        try:
            answer = await exchange.receive(patience(probe))
        except Unanswered as silence:
            raise Violation(expected=wanted, observed=str(silence)) from None
        if isinstance(answer, Closed):
            return answer
        try:
            found = json.loads(answer)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Violation(expected=wanted, observed=repr(answer)[:80])
        if found.get("type") != "ping":
            return found
    raise Violation(expected=wanted, observed=f"{MOST_PINGS} pings")


async def _opened(probe: Probe, exchange: WebSocketExchange) -> None:
    await probe.accepted(exchange)


async def _say(exchange: WebSocketExchange, message: object) -> None:
    await exchange.send(message if isinstance(message, str) else json.dumps(message))


async def _closes(probe: Probe, what: str, code: int, *said: object, begun: bool = False) -> None:
    """The connection is closed with that code when the client says all of it; with `begun`, once it is acknowledged."""
    async with probe.websocket(subprotocols=(TRANSPORT,)) as exchange:
        await _opened(probe, exchange)
        if begun:
            await _say(exchange, {"type": "connection_init"})
            for _ in range(3):  # what comes before it is another check's affair
                answer = await _next(probe, exchange, "connection_ack")
                if isinstance(answer, Closed):
                    raise Blocked("the connection was not acknowledged")
                if answer.get("type") == "connection_ack":
                    break
        for message in said:
            await _say(exchange, message)
        answer = await _next(probe, exchange, f"a close with {code} for {what}")
    if not isinstance(answer, Closed):
        raise Violation(expected=f"a close with {code} for {what}", observed=f"{answer.get('type')!r}")
    if answer.code != code:
        raise Violation(expected=f"a close with {code} for {what}", observed=f"a close with {answer.code}")


@check("websocket.graphql.subprotocol", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_transport_is_agreed_on(probe: Probe) -> None:
    """A client that offers `graphql-transport-ws` must be given it, also among others that it offers.

    Without it in the answer a client does not know how to speak: the older `graphql-ws` has other messages.
    """
    for offer in ((TRANSPORT,), ("conformance.unknown", TRANSPORT)):
        async with probe.websocket(subprotocols=offer) as exchange:
            try:
                handshake = await exchange.opened(patience(probe))
            except Unanswered as silence:
                raise Violation(expected=f"the subprotocol {TRANSPORT}", observed=str(silence)) from None
        if handshake.subprotocol != TRANSPORT:
            observed = repr(handshake.subprotocol) if handshake.accepted else f"status {handshake.status}"
            raise Violation(expected=f"the subprotocol {TRANSPORT}", observed=observed)


@check("websocket.graphql.unknown-subprotocol", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_unknown_transport_is_refused(probe: Probe) -> None:
    """A client that offers no transport that is spoken must be refused, or closed with 4406.

    Usual cause: an accept whose subprotocol is None, after which each side waits for the other.
    """
    async with probe.websocket(subprotocols=("conformance.unknown",)) as exchange:
        try:
            if not (await exchange.opened(patience(probe))).accepted:
                return
            answer: object = await exchange.receive(patience(probe))
        except Unanswered as silence:
            raise Violation(expected="a refusal or a close with 4406", observed=str(silence)) from None
    if not isinstance(answer, Closed) or answer.code != 4406:
        observed = f"a close with {answer.code}" if isinstance(answer, Closed) else "a message"
        raise Violation(expected="a refusal or a close with 4406", observed=observed)


@check("websocket.graphql.acknowledged", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_initialisation_is_acknowledged(probe: Probe) -> None:
    """`connection_init` must be answered with `connection_ack`, and nothing but pings may come before it."""
    async with probe.websocket(subprotocols=(TRANSPORT,)) as exchange:
        await _opened(probe, exchange)
        await _say(exchange, {"type": "connection_init", "payload": {}})
        answer = await _next(probe, exchange, "connection_ack")
    if isinstance(answer, Closed) or answer.get("type") != "connection_ack":
        observed = f"a close with {answer.code}" if isinstance(answer, Closed) else repr(answer.get("type"))
        raise Violation(expected="connection_ack", observed=observed)


@check("websocket.graphql.subscribe-first", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_subscription_needs_an_acknowledged_connection(probe: Probe) -> None:
    """`subscribe` before the acknowledgement must close the connection with 4401.

    The initialisation is where credentials are looked at; who may leave it out needs none.
    """
    await _closes(probe, "a subscription before the acknowledgement", 4401, SUBSCRIBE)


@check("websocket.graphql.second-initialisation", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_second_initialisation_closes(probe: Probe) -> None:
    """A second `connection_init` must close the connection with 4429."""
    await _closes(probe, "a second initialisation", 4429, {"type": "connection_init"}, begun=True)


@check("websocket.graphql.invalid-message", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_invalid_message_closes(probe: Probe) -> None:
    """A message of no known type, or no JSON at all, must close the connection with 4400.

    Usual cause: an error that is logged and passed over, so that the client waits; an exception, which reads
    as 1006 or 1011.
    """
    for what, message in (("an unknown type", {"type": "conformance"}), ("no JSON", "{")):
        await _closes(probe, what, 4400, message, begun=True)


@check("websocket.graphql.ping", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_ping_is_answered(probe: Probe) -> None:
    """`ping` must be answered with `pong`, before the initialisation as well."""
    async with probe.websocket(subprotocols=(TRANSPORT,)) as exchange:
        await _opened(probe, exchange)
        await _say(exchange, {"type": "ping"})
        answer = await _next(probe, exchange, "pong")
    if isinstance(answer, Closed) or answer.get("type") != "pong":
        observed = f"a close with {answer.code}" if isinstance(answer, Closed) else repr(answer.get("type"))
        raise Violation(expected="pong", observed=observed)
