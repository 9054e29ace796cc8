"""Servers: peers that are silent, and peers that are not, with keepalive options that are short."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgi_conformance import PRACTICE, SHOULD, Probe, Violation, check
from asgi_conformance.drivers.server import ServerOptions
from asgi_conformance.spec import ASGI_WEBSOCKET, PRACTICES

from .peer import Peer, disconnects, ending, peer, serving

CLAUSE = ASGI_WEBSOCKET["websocket"]
INTERVAL, TIMEOUT = 0.5, 1.0  # real seconds
FOUND = INTERVAL + TIMEOUT + 3.0  # for a busy machine
LIVES = 3 * (INTERVAL + TIMEOUT)  # how long a peer is watched that should live
SILENT = {1006, 1011}


@asynccontextmanager
async def _client(probe: Probe) -> AsyncIterator[Peer]:
    options = ServerOptions(websocket_ping_interval=INTERVAL, websocket_ping_timeout=TIMEOUT)
    async with serving(probe, options) as kept, peer(kept) as client:
        yield client


async def _found_out(client: Peer, code: bool = True) -> None:
    told = await client.told("of a client that is silent", FOUND)
    if code and told.get("code") not in SILENT:
        raise Violation(expected="code 1006 or 1011 for a client that is silent", observed=repr(told))


@check(
    "server.websocket-keepalive.silent",
    level=SHOULD,
    clause=CLAUSE,
    needs={"wire", "messages", "server.echo"},
    slow=True,
)
async def test_silent_client_is_found(probe: Probe) -> None:
    """A client that answers no pings should be found out, and the application told, in the time that the options give.

    A connection that has died without a word looks like one that is quiet: without pings it stays for hours.
    """
    async with _client(probe) as client:
        client.wire.answers = False
        await _found_out(client, code=False)
        if not client.wire.pings:
            raise Violation(expected="a ping", observed="none")


@check(
    "server.websocket-keepalive.code", level=SHOULD, clause=CLAUSE, needs={"wire", "messages", "server.echo"}, slow=True
)
async def test_silent_client_has_a_code(probe: Probe) -> None:
    """The `code` of `websocket.disconnect` should be 1006 or 1011 for a client that answers no pings.

    1005 says that the client has closed without a code, which it has not.
    """
    async with _client(probe) as client:
        client.wire.answers = False
        await _found_out(client)


@check(
    "server.websocket-keepalive.healthy",
    level=PRACTICE,
    clause=PRACTICES["server-keepalive"],
    needs={"wire", "messages", "server.echo"},
    slow=True,
)
async def test_healthy_client_lives(probe: Probe) -> None:
    """A client that answers every ping should stay connected, however long it says nothing else."""
    async with _client(probe) as client:
        await _lives(client)
        await client.wire.send("still here")
        if await client.text() != "still here":
            raise Violation(expected="an answer after some intervals", observed="another one")


@check(
    "server.websocket-keepalive.unread",
    level=PRACTICE,
    clause=PRACTICES["server-keepalive"],
    needs={"wire", "messages", "server.busy"},
    slow=True,
)
async def test_healthy_client_with_unread_messages_lives(probe: Probe) -> None:
    """A client that answers every ping should stay connected also while its messages are not received yet.

    A server that stops reading while messages are unread does not see the pongs, and takes a healthy client
    for dead: any handler that is busy for longer than the timeout loses its clients.
    """
    async with _client(probe) as client:
        await client.wire.send("unread 1")
        await client.wire.send("unread 2")
        await _lives(client)


async def _lives(client: Peer) -> None:
    """Watch it for some intervals; whatever ends it in that time is wrong."""
    call = await client.call()
    over = await client.seen(lambda call: call.ending or disconnects(call) or client.wire.connection.over, LIVES)
    if over or client.wire.connection.over:
        closed = await client.closed("")
        told = disconnects(call)
        observed = f"{ending(closed)}{f', and {told[0]!r}' if told else ''}, after {len(client.wire.pings)} pings"
        raise Violation(expected=f"an open connection after {LIVES:g} s", observed=observed)


@check(
    "server.websocket-keepalive.sender",
    level=SHOULD,
    clause=CLAUSE,
    needs={"wire", "messages", "server.push"},
    slow=True,
)
async def test_silent_client_of_a_sender_is_found(probe: Probe) -> None:
    """A client that neither reads nor answers should be found out while the application sends: `send` raises."""
    async with _client(probe) as client:
        client.wire.answers = False
        client.wire.connection.hold()
        if not await client.seen(lambda call: call.ending, FOUND):
            raise Violation(expected=f"an error from send within {FOUND:g} s", observed="sends that go on")


@check(
    "server.websocket-keepalive.busy", level=SHOULD, clause=CLAUSE, needs={"wire", "messages", "server.busy"}, slow=True
)
async def test_silent_client_of_a_busy_application_is_found(probe: Probe) -> None:
    """A client that answers no pings should be disconnected also while the application does not receive."""
    async with _client(probe) as client:
        client.wire.answers = False
        if await client.wire.connection.ended(FOUND) == "open":
            raise Violation(expected=f"an end of the connection within {FOUND:g} s", observed="none")
