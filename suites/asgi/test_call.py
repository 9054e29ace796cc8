"""ASGI: one call of the application, from the request to its end."""

import asyncio
import inspect

from asgi_conformance import PRACTICE, SHOULD, NotApplicable, Probe, Unanswered, Violation, check, waits
from asgi_conformance.judging import ended, http_call
from asgi_conformance.protocol.types import Message
from asgi_conformance.spec import ASGI, PRACTICES
from asgi_conformance.waits import Limit

AN_HOUR = 3600.0


@check("asgi.call.yields", level=PRACTICE, clause=ASGI["overview"], needs={"http", "virtual-time"}, hears_watchdog=True)
async def test_event_loop_gets_its_turn(probe: Probe) -> None:
    """An application must give control back to the event loop, also when its client has left.

    Everything that one worker serves shares one event loop. A call that never awaits anything that waits stops
    all other requests, the server's timeouts and its shutdown.

    Usual cause: an endless async generator without an `await`; blocking work (`time.sleep`, a synchronous
    database driver) in an `async def`.
    Usual mend: `await asyncio.sleep(0)` in the loop; `def` instead of `async def`, or `asyncio.to_thread`, for
    blocking work.
    """
    async with probe.exchange() as exchange:
        try:
            await exchange.head()
            for _ in range(3):
                if await waits.piece(exchange, Limit(10.0, 2.0)) is None:
                    break
        except Unanswered:
            pass  # silence is no loop that is held
        await exchange.disconnect()
        await exchange.ending(1.0)


@check("asgi.call.one-step", level=SHOULD, clause=ASGI["applications"], needs={"script"})
async def test_application_is_called_in_one_step(probe: Probe) -> None:
    """An application should be one callable that takes `scope`, `receive` and `send`, and gives an awaitable.

    The two steps of ASGI 2 are understood by some servers only; a factory has to be named as one.

    Usual cause: an application of ASGI 2; a function that makes the application in its place.
    Usual mend: `async def app(scope, receive, send)`, or an object whose `__call__` is that.
    """
    app = probe.inprocess.app
    scope = {"type": "conformance", "asgi": {"version": "3.0"}}

    async def receive() -> Message:
        raise RuntimeError("there is nothing to receive")

    async def send(_message: Message) -> None:
        raise RuntimeError("there is nobody to send to")

    try:
        inspect.signature(app).bind(scope, receive, send)
    except TypeError as reason:
        raise Violation(expected="a callable that takes scope, receive and send", observed=str(reason)) from reason
    except ValueError:
        pass  # a callable that does not tell its parameters
    try:
        made: object = app(scope, receive, send)
    except Exception:  # an ordinary function that refuses this scope at once
        return
    if inspect.iscoroutine(made):
        made.close()
    elif not inspect.isawaitable(made):
        raise Violation(expected="an awaitable", observed=f"an object of type {type(made).__name__}")


@check("asgi.call.returns", level=PRACTICE, clause=PRACTICES["cleanup"], needs={"http", "virtual-time"})
async def test_call_returns_after_response(probe: Probe) -> None:
    """The call of the application should end once the response is complete and its background work is done.

    A call that stays for ever keeps its request, its tasks and its database connection; a server waits for it
    at shutdown until its patience ends. An hour is allowed where it can be waited for.

    Usual cause: a loop or a listener that was started for the request and that nobody stops; middleware that
    waits for a message that does not come.
    Usual mend: stop the listener when the response is complete; long-lived work belongs into the lifespan.
    """
    async with probe.exchange() as exchange:
        begun = asyncio.get_running_loop().time()
        try:
            while await waits.piece(exchange, Limit(60.0, 5.0)) is not None:
                if asyncio.get_running_loop().time() > begun + 600.0 or len(exchange.messages) > 2000:
                    break
        except Unanswered:
            pass
        if not ended(exchange.messages):
            raise NotApplicable("a response that ends by itself")
        if (await waits.ending(exchange, Limit(AN_HOUR, 20.0))).how == "running":
            raise Violation(expected="the call to end after the response", observed="a call that goes on")


@check("asgi.call.raises-nothing", level=PRACTICE, clause=ASGI["error-handling"], needs={"http"})
async def test_call_raises_nothing(probe: Probe) -> None:
    """A call of the application should end without an exception.

    A server can only log it and close the connection. After a complete response the client notices nothing, so
    the error is easily overlooked.

    Usual cause: a defect of the endpoint, a failing background task, a dependency whose cleanup raises.
    Usual mend: the traceback in the server's log names the line.
    """
    if probe.route.capabilities & {"http.raises", "http.raises-midway"}:
        raise NotApplicable("an endpoint that is meant to return")
    response = await probe.request()
    if not response.left and response.ending.how in {"raised", "cancelled"}:
        raise Violation(expected="a call that returns", observed=response.ending.error or "a call that was cancelled")


@check("asgi.call.alone", level=PRACTICE, clause=PRACTICES["cleanup"], needs={"http", "script"})
async def test_nothing_is_sent_after_return(probe: Probe) -> None:
    """Nothing should be sent or received once the call of the application has ended.

    The server has closed the books of that request: it raises, or drops what comes. Whatever still speaks is a
    task that was left behind.

    Usual cause: `asyncio.create_task` in an endpoint or in middleware, with the request's `send` or `receive`.
    Usual mend: await the task, or use a task group, before the call returns.
    """
    call = await http_call(probe, farewell={"type": "http.disconnect"})
    await waits.until(call, lambda: ended(call.sent) or len(call.sent) > 1000, Limit(60.0, 5.0))
    if ended(call.sent):
        call.finish()
    else:
        call.leave()
    if (await waits.ending(call, Limit(60.0, 20.0))).how == "running":
        raise NotApplicable("a call that ends within a minute")
    received = call.receives
    await waits.pause(Limit(AN_HOUR, 1.0))
    if call.sent_after_return:
        raise Violation(expected="nothing after the call has ended", observed=f"{len(call.sent_after_return)} messages")
    if call.receives > received or call.receiving:
        raise Violation(expected="no receive() after the call has ended", observed="a receive() that waits")
