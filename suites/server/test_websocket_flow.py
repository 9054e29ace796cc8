"""Servers: many messages, many connections, and sides that do not keep up."""

import asyncio
import resource

from websockets.frames import BINARY

from asgi_conformance import MUST, PRACTICE, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed, Request
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.drivers.server.calls import Call
from asgi_conformance.spec import ASGI_WEBSOCKET, PRACTICES, RFC_6455

from .peer import SOON, client_frame, peer

BACKPRESSURE = PRACTICES["server-backpressure"]
FAIR = 16 << 20  # bytes: more than kernels hold of one connection, less than what is sent
PIECE = 32_768
QUIET = 1.0  # real seconds without a further send, after which it is taken to wait
MANY = 1000
LEFT = 5  # descriptors and tasks that may be about something else


def _sent(call: Call) -> int:
    """The bytes that the server has taken from the application."""
    return 65_536 * [event["event"] for event in call.events[2:]].count("sent")


@check(
    "server.websocket-backpressure.client",
    level=PRACTICE,
    clause=BACKPRESSURE,
    needs={"wire", "messages", "server.flood"},
    slow=True,
)
async def test_send_waits_for_a_slow_client(probe: Probe) -> None:
    """`send` should wait when the client does not read, before 16 MiB are taken; and end when the client is gone.

    A server that takes everything keeps it in memory, for each client that is slow.
    """
    async with peer(probe) as client:
        client.wire.connection.hold()
        call = await client.call()
        taken, before = 0, -1
        while before < taken <= FAIR:
            before = taken
            await client.seen(lambda call: _sent(call) > before, QUIET)  # noqa: B023 - it is over before the next round
            taken = _sent(call)
        if taken > FAIR:
            raise Violation(expected="a send that waits before 16 MiB are taken", observed=f"{taken >> 20} MiB taken")
        await client.wire.disconnect("reset")
        if not await client.seen(lambda call: call.ending):
            raise Violation(expected="an end of send when the client is gone", observed="a send that waits")


@check(
    "server.websocket-backpressure.application",
    level=PRACTICE,
    clause=BACKPRESSURE,
    needs={"wire", "messages", "server.busy"},
    slow=True,
)
async def test_client_waits_for_a_slow_application(probe: Probe) -> None:
    """The client should be stopped when the application does not receive, before it has sent 16 MiB.

    A server that takes everything keeps it in memory, and any client can fill it.
    """
    async with peer(probe) as client:
        frame = client_frame(bytes(PIECE), BINARY)
        for _ in range(FAIR // PIECE):
            try:
                await client.wire.connection.send(frame, QUIET)
            except Unanswered:
                return
    raise Violation(expected="a client that is stopped", observed="16 MiB taken and not received")


@check(
    "server.websocket-send.concurrent",
    level=PRACTICE,
    clause=RFC_6455["section-5.4"],
    needs={"wire", "messages", "server.concurrent"},
)
async def test_concurrent_sends_arrive_whole(probe: Probe) -> None:
    """Messages that several tasks send at the same time should arrive whole, each of them."""
    counts = dict.fromkeys("abcd", 0)
    async with peer(probe) as client:
        while True:
            try:
                message = await client.wire.receive(SOON)
            except Unanswered as silence:
                raise Violation(expected="80 messages and a close", observed=str(silence)) from None
            if isinstance(message, Closed):
                break
            if len(message) != 50_000 or len(set(message)) != 1 or not isinstance(message, str):
                raise Violation(
                    expected="50,000 equal letters", observed=f"{len(message)}, of {len(set(message))} kinds"
                )
            counts[message[0]] += 1
    if set(counts.values()) != {20} or message.code != 1000:
        raise Violation(
            expected="20 messages of each task, then a close with 1000", observed=f"{counts}, {message.code}"
        )


@check(
    "server.websocket-send.order",
    level=MUST,
    clause=ASGI_WEBSOCKET["send-send-event"],
    needs={"wire", "messages", "server.echo"},
)
async def test_messages_keep_their_order(probe: Probe) -> None:
    """Messages must arrive in the order in which they were sent, in both directions, none lost and none doubled."""
    texts = [f"{number:03}" for number in range(100)]
    async with peer(probe) as client:
        await client.wire.inject(b"".join(client_frame(text.encode()) for text in texts))
        found = [await client.text() for _ in texts]
    if found != texts:
        raise Violation(expected="100 messages in order", observed=repr(found)[:80])


@check(
    "server.websocket-mass.drop",
    level=PRACTICE,
    clause=PRACTICES["server-mass-drop"],
    needs={"wire", "messages", "server.echo"},
    slow=True,
)
async def test_nothing_is_left_of_a_thousand(probe: Probe) -> None:
    """Nothing should be left of a thousand connections that are lost at once: no call, task or descriptor.

    A deployment of the client, a switch that restarts: it happens, and what is left each time adds up.
    """
    await probe.start()
    server = probe.driver_as(ServerDriver)
    async with peer(probe) as client:  # what is made once is made now
        await client.wire.send("first")
        await client.text()
    await _settled(server, 1, SOON)
    before = await server.snapshot()
    count = min(MANY, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    clients = [await server.websocket(Request("GET", probe.route.path)) for _ in range(count)]
    for wire in clients:
        await wire.send("conformance")
    for wire in clients:
        if await wire.receive(6 * SOON) != "conformance":
            raise Blocked("a connection that was not served")
    for wire in clients:
        await wire.disconnect("reset")
    await _settled(server, before.calls, 6 * SOON)
    after = await server.snapshot()
    for what, most, left in (
        ("calls", before.calls, after.calls),
        ("tasks", len(before.tasks) + LEFT, len(after.tasks)),
        ("descriptors", before.descriptors + LEFT, after.descriptors),
    ):
        if left > most:
            raise Violation(expected=f"{what} as before, {most} at most", observed=f"{left} after {count} connections")


async def _settled(server: ServerDriver, calls: int, within: float) -> None:
    """Wait until no more calls than that are under way, and what they have left has been tidied up."""
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        found = await server.snapshot()
        if found.calls <= calls:
            await server.snapshot()
            return
        await asyncio.sleep(0.1)
