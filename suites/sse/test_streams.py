"""Server-sent events: several clients at once, and slow ones."""

import asyncio
import gc
import sys

from asgi_conformance import PRACTICE, NotApplicable, Probe, Unanswered, Violation, VirtualLoop, check
from asgi_conformance.drivers.base import HTTPExchange, Piece
from asgi_conformance.drivers.call import Call
from asgi_conformance.judging import http_call
from asgi_conformance.spec import PRACTICES

from .stream import opened

PATIENCE = 60.0
PIECES = 4
STALLED = 3600.0  # seconds that a client does not read for
BACKLOG = 1000  # messages; what a bounded queue holds is well below
KEPT = 1000  # blocks of memory


@check("sse.streams.isolated", level=PRACTICE, clause=PRACTICES["sse-many-clients"], needs={"sse", "virtual-time"})
async def test_each_client_gets_events(probe: Probe) -> None:
    """Clients that are connected at the same time should each get events.

    One client alone is what a developer sees. With two, each gets half of the events, or the first one's stream
    stops when the second one comes.

    Usual cause: one generator, queue or iterator for all clients, made when the module is loaded.
    Usual mend: make it in the endpoint, for each request; publish into a queue for each client.
    """
    async with opened(probe) as (first, _):
        piece = await _piece(first, PATIENCE)
        if piece is None:
            raise NotApplicable("a stream that says something while it is looked at")
        async with probe.exchange() as second:
            try:
                head = await second.head(PATIENCE)
            except Unanswered as reason:
                raise Violation(expected="a response for a second client", observed=str(reason)) from reason
            if head.status != 200:
                raise NotApplicable(f"a stream for more than one client: the status is {head.status}")
            clock = asyncio.get_running_loop().time
            begun = clock()
            for one, other, name in ((first, second, "second"), (second, first, "first")):
                # What the first one waited for at the beginning, the second one may have to wait for as well. Later
                # pieces of one may have been waiting for a while, so those of the other need some time to come.
                grace = 2 * piece.at + 5.0 + clock() - begun
                if await _starves(other, beside=one, grace=grace):
                    observed = f"none while the other one got {PIECES} pieces"
                    raise Violation(expected=f"events for the {name} of two clients", observed=observed)


async def _starves(exchange: HTTPExchange, *, beside: HTTPExchange, grace: float) -> bool:
    """Whether nothing comes here, although there is always more there."""
    for _ in range(PIECES):
        if await _piece(beside, PATIENCE) is None:
            return False
    return await _piece(exchange, grace) is None and not exchange.complete


async def _piece(exchange: HTTPExchange, within: float) -> Piece | None:
    try:
        return await exchange.piece(within)
    except Unanswered:
        return None


@check("sse.backpressure.bounded", level=PRACTICE, clause=PRACTICES["sse-backpressure"], needs={"sse", "script"})
async def test_slow_client_costs_bounded_memory(probe: Probe) -> None:
    """For a client that does not read, only a bounded number of events should be kept.

    A phone in a tunnel, a stopped debugger, a browser tab that sleeps: each makes the server hold everything
    that happened since, until the memory is full and all streams end.

    Usual cause: a producer that puts events into an `asyncio.Queue()` without a size, and a stream that takes them
    out as fast as its client reads.
    Usual mend: a queue with a size, and a rule for a full one: drop the oldest event, or the client.
    """
    await probe.start()
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop) and loop.outside_work():
        raise NotApplicable("an hour that costs nothing: the application has threads or sockets of its own")
    if await _backlog(probe) < BACKLOG:
        return
    # So much at once may also come from a log that is read as the client reads; memory tells.
    probe.inprocess.calls.clear()
    gc.collect()
    before, grown = await _stalled(probe)
    await asyncio.sleep(60.0)
    gc.collect()
    freed = before + grown - sys.getallocatedblocks()
    # What stays when the client has gone, such as a history for all, was not kept for this client.
    if freed > KEPT:
        raise Violation(
            expected="little memory for a client that does not read",
            observed=f"{freed} blocks kept for it after {STALLED / 60:g} minutes",
        )


async def _backlog(probe: Probe) -> int:
    """How many messages come at once when a client reads again."""
    call = await _stopped(probe)
    await asyncio.sleep(STALLED)
    waiting = len(call.sent)
    call.read(waiting + BACKLOG)
    await asyncio.sleep(0.01)
    call.leave()
    await call.ending(300.0)
    return len(call.sent) - waiting


async def _stalled(probe: Probe) -> tuple[int, int]:
    """The memory in use, and by how much it grew while a client did not read."""
    call = await _stopped(probe)
    before = sys.getallocatedblocks()
    await asyncio.sleep(STALLED)
    gc.collect()
    grown = sys.getallocatedblocks() - before
    call.leave()
    await call.ending(300.0)
    probe.inprocess.calls.clear()  # their messages are kept by this check, not by the application
    return before, grown


async def _stopped(probe: Probe) -> Call:
    """A stream whose client has stopped reading after the beginning."""
    call = await http_call(probe, farewell={"type": "http.disconnect"}, window=4)
    await call.until(lambda: len(call.sent) > 4, 60.0)
    if call.done or len(call.sent) <= 4:
        call.leave()
        await call.ending(300.0)
        raise NotApplicable("a stream that is long enough")
    return call
