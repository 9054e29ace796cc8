"""The observer: a transparent wrapper that reports what an application is told, what it says, and how it ends."""

import itertools
import time
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any

from asgi_conformance.protocol.types import ASGIApp, Message, Receive, Scope, Send

Sink = Callable[[dict[str, Any]], None]


def observe(app: ASGIApp, sink: Sink, clock: Callable[[], float] = time.monotonic) -> ASGIApp:
    """The same application, with every call of it reported to `sink` as plain events.

    Nothing that the application or the server can notice is changed: the same scope and message objects,
    the same exceptions, the same return value, no await that was not there. What is added are frames on the
    stack and the time that `sink` takes. `sink` is called where the thing happens, must not raise, and must
    copy what it wants to keep: messages belong to the application.

    Every event has ``event``, ``call`` (a number for each call of the application) and ``at`` (seconds of
    `clock`). Told are, by ``event``:

    - ``call``: the application is called; ``scope``.
    - ``receive``: it begins to wait for a message. ``received``: it has got ``message``.
      ``receive-failed``: it got an ``error`` instead.
    - ``send``: it sends ``message``. ``sent``: the server has taken it. ``send-failed``: with ``error``.
    - ``end``: the call is over; ``how`` is returned (then ``value``, which should be None), raised
      (then ``error``) or cancelled.

    An ``error`` is described by :func:`describe`.
    """
    numbers = itertools.count(1)

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        call = next(numbers)

        def tell(event: str, **facts: object) -> None:
            sink({"event": event, "call": call, "at": clock(), **facts})

        async def observed_receive() -> Message:
            tell("receive")
            try:
                message = await receive()
            except BaseException as error:
                tell("receive-failed", error=describe(error))
                raise
            tell("received", message=message)
            return message

        async def observed_send(message: Message) -> None:
            tell("send", message=message)
            try:
                taken = await send(message)  # type: ignore[func-returns-value]
            except BaseException as error:
                tell("send-failed", error=describe(error))
                raise
            tell("sent")
            return taken

        tell("call", scope=scope)
        try:
            # Servers complain about a value, so it has to be passed on.
            value = await app(scope, observed_receive, observed_send)  # type: ignore[func-returns-value]
        except (CancelledError, GeneratorExit):  # the second: the loop was closed over a waiting call
            tell("end", how="cancelled")
            raise
        except BaseException as error:
            tell("end", how="raised", error=describe(error))
            raise
        tell("end", how="returned", value=value)
        return value

    return observed


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: ``type``, ``text``, and ``kinds``, the names of its class and their bases."""
    try:
        text = str(error)
    except Exception:  # the exception is the application's, and may do anything
        text = "(its text cannot be had)"
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind is not object]
    return {"type": type(error).__name__, "text": text, "kinds": kinds}
