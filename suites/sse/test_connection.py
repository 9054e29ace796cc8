"""Server-sent events on a real server: connections that are lost, in every way, and many at a time."""

import asyncio
import time
from collections.abc import Sequence

from asgi_conformance import PRACTICE, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.drivers.server.calls import Call
from asgi_conformance.drivers.server.snapshot import Snapshot
from asgi_conformance.drivers.wire_connection import Connection
from asgi_conformance.spec import ASGI_HTTP, PRACTICES

from .stream import OPENS_WITHIN

DISCONNECT = ASGI_HTTP["disconnect-receive-event"]
NEEDS = {"sse", "wire", "process"}
BOUND = 20.0  # real seconds until a stream has to notice; a comment every 15 seconds is a way to notice
LOOKED_AT = 2.0  # real seconds for the application to be called, and for a head
LOST = 20
MANY = 100


@check("sse.connection.lost", level=PRACTICE, clause=DISCONNECT, needs=NEEDS)
async def test_lost_connections_end_their_streams(probe: Probe) -> None:
    """However a connection is lost, closed, half-closed or reset, at once or later, its stream should end.

    A phone that changes its network and a browser that is killed do not say goodbye, and who presses reload twice
    is gone before the first event.

    Usual cause: a client that leaves before the first event is met by code that was written for one that leaves
    later: a `try` that begins below the first `yield`, a subscription without an end.
    """
    server = probe.driver_as(ServerDriver)
    await _come_and_go(probe, server)
    half_closed = []
    for number in range(LOST):
        connection = await _asked(probe, server)
        how = number % 4
        if how == 1:
            await connection.change(LOOKED_AT)
        elif how > 1:
            await _called(server, connection)
        if how == 2:
            connection.half_close()  # a server may take it for a disconnect, or go on
            half_closed.append(connection)
        else:
            connection.reset()
    for connection in half_closed:
        connection.close()
    await _come_and_go(probe, server)  # by now those before have been noticed
    await _all_ended(server, [call for call in server.calls if call.type == "http"])


@check("sse.connection.many", level=PRACTICE, clause=PRACTICES["sse-many-clients"], needs=NEEDS)
async def test_many_clients_leave_nothing(probe: Probe) -> None:
    """After a hundred clients at a time have come and gone, no stream, task or descriptor should be left.

    Usual cause: a task, a subscription or a connection for each stream that nobody ends.
    Usual mend: a `finally`, a task group, or `async with` around the stream.
    """
    server = probe.driver_as(ServerDriver)
    for _ in range(3):  # what is made at the first streams, and kept, is no leak
        await _come_and_go(probe, server)
    before = await server.snapshot()
    connections = [await _asked(probe, server) for _ in range(MANY)]
    for number, connection in enumerate(connections, 1):
        if not await _opened(connection):
            raise NotApplicable(f"a stream for each of {MANY} clients: there is none for number {number}")
    for connection in connections:
        connection.close()
    await _all_ended(server, [call for call in server.calls if call.type == "http"])
    after = await _settled(server, before)
    grown = {
        "tasks": len(after.tasks) - len(before.tasks),
        "descriptors": after.descriptors - before.descriptors,
    }
    for what, count in grown.items():
        if count >= MANY // 2:  # a pool may have grown with the crowd, and stay
            raise Violation(expected=f"no {what} left after {MANY} streams", observed=f"{count} more than before")


async def _asked(probe: Probe, server: ServerDriver) -> Connection:
    """A connection on which the route was asked for."""
    await probe.start()
    request = probe.http_request()
    authority, target = server.place(request.path)
    lines = [f"{request.method} {target} HTTP/1.1".encode("latin-1"), b"host: " + authority.encode("latin-1")]
    lines += [name + b": " + value for name, value in request.headers]
    if request.body:
        lines.append(b"content-length: %d" % len(request.body))
    connection = await server.raw()
    await connection.send(b"\r\n".join(lines) + b"\r\n\r\n" + request.body)
    return connection


async def _called(server: ServerDriver, connection: Connection) -> None:
    """Wait until the application is called for it, for a moment."""
    await server.call(lambda call: call.port == connection.port, LOOKED_AT)


async def _opened(connection: Connection) -> bool:
    """Whether the answer is a stream, or at least of status 200."""
    try:
        answer = await connection.read(OPENS_WITHIN)
    except Unanswered:
        return False
    return answer is not None and b" 200" in answer.data.partition(b"\r\n")[0]


async def _come_and_go(probe: Probe, server: ServerDriver) -> None:
    """A client that leaves when the stream is open. Raises NotApplicable where there is none."""
    connection = await _asked(probe, server)
    if not await _opened(connection):
        raise NotApplicable("a stream")
    connection.close()
    await _all_ended(server, [call for call in server.calls if call.port == connection.port])


async def _all_ended(server: ServerDriver, calls: Sequence[Call]) -> None:
    """Judge whether the calls end within the bound.

    What only waits, and sends nothing, has had no occasion to notice; another check is about that.
    """
    sent = [len(call.sent) for call in calls]
    await server.call(lambda _: all(call.ending is not None for call in calls), BOUND)
    running = [(call, count) for call, count in zip(calls, sent, strict=True) if call.ending is None]
    if any(len(call.sent) > count for call, count in running):
        raise Violation(
            expected="an end of each stream whose client has left",
            observed=f"{len(running)} of {len(calls)} going on after {BOUND:g} s",
        )
    if running:
        raise NotApplicable("streams that have an occasion to notice")


async def _settled(server: ServerDriver, before: Snapshot) -> Snapshot:
    """What the process holds when it holds no more than before, or the bound is over."""
    deadline = time.monotonic() + BOUND
    now = await server.snapshot()
    while (len(now.tasks) > len(before.tasks) or now.descriptors > before.descriptors) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)  # the process tells only when it is asked
        now = await server.snapshot()
    return now
