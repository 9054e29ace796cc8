"""Servers: a websocket handshake that the application does not accept."""

from asgi_conformance import MUST, PRACTICE, SHOULD, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.base import Handshake
from asgi_conformance.spec import ASGI, ASGI_EXTENSIONS, ASGI_WEBSOCKET

from .peer import RECEIVES, SOON, Peer, disconnects, peer, release

CLOSE = ASGI_WEBSOCKET["close-send-event"]
DISCONNECT = ASGI_WEBSOCKET["disconnect-receive-event-ws"]


@check("server.websocket-refusal.status", level=MUST, clause=CLOSE, needs={"wire", "messages", "server.refuses"})
async def test_close_before_accept_is_403(probe: Probe) -> None:
    """A close before the accept must be answered with status 403."""
    async with peer(probe, accepted=False) as client:
        handshake = await client.opened()
    if handshake.status != 403:
        raise Violation(expected="status 403", observed=str(handshake.status))


@check(
    "server.websocket-refusal.receive", level=PRACTICE, clause=DISCONNECT, needs={"wire", "messages", "server.refuses"}
)
async def test_receive_after_refusal_does_not_wait(probe: Probe) -> None:
    """A `receive` after a refusal should give `websocket.disconnect` and not wait for ever.

    The specification says that the event comes when the server has closed. Frameworks and libraries receive up
    to it, and each of these calls would stay in memory.
    """
    async with peer(probe, accepted=False) as client:
        await client.opened()
        if not await client.seen(disconnects, RECEIVES):
            raise Violation(expected="websocket.disconnect", observed="a receive that waits")


@check(
    "server.websocket-refusal.denial",
    level=SHOULD,
    clause=ASGI_EXTENSIONS["websocket-denial-response"],
    needs={"wire", "messages", "server.denies"},
)
async def test_denial_response_is_sent(probe: Probe) -> None:
    """A denial response should reach the client: status, headers and the whole body."""
    async with peer(probe, accepted=False) as client:
        handshake = await client.opened()
        extensions = (await client.call()).scope.get("extensions") or {}
    if "websocket.http.response" not in extensions:
        raise NotApplicable("the server does not offer denial responses")
    if handshake.status != 401:
        raise Violation(expected="status 401", observed=str(handshake.status))
    if (b"x-conformance", b"one") not in [(name.lower(), value) for name, value in handshake.headers]:
        raise Violation(expected="the header of the denial response", observed="none")
    if handshake.body != b"who are you?":
        raise Violation(expected="the body b'who are you?'", observed=repr(handshake.body)[:80])


@check(
    "server.websocket-refusal.exception",
    level=MUST,
    clause=ASGI["error-handling"],
    needs={"wire", "messages", "server.raises-first"},
)
async def test_exception_before_accept_is_500(probe: Probe) -> None:
    """An exception before the accept must be answered with a status of 500 or above.

    The client waits in the middle of its handshake; it is told that the service failed.
    """
    handshake = await _not_accepted(probe)
    if handshake.status < 500:
        raise Violation(expected="a status of 500 or above", observed=str(handshake.status))


@check(
    "server.websocket-refusal.return",
    level=SHOULD,
    clause=ASGI_WEBSOCKET["websocket-connection-scope"],
    needs={"wire", "messages", "server.returns-first"},
)
async def test_return_before_accept_is_refused(probe: Probe) -> None:
    """A return before the accept should be answered with a status of 500 or above, or with 403.

    The specification asks for the end of the socket; without an answer the client takes it for a fault of the
    network, and comes again.
    """
    handshake = await _not_accepted(probe)
    if handshake.status < 500 and handshake.status != 403:
        raise Violation(expected="a status of 500 or above, or 403", observed=str(handshake.status))


async def _not_accepted(probe: Probe) -> Handshake:
    async with peer(probe, accepted=False) as client:
        try:
            return await client.opened()
        except Blocked as silence:
            raise Violation(expected="an answer to the handshake", observed=str(silence)) from None


@check(
    "server.websocket-refusal.client-gone",
    level=MUST,
    clause=DISCONNECT,
    needs={"wire", "messages", "server.slow-accept"},
)
async def test_client_that_is_gone_before_accept(probe: Probe) -> None:
    """An application must be told when its client has left before the accept.

    By an error from the accept, which has to be an OSError, or by `websocket.disconnect` from the next `receive`.
    """
    for how in ("reset", "close"):
        async with peer(probe, accepted=False) as client:
            await client.call()
            await client.wire.disconnect("reset" if how == "reset" else "close")
            await release(probe)
            await _told_or_failed(client, how)


async def _told_or_failed(client: Peer, how: str) -> None:
    call = await client.call()
    after = f"of a client that left by a {how} before the accept"
    if not await client.seen(lambda call: disconnects(call) or call.failures or call.ending, SOON):
        raise Violation(expected=f"news {after}", observed="a receive that waits")
    if call.failures and "OSError" not in call.failures[0]["kinds"]:
        raise Violation(expected=f"an OSError or websocket.disconnect {after}", observed=call.failures[0]["type"])
