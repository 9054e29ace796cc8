"""Practice: an endpoint that sends without being asked."""

import asyncio

from asgi_conformance import PRACTICE, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed, WebSocketExchange
from asgi_conformance.spec import ASGI_WEBSOCKET

from .conversation import CONNECT, ENDS_WITHIN, LOSS, accepted, end, patience, scope_for, text_for

STALLED = 3 * 3600.0  # seconds in which a client does not read
MOST_HELD = 1000
UNREAD = 50  # some servers take in one message that nobody wants, some 32
SCOPE = ASGI_WEBSOCKET["websocket-connection-scope"]


async def _push(probe: Probe, exchange: WebSocketExchange) -> None:
    try:
        message = await exchange.receive(patience(probe))
    except Unanswered as silence:
        raise Violation(expected="a message without being asked", observed=str(silence)) from None
    if isinstance(message, Closed):
        raise Violation(expected="a message without being asked", observed=f"a close with {message.code}")


async def _noticed(probe: Probe, exchange: WebSocketExchange, what: str) -> None:
    ending = await exchange.ending(patience(probe))
    if ending.how == "running":
        raise Violation(
            expected=f"an end of the call within {patience(probe):g} s of {what}", observed="a call that goes on"
        )


@check("websocket.push.notices-close", level=PRACTICE, clause=SCOPE, needs={"websocket", "websocket.push"})
async def test_push_notices_close(probe: Probe) -> None:
    """An endpoint that sends without being asked should end when the client closes the connection.

    It notices by the error from `send`, where the server raises one, or by receiving in a task of its own.

    Usual cause: `except Exception: pass` inside the loop.
    """
    async with probe.websocket() as exchange:
        await accepted(probe, exchange)
        await _push(probe, exchange)
        await exchange.close(1000)
        await _noticed(probe, exchange, "a close")


@check("websocket.push.notices-loss", level=PRACTICE, clause=SCOPE, needs={"websocket", "websocket.push"})
async def test_push_notices_loss(probe: Probe) -> None:
    """An endpoint that sends without being asked should end when the connection is lost.

    Usual cause: as for a close; nothing but a failing `send` or a `receive` can tell it.
    """
    async with probe.websocket() as exchange:
        await accepted(probe, exchange)
        await _push(probe, exchange)
        await exchange.disconnect("reset")
        await _noticed(probe, exchange, "the loss")


@check("websocket.push.unread-message", level=PRACTICE, clause=SCOPE, needs={"websocket", "websocket.push"})
async def test_push_notices_close_behind_message(probe: Probe) -> None:
    """An endpoint that sends without being asked should notice a close that comes behind messages.

    The disconnect is delivered after the messages that came before it. Who receives once, in order to wait
    for the disconnect, gets a message instead; and a server stops reading, and does not see the close, while
    there are messages that nobody takes.

    In process and on a server the verdicts may differ: in process the next `send` fails as soon as the client is gone;
    on a server that has stopped reading it does not, so that who only sends never ends there.

    Usual cause: `await websocket.receive()` in a task that ends the sending, or not, with whatever it gets.
    Usual mend: receive in a loop up to the disconnect.
    """
    async with probe.websocket() as exchange:
        await accepted(probe, exchange)
        await _push(probe, exchange)
        for _ in range(UNREAD):
            await exchange.send(text_for(probe))
        # A server may look at all of it together if it comes together; the next message makes sure that it does not.
        await _push(probe, exchange)
        await _push(probe, exchange)
        await exchange.close(1000)
        await _noticed(probe, exchange, "a close behind messages")


@check("websocket.push.bounded", level=PRACTICE, clause=SCOPE, needs={"websocket", "websocket.push", "script"})
async def test_push_to_slow_client_is_bounded(probe: Probe) -> None:
    """An endpoint that sends without being asked should not pile up messages for a client that does not read.

    `send` waits then. Who makes a task of each send, or puts messages into a queue without an end, collects them
    until memory ends.

    Usual cause: `asyncio.create_task(websocket.send_text(…))`, so as not to wait; `asyncio.Queue()` between what
    happens and who sends it. Usual mend: await the send; drop the client, or old messages, when it takes too long.
    """
    await probe.start()
    call = await probe.call(scope_for(probe), (CONNECT,), LOSS)
    await call.until(lambda: call.sends > 2, ENDS_WITHIN)
    if call.sends <= 2:
        await end(call)
        raise Blocked("the endpoint sent less than two messages")
    begun = asyncio.get_running_loop().time()
    await call.until(lambda: False, ENDS_WITHIN)
    pace = (call.sends - 2) / (asyncio.get_running_loop().time() - begun)
    call.stall()
    before, tasks = len(call.sent), len(asyncio.all_tasks())
    await call.until(lambda: False, STALLED)
    grown = len(asyncio.all_tasks()) - tasks
    call.read(1 << 60)
    await call.until(lambda: False, 1.0)
    held = len(call.sent) - before
    call.leave()
    await end(call)
    if grown > MOST_HELD:
        raise Violation(expected="a bounded number of tasks", observed=f"{grown} more within {STALLED:g} s")
    if held > MOST_HELD + pace * 2:
        observed = f"{held}, of all that came up within {STALLED:g} s"
        raise Violation(expected="a bounded number of messages kept", observed=observed)
