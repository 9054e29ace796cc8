"""Servers: SIGTERM with open websockets."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgi_conformance import MUST, PRACTICE, SHOULD, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.server import ServerOptions
from asgi_conformance.spec import ASGI_WEBSOCKET, PRACTICES, RFC_6455

from .peer import Peer, disconnects, ending, peer, serving

GRACE = 1  # real seconds, as the server is told
GONE = GRACE + 5.0  # for a busy machine
SHUTDOWN = PRACTICES["server-shutdown"]


@asynccontextmanager
async def _signalled(probe: Probe) -> AsyncIterator[Peer]:
    """A client of a server that has just got SIGTERM."""
    async with serving(probe, ServerOptions(grace=GRACE)) as graceful, peer(graceful) as client:
        await client.call()
        client.server.signal(signal.SIGTERM)
        yield client


@check(
    "server.websocket-shutdown.frame",
    level=SHOULD,
    clause=RFC_6455["section-7.4.1"],
    needs={"wire", "messages", "process", "server.echo"},
    slow=True,
)
async def test_shutdown_closes_with_a_frame(probe: Probe) -> None:
    """At SIGTERM a client should get a close frame with 1001 or 1012, so that it knows to come again."""
    async with _signalled(probe) as client:
        closed = await client.closed("after SIGTERM", GONE)
    if closed.code not in {1001, 1012}:
        raise Violation(expected="a close with 1001 or 1012", observed=ending(closed))


@check(
    "server.websocket-shutdown.told",
    level=MUST,
    clause=ASGI_WEBSOCKET["disconnect-receive-event-ws"],
    needs={"wire", "messages", "process", "server.echo"},
    slow=True,
)
async def test_shutdown_is_told(probe: Probe) -> None:
    """At SIGTERM an application that receives must get `websocket.disconnect`, or be cancelled."""
    async with _signalled(probe) as client:
        if not await client.seen(lambda call: disconnects(call) or call.ending, GONE):
            raise Violation(expected="websocket.disconnect or a cancellation after SIGTERM", observed="neither")
        told = disconnects(await client.call())
        if told and told[0].get("code") not in {1001, 1005, 1006, 1012}:
            raise Violation(expected="code 1001, 1006 or 1012", observed=repr(told[0]))


async def _exits(probe: Probe, what: str) -> None:
    async with _signalled(probe) as client:
        try:
            await client.server.wait_exit(GONE)
        except Unanswered as reason:
            raise Violation(expected=f"the end of the process with {what}", observed=str(reason)) from None


@check(
    "server.websocket-shutdown.idle-exit",
    level=PRACTICE,
    clause=SHUTDOWN,
    needs={"wire", "messages", "process", "server.echo"},
    slow=True,
)
async def test_process_ends_with_idle_websockets(probe: Probe) -> None:
    """The process should end soon after the grace period with a websocket open whose application receives."""
    await _exits(probe, "an idle websocket")


@check(
    "server.websocket-shutdown.busy-exit",
    level=PRACTICE,
    clause=SHUTDOWN,
    needs={"wire", "messages", "process", "server.busy"},
    slow=True,
)
async def test_process_ends_with_busy_websockets(probe: Probe) -> None:
    """The process should end soon after the grace period also when the application is busy with something else."""
    await _exits(probe, "a websocket whose application is busy")


@check(
    "server.websocket-shutdown.sender-exit",
    level=PRACTICE,
    clause=SHUTDOWN,
    needs={"wire", "messages", "process", "server.push"},
    slow=True,
)
async def test_process_ends_with_sending_websockets(probe: Probe) -> None:
    """The process should end soon after the grace period also when the application sends without an end."""
    await _exits(probe, "a websocket whose application sends")


@check(
    "server.websocket-shutdown.quiet",
    level=PRACTICE,
    clause=SHUTDOWN,
    needs={"wire", "messages", "process", "server.echo"},
    slow=True,
)
async def test_shutdown_leaves_no_traceback(probe: Probe) -> None:
    """SIGTERM should leave no traceback in the log when an application ends at its `websocket.disconnect`."""
    async with _signalled(probe) as client:
        try:
            await client.server.wait_exit(GONE)
        except Unanswered as reason:
            raise Blocked(str(reason)) from None
        log = client.server.log()
    if "Traceback" in log:
        last = [line for line in log.splitlines() if line.strip()][-1]
        raise Violation(expected="no traceback in the log", observed=f"one that ends: {last[:80]}")
