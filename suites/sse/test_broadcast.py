"""Server-sent events: what one publishes reaches every client that is there."""

import asyncio
import gc
import sys

from asgi_conformance import PRACTICE, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import HTTPExchange, Request
from asgi_conformance.drivers.exchange import read_response
from asgi_conformance.spec import PRACTICES
from asgi_conformance.sse import EventStreamParser

from .stream import opened

MANY = PRACTICES["sse-many-clients"]
NEEDS = {"sse", "sse.publish", "virtual-time"}
MESSAGES = tuple(f"message-{number:04}" for number in range(5))
FLOOD = 600
KEPT = 2 * FLOOD  # blocks of memory: an event takes three or so, and a queue that holds a hundred is well below


async def _publish(probe: Probe, message: str) -> None:
    """Publish as the target promises: ``METHOD /path?parameter={}``."""
    method, _, path = probe.promise("sse.publish").partition(" ")
    exchange = await probe.driver.http(Request(method, path.replace("{}", message)))
    try:
        response = await read_response(exchange, within=30.0)
    except Unanswered as reason:
        raise Violation(expected="an answer for the publisher", observed=str(reason)) from reason
    if not 200 <= response.status < 300:
        why = f" ({response.ending.error})" if response.ending.error else ""
        raise Violation(expected="a publication that succeeds", observed=f"status {response.status}{why}")


async def _heard(exchange: HTTPExchange, count: int) -> list[str]:
    """The messages that came, in order, as soon as there are so many, or a minute is over."""
    parser = EventStreamParser()
    heard: list[str] = []
    clock = asyncio.get_running_loop().time
    until = clock() + 60.0
    while len(heard) < count:
        try:
            piece = await exchange.piece(max(0.0, until - clock()))
        except Unanswered:
            break
        if piece is None:
            break
        data = [event.data for event in parser.feed(piece.data)]
        heard += [message for text in data for message in MESSAGES if message in text]
    return heard


@check("sse.broadcast.reaches-all", level=PRACTICE, clause=MANY, needs=NEEDS)
async def test_every_client_gets_every_message(probe: Probe) -> None:
    """What is published should reach every connected client: each message, once, in order.

    Usual cause: one queue for all clients; subscribing only when the first event is asked for, after the head was
    sent; a set that changes while the publisher goes through it.
    """
    async with opened(probe) as (first, _), opened(probe) as (second, _), opened(probe) as (third, _):
        await asyncio.sleep(1.0)
        for message in MESSAGES:
            await _publish(probe, message)
        for number, exchange in enumerate((first, second, third), 1):
            heard = await _heard(exchange, len(MESSAGES))
            if heard != list(MESSAGES):
                observed = f"{', '.join(heard) or 'none'} for client {number}"
                raise Violation(expected=f"the {len(MESSAGES)} messages, in order", observed=observed)


@check("sse.broadcast.without-leavers", level=PRACTICE, clause=MANY, needs=NEEDS)
async def test_a_client_that_left_disturbs_nobody(probe: Probe) -> None:
    """A client that has left should be no hindrance: publishing works, and the others get the message.

    Usual cause: the subscription of the client that left is still there, and raises, or fills up.
    Usual mend: take it back in a `finally`.
    """
    async with opened(probe) as (stays, _):
        async with opened(probe) as (leaves, _):
            await asyncio.sleep(1.0)
            await leaves.disconnect()
            await _publish(probe, MESSAGES[0])
            await leaves.ending(60.0)
        for message in MESSAGES[1:]:
            await _publish(probe, message)
        heard = await _heard(stays, len(MESSAGES))
        if heard != list(MESSAGES):
            observed = ", ".join(heard) or "none"
            raise Violation(expected="every message for the client that stays", observed=observed)


@check("sse.broadcast.slow-client", level=PRACTICE, clause=PRACTICES["sse-backpressure"], needs=NEEDS | {"script"})
async def test_slow_client_is_not_kept_for(probe: Probe) -> None:
    """For a client that does not read, a bounded number of messages should be kept; nobody else should wait for it.

    Usual cause: `asyncio.Queue()` for each client, without a size; or with one, and `await queue.put()` in the
    publisher, which then waits for the slowest client.
    Usual mend: `put_nowait`, and on `QueueFull` drop the oldest message or the client.
    """
    async with opened(probe) as (reads, _):
        slow = await probe.inprocess.http(probe.http_request(), window=1)
        await slow.head()
        await asyncio.sleep(1.0)
        await _publish(probe, MESSAGES[0])
        if await _heard(reads, 1) != [MESSAGES[0]]:
            raise Blocked("no message reaches a client that reads")
        before = _blocks(probe)
        for _ in range(FLOOD):
            await _publish(probe, MESSAGES[1])
            if await _heard(reads, 1) != [MESSAGES[1]]:
                raise Violation(expected="every message for the client that reads", observed="one missing")
        grown = _blocks(probe) - before
        await slow.disconnect()
        if (await slow.ending(300.0)).how == "running":
            return
        del slow
        freed = grown - (_blocks(probe) - before)
        if freed > KEPT:
            raise Violation(
                expected="few messages kept for a client that does not read",
                observed=f"{freed} blocks of memory after {FLOOD} messages",
            )


def _blocks(probe: Probe) -> int:
    """How much memory is in use, without what this check has made itself."""
    driver = probe.inprocess
    driver.calls = [call for call in driver.calls if not call.done]
    gc.collect()
    return sys.getallocatedblocks()
