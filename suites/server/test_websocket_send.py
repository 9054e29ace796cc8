"""Servers: what `send` and `receive` do once the client of a websocket is gone."""

from typing import Any

from asgi_conformance import PRACTICE, SHOULD, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.server.calls import Call
from asgi_conformance.spec import ASGI_WEBSOCKET

from .peer import RECEIVES, SOON, Peer, claims, disconnects, peer

CLAUSE = ASGI_WEBSOCKET["id2"]
SCOPE = ASGI_WEBSOCKET["websocket-connection-scope"]
UNREAD = 40  # some servers take in one message that nobody wants, some 32
LATE = {"wire", "messages", "server.late"}
PUSH = {"wire", "messages", "server.push"}


async def _leave(client: Peer, how: str) -> None:
    if how == "close":
        await client.wire.close(1000)
    else:
        await client.wire.disconnect("reset")


def _after(call: Call) -> list[dict[str, Any]]:
    """The events behind the first disconnect."""
    kinds = [e["event"] == "received" and e["message"].get("type") == "websocket.disconnect" for e in call.events]
    return call.events[kinds.index(True) + 1 :] if True in kinds else []


async def _sends_after(client: Peer, how: str) -> list[dict[str, Any]]:
    """What became of the two sends after the disconnect; NotApplicable below version 2.4."""
    if not claims(await client.call(), 2, 4):
        raise NotApplicable("the server claims no version whose send raises")
    await client.told(f"after a {how}")
    fates = {"sent", "send-failed"}
    await client.seen(lambda call: sum(e["event"] in fates for e in _after(call)) >= 2, SOON)
    return [e for e in _after(await client.call()) if e["event"] in fates]


@check("server.websocket-send.raises", level=SHOULD, clause=CLAUSE, needs=LATE)
async def test_send_on_a_closed_connection_raises(probe: Probe) -> None:
    """From version 2.4 on `send` should raise an OSError once the client is gone, each time.

    An application that only sends has no other way to learn of it, and frameworks know the client's leaving by
    just that: another exception is an error in the log.
    """
    for how in ("close", "reset"):
        async with peer(probe) as client:
            await _leave(client, how)
            fates = await _sends_after(client, how)
            for fate in fates:
                if fate["event"] == "sent":
                    raise Violation(expected=f"an OSError from send after a {how}", observed="a send without an error")
                if "OSError" not in fate["error"]["kinds"]:
                    raise Violation(expected=f"an OSError from send after a {how}", observed=fate["error"]["type"])
            if len(fates) < 2:
                raise Violation(expected=f"an OSError from send after a {how}", observed="a send that waits")


@check("server.websocket-receive.again", level=PRACTICE, clause=SCOPE, needs=LATE)
async def test_receive_after_disconnect_does_not_wait(probe: Probe) -> None:
    """A `receive` after `websocket.disconnect` should not wait for ever.

    The specification is silent. A library that polls for the disconnect, or a second reader, would hang, and its
    call would stay in memory.
    """
    for how in ("close", "reset"):
        async with peer(probe) as client:
            await _leave(client, how)
            await client.told(f"after a {how}")
            await client.seen(lambda call: call.ending, SOON + RECEIVES)
            last = [e for e in _after(await client.call()) if e["event"] in {"receive", "received", "receive-failed"}]
            waited = last and last[-1]["event"] == "receive-failed" and last[-1]["error"]["type"] == "CancelledError"
            if waited or not last or last[-1]["event"] == "receive":
                raise Violation(expected=f"an answer to receive after a {how}", observed="a receive that waits")


async def _noticed(client: Peer, after: str) -> None:
    if not claims(await client.call(), 2, 4):
        raise NotApplicable("the server claims no version whose send raises")
    if not await client.seen(lambda call: call.ending or call.failures, SOON):
        raise Violation(expected=f"an OSError from send within {SOON:g} s {after}", observed="sends without an error")
    failures = (await client.call()).failures
    if failures and "OSError" not in failures[0]["kinds"]:
        raise Violation(expected=f"an OSError from send {after}", observed=failures[0]["type"])


@check("server.websocket-push.close", level=SHOULD, clause=CLAUSE, needs=PUSH)
async def test_sender_notices_a_close(probe: Probe) -> None:
    """From version 2.4 on `send` should raise an OSError soon after the client has closed, though nobody receives."""
    async with peer(probe) as client:
        await client.text()
        await client.wire.close(1000)
        await _noticed(client, "after a close")


@check("server.websocket-push.loss", level=SHOULD, clause=CLAUSE, needs=PUSH)
async def test_sender_notices_a_loss(probe: Probe) -> None:
    """From version 2.4 on `send` should raise an OSError soon after a reset, though nobody receives."""
    async with peer(probe) as client:
        await client.text()
        await client.wire.disconnect("reset")
        await _noticed(client, "after a reset")


@check("server.websocket-push.close-behind-message", level=SHOULD, clause=CLAUSE, needs=PUSH)
async def test_sender_notices_a_close_behind_a_message(probe: Probe) -> None:
    """From version 2.4 on `send` should raise an OSError after a close also when messages of the client are unread.

    A server that stops reading while nobody receives does not see the close frame; the application goes on
    sending for as long as the client keeps TCP open.
    """
    await _behind_message(probe, "close")


@check("server.websocket-push.loss-behind-message", level=SHOULD, clause=CLAUSE, needs=PUSH)
async def test_sender_notices_a_loss_behind_a_message(probe: Probe) -> None:
    """From version 2.4 on `send` should raise an OSError after a reset also when messages of the client are unread."""
    await _behind_message(probe, "reset")


async def _behind_message(probe: Probe, how: str) -> None:
    async with peer(probe) as client:
        await client.text()
        for number in range(UNREAD):
            await client.wire.send(f"unread {number}")
        await client.taken_in()
        await _leave(client, how)
        await _noticed(client, f"after a {how} behind unread messages")


@check(
    "server.websocket-push.reader-told", level=SHOULD, clause=CLAUSE, needs={"wire", "messages", "server.push-and-read"}
)
async def test_reader_beside_sender_is_told(probe: Probe) -> None:
    """A task that receives beside one that sends should get `websocket.disconnect` with the client's code."""
    async with peer(probe) as client:
        await client.text()
        await client.wire.close(4123)
        # `send` may raise first and end the call, and the reader with it: both ways tell the application.
        if not await client.seen(lambda call: disconnects(call) or call.ending, SOON):
            raise Violation(expected="websocket.disconnect after a close", observed="none")
        told = disconnects(await client.call())
        if told and told[0].get("code") != 4123:
            raise Violation(expected="code 4123", observed=repr(told[0]))


@check("server.websocket-log.quiet", level=SHOULD, clause=CLAUSE, needs=PUSH)
async def test_departure_leaves_no_traceback(probe: Probe) -> None:
    """A client that leaves should leave no traceback in the server's log.

    The error that the server raised from `send` comes back to it out of the application, and is nobody's fault.
    """
    for how in ("close", "reset"):
        async with peer(probe) as client:
            await client.text()
            await _leave(client, how)
            await client.seen(lambda call: call.ending, SOON)
            await client.taken_in()
            log = client.server.log()
        if "Traceback" in log:
            last = [line for line in log.splitlines() if line.strip()][-1]
            raise Violation(expected=f"no traceback in the log after a {how}", observed=f"one that ends: {last[:80]}")
