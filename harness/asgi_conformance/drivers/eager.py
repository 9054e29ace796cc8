"""A request that is over before anybody waits: the fast way through the in-process driver.

Most answers are given without the application ever waiting for anything. Such a call is made at once, on the spot,
in a context of its own and as a task of its own, just without a turn of the event loop. The first time the
application waits, the call is handed over to that task and goes on as any other does (:mod:`.call`).

The task, called the host here, is kept for the next request if nothing can tell: an application that keeps it, hangs
a callback on it or cancels it has had it for itself.
"""

import asyncio
import sys
from asyncio import tasks
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from dataclasses import fields
from sys import getrefcount
from typing import Any
from weakref import getweakrefcount

from asgi_conformance.drivers.base import Ending, Piece, Response
from asgi_conformance.drivers.call import WINDOW, Call
from asgi_conformance.drivers.call import kept as kept_message
from asgi_conformance.drivers.http import pairs, payload
from asgi_conformance.protocol.types import ASGIApp, Message, Scope

# Which task runs on which loop. From 3.14 on, the interpreter keeps it elsewhere, and there is no fast way.
_CURRENT: dict[Any, Any] = getattr(tasks, "_current_tasks", {})
POSSIBLE = sys.version_info < (3, 14)
_RETURNED = Ending("returned")
_GONE: Message = {"type": "http.disconnect"}


# Makes an ordinary call of one that was begun: of its scope, the request's body, what it has sent, and whether it has
# taken the request.
Promote = Callable[[Scope, bytes, list[Message], bool], Call]


class _Over:
    """What is behind `receive` and `send` once the exchange is over: an application that goes on finds nobody."""

    async def receive(self) -> Message:
        await asyncio.sleep(0)  # one that asks for ever does not keep the loop
        return dict(_GONE)

    async def send(self, message: Message) -> None:
        pass


_OVER = _Over()


class Eager(Response):
    """A response that collects its own messages; what people read of it is worked out when they ask.

    To its users it is a :class:`Response`. All of it is on the way of every request, so it is written for speed.
    """

    __slots__ = ("_begun", "_call", "_given", "_sent")
    __setattr__ = object.__setattr__  # that of a frozen dataclass says no

    _begun: "tuple[Scope, bytes, Promote]"
    _call: Any
    _given: bool
    _sent: list[Message]

    async def receive(self) -> Message:
        """The request; whoever asks for more waits, and the call becomes an ordinary one."""
        if self._call is None and not self._given:
            self._given = True
            return {"type": "http.request", "body": self._begun[1], "more_body": False}
        message: Message = await self.promoted().receive()
        return message

    async def send(self, message: Message) -> None:
        """Keep a message as it is now; a client that reads nothing makes a long response wait."""
        if self._call is None and len(self._sent) < WINDOW:
            self._sent.append(message.copy() if type(message) is dict else message)
        else:
            await self.promoted().send(message)

    def promoted(self) -> Any:
        """The ordinary call that this one has become."""
        if self._call is None:
            scope, body, promote = self._begun
            self._call = promote(scope, body, self._sent, self._given)
        return self._call

    def __getattr__(self, name: str) -> Any:
        """Fill in what a response has, the first time that any of it is asked for."""
        if name not in _FIELDS:
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        messages = tuple(map(kept_message, self._sent))
        status = messages[0].get("status")
        pieces = tuple(Piece(0.0, data) for data in map(payload, messages) if data)
        values = {
            "status": status if isinstance(status, int) else 0,
            "headers": pairs(messages[0].get("headers")),
            "body": b"".join(piece.data for piece in pieces),
            "complete": True,
            "pieces": pieces,
            "messages": messages,
            "ending": _RETURNED,
            "left": False,
        }
        for field, put in _FIELDS.items():
            put(self, values.get(field))
        return values[name]


_FIELDS: dict[str, Callable[[Any, Any], None]] = {f.name: getattr(Response, f.name).__set__ for f in fields(Response)}


def _ends(sent: list[Message]) -> tuple[Message, Message]:
    """The first and the last message, if those between them are parts of a body that goes on."""
    if all(message["type"] == "http.response.body" and message.get("more_body") for message in sent[1:-1]):
        return sent[0], sent[-1]
    raise KeyError("type")


_new = object.__new__


class Host:
    """A task that waits for a call that was begun in its name."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handed: asyncio.Future[_Rest] = loop.create_future()
        self.task: asyncio.Task[None] = loop.create_task(self._wait(), name="asgi-conformance: waits for a request")
        self._quiet(True)
        self._waiting = asyncio.Event()
        # How many hold the task while nobody has kept it.
        self._references = self._weak_references = 0

    async def ready(self) -> None:
        """Let the task begin to wait."""
        task = self.task  # `begin` holds it likewise while it looks
        await self._waiting.wait()
        self._references, self._weak_references = getrefcount(task), getweakrefcount(task)

    async def _wait(self) -> None:
        self._waiting.set()
        try:
            rest = await self._handed
        except asyncio.CancelledError as error:
            if not self._handed.done() or self._handed.cancelled():
                raise
            rest = self._handed.result()
            rest.thrown = error
        await rest

    def begin(self, app: ASGIApp, scope: Scope, body: bytes, promote: Promote, *, plain: bool) -> tuple[Eager, bool]:
        """Call the application up to its first wait; the exchange, and whether it is over.

        It is over when the application has returned and left no trace but a whole response. `plain` says that the
        application is a coroutine function, so that calling it does nothing yet.
        """
        exchange = _new(Eager)
        exchange._begun = (scope, body, promote)  # noqa: SLF001 - two halves of one thing
        exchange._call = None  # noqa: SLF001
        exchange._given = False  # noqa: SLF001
        exchange._sent = []  # noqa: SLF001
        loop, task, current = self._loop, self.task, _CURRENT
        caller = current[loop]
        context = copy_context()
        rest: _Rest | None = None
        current[loop] = task
        try:
            coroutine: Any
            if plain:
                coroutine = app(scope, exchange.receive, exchange.send)
            else:
                called: Any = context.run(app, scope, exchange.receive, exchange.send)
                coroutine = called if hasattr(called, "send") else _awaited(called)
            rest = _Rest(coroutine, context, context.run(coroutine.send, None))
        except StopIteration:
            pass
        except Exception as error:  # whatever an application raises is what its task ends with
            rest = _Rest(_raising(error), context)
        except asyncio.CancelledError as error:
            rest = _Rest(_raising(error), context)
        finally:
            current[loop] = caller
        if rest is None:
            sent = exchange._sent  # noqa: SLF001
            try:
                first, last = sent if len(sent) == 2 else _ends(sent)
                if (
                    last["type"] == "http.response.body"
                    and first["type"] == "http.response.start"
                    and ("more_body" not in last or not last["more_body"])
                    and "trailers" not in first
                    and exchange._call is None  # noqa: SLF001
                    # Nobody has kept the task, or asked to be told of its end.
                    and getrefcount(task) == self._references
                    and getweakrefcount(task) == self._weak_references
                    and task._callbacks is None  # noqa: SLF001
                ):
                    exchange._call = _OVER  # noqa: SLF001
                    return exchange, True
            except (AttributeError, IndexError, KeyError, TypeError):
                pass  # no messages of the ordinary kind
            rest = _Rest(_nothing(), context)
        self._quiet(False)
        if not self._handed.cancelled():
            self._handed.set_result(rest)
        return exchange, False

    def _quiet(self, waits: bool) -> None:
        """A host that waits when the loop is closed is nothing to complain about."""
        vars_of: Any = self.task
        vars_of._log_destroy_pending = not waits  # noqa: SLF001

    async def end(self) -> None:
        """Let go of a host that nothing was handed to."""
        if not self._handed.done():
            self.task.cancel()
            await asyncio.wait({self.task})


async def _nothing() -> None:
    """The rest of a call that has returned."""


async def _raising(error: BaseException) -> None:
    raise error


async def _awaited(awaitable: Any) -> None:
    await awaitable


_NOT_BEGUN = object()


class _Rest:
    """The rest of a coroutine, in the context that it began in.

    Args:
        coroutine: what is left to do.
        context: to do it in.
        yielded: what the coroutine waits for; without it, it has not begun.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], context: Context, yielded: Any = _NOT_BEGUN) -> None:
        self._coroutine = coroutine
        self._context = context
        self._yielded = yielded
        self.thrown: BaseException | None = None  # the task was cancelled before it had the coroutine

    def __await__(self) -> Generator[Any, Any, None]:
        run, coroutine, yielded = self._context.run, self._coroutine, self._yielded
        try:
            if yielded is _NOT_BEGUN:
                yielded = run(coroutine.send, None)
            elif self.thrown is not None:
                if asyncio.isfuture(yielded):
                    yielded.cancel()
                yielded = run(coroutine.throw, self.thrown)
            while True:
                try:
                    value = yield yielded
                except BaseException as error:  # cancellation, or the end of the loop: it is the application's
                    yielded = run(coroutine.throw, error)
                else:
                    yielded = run(coroutine.send, value)
        except StopIteration:
            return
