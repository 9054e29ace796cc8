"""One call of an ASGI application, with the driver in the server's place.

Everything that an application is told and says passes through here: :meth:`Call.receive` and
:meth:`Call.send` are what it gets. Nothing is refused and nothing is judged; :mod:`asgi_conformance.lint` and
the checks do that.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable
from dataclasses import replace
from typing import Any

from asgi_conformance.drivers.base import Ending
from asgi_conformance.faults import NO_FAULTS, Faults
from asgi_conformance.leaks.snapshot import waits_at
from asgi_conformance.protocol.types import ASGIApp, Message, Scope
from asgi_conformance.transcript import Transcript

WINDOW = 16  # body messages that may be under way before `send` waits for the client to read
FAREWELLS = 16  # so many come at once; then each takes a second, or an application that goes on would stop the clock


class Call:
    """A running call: its scope, its inbox, what it has sent, how it ended.

    Args:
        app: the application.
        scope: handed over as it is.
        inbox: the messages that `receive` gives, in order; more can be put in with :meth:`put`.
        farewell: what `receive` gives, again and again, once the peer is gone or the exchange is over.
        faults: what to do wrong.
        window: how many sent messages may be unread before `send` waits; None never waits.
        transcript: where to note both sides.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        *,
        inbox: Iterable[Message] = (),
        farewell: Message | None = None,
        faults: Faults = NO_FAULTS,
        window: int | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self._app = app
        self.scope = scope
        self._inbox = deque(inbox)
        self.farewell = farewell
        self._faults = faults
        self._window = window
        self._transcript = transcript
        self._raises_when_gone = _raises_when_gone(scope, faults)
        self._gone = False
        self._over = False
        self._read = 0
        self._arrival = asyncio.Event()
        self._progress = asyncio.Event()
        self._drained = asyncio.Event()
        self.sent: list[Message] = []
        self.sent_after_disconnect: list[Message] = []
        self.sent_after_return: list[Message] = []
        self.sends = 0
        self.receives = 0
        self.receiving = 0
        self.most_receiving = 0
        self.suspensions = 0
        self.sent_before_cancel: int | None = None  # how many messages had been sent when it was first cancelled
        self.farewells = 0
        self.sends_when_told: int | None = None  # how many sends had begun when it was first told that it is over
        self.receives_when_told: int | None = None
        self.on_sent: Callable[[Message], None] | None = None  # called with each message that is taken
        self._task: asyncio.Task[None] | None = None

    # What the application gets.

    async def receive(self) -> Message:
        """Give the next message of the inbox; wait while there is none."""
        self._maybe_leave()
        self.receives += 1
        self.receiving += 1
        self.most_receiving = max(self.most_receiving, self.receiving)
        try:
            while not self._inbox:
                if (self._gone or self._over) and self.farewell is not None:
                    return await self._told(dict(self.farewell))
                self._arrival.clear()
                await self._arrival.wait()
            message = self._inbox.popleft()
        finally:
            self.receiving -= 1
        self._note("receive", message)
        self._progress.set()
        return message

    async def _told(self, farewell: Message) -> Message:
        self.farewells += 1
        if self.farewells > FAREWELLS:
            await asyncio.sleep(1.0)
        if self.sends_when_told is None:
            self.sends_when_told, self.receives_when_told = self.sends, self.receives
        self._note("receive", farewell)
        return farewell

    def _maybe_leave(self) -> None:
        if self._faults.leave_at is not None and self.receives + self.sends >= self._faults.leave_at and not self._gone:
            self.leave()

    async def send(self, message: Message) -> None:
        """Take a message; then fail, wait or return as the faults, the window and the peer say."""
        self._maybe_leave()
        index, self.sends = self.sends, self.sends + 1
        message = kept(message)
        self._note("send", message)
        faults = self._faults
        if faults.fail_send_from is not None and index >= faults.fail_send_from:
            self._note("note", "send() raises")
            raise faults.error()
        if faults.silent_from is not None and index >= faults.silent_from:
            return
        if faults.block_send_from is not None and index >= faults.block_send_from:
            await asyncio.Event().wait()
        if self._task is not None and self._task.done():
            self.sent_after_return.append(message)
            return
        if self._gone:
            self.sent_after_disconnect.append(message)
            if self._raises_when_gone:
                self._note("note", "send() raises: the client is gone")
                raise self._faults.error()
            return
        self.sent.append(message)
        if self.on_sent is not None:
            self.on_sent(message)
        self._progress.set()
        while self._window is not None and len(self.sent) - self._read > self._window and not self._gone:
            self._drained.clear()
            await self._drained.wait()

    # What the driver does.

    def start(self) -> None:
        """Begin the call, in a task of its own."""
        self._task = asyncio.get_running_loop().create_task(_Counted(self._run(), self))
        self._task.add_done_callback(self._ended)

    def take_over(self, sent: Iterable[Message], received: int) -> None:
        """Go on with a call that was begun elsewhere: what it has sent, and how many messages it was given."""
        self.sent.extend(map(kept, sent))
        self.sends = len(self.sent)
        self.receives = received

    def run_in(self, task: "asyncio.Task[None]") -> None:
        """The call goes on in this task, which is none that :meth:`start` made."""
        self._task = task
        task.add_done_callback(self._ended)

    async def _run(self) -> None:
        await self._app(self.scope, self.receive, self.send)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # it is told by `ending`; asyncio need not complain that nobody asked
        self._note("note", f"the application {describe(self.ended())}")
        self._progress.set()

    def put(self, message: Message) -> None:
        """Put one more message into the inbox."""
        self._inbox.append(message)
        self._arrival.set()

    def leave(self) -> None:
        """The peer is gone: `receive` says farewell once the inbox is empty, sends go nowhere."""
        self._gone = True
        self._note("note", "the client is gone")
        self._arrival.set()
        self._drained.set()
        self._progress.set()

    def finish(self) -> None:
        """The exchange came to its regular end: `receive` says farewell from now on."""
        self._over = True
        self._arrival.set()

    def read(self, count: int) -> None:
        """The client has read the first `count` messages, which lets waiting sends go on."""
        if count > self._read:
            self._read = count
            self._drained.set()

    def stall(self) -> None:
        """The client has read what there is, and reads nothing more: `send` waits from the next message on."""
        self._read, self._window = len(self.sent), 0

    async def until(self, ready: Callable[[], bool], within: float) -> bool:
        """Wait until `ready()` or the end of the call or of the bound; the last value of `ready()`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while not ready():
            remaining = deadline - loop.time()
            if self.done or remaining <= 0:
                return ready()
            self._progress.clear()
            try:
                async with asyncio.timeout(remaining):
                    await self._progress.wait()
            except TimeoutError:
                return ready()
        return True

    @property
    def done(self) -> bool:
        """Whether the call has ended."""
        return self._task is not None and self._task.done()

    @property
    def gone(self) -> bool:
        """Whether the peer has left."""
        return self._gone

    @property
    def unread_inbox(self) -> int:
        """How many messages the application has not taken yet."""
        return len(self._inbox)

    async def ending(self, within: float) -> Ending:
        """How the call ended, after waiting for at most `within` seconds."""
        await self.until(lambda: self.done, within)
        return self.ended()

    def ended(self) -> Ending:
        """How the call ended, as of now."""
        if self._task is None or not self._task.done():
            return Ending("running")
        if self._task.cancelled():
            return Ending("cancelled")
        error = self._task.exception()
        if error is None:
            return Ending("returned")
        return Ending("raised", f"{type(error).__name__}: {error}", error)

    def cancel(self) -> None:
        """Cancel the application where it is."""
        if self._task is not None and not self._task.done():
            self._note("note", "the application is cancelled")
            if self.sent_before_cancel is None:
                self.sent_before_cancel = len(self.sent)
            self._task.cancel()

    @property
    def place(self) -> str:
        """Where the application waits now, such as "main.py:12 in lifespan"; empty when it has ended."""
        coroutine = self._task.get_coro() if self._task is not None and not self._task.done() else None
        return waits_at(getattr(coroutine, "_inner", coroutine))

    def cancel_at(self, place: int) -> None:
        """Cancel the application at its n-th suspension from now on."""
        self._faults = replace(self._faults, cancel_at=self.suspensions + place)

    async def stop(self, grace: float) -> bool:
        """End what is left: cancel, again and again while it resists; whether it ended within `grace`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        while self._task is not None and not self._task.done() and loop.time() < deadline:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=grace / 10)
        return self.done

    def _note(self, direction: str, what: object) -> None:
        if self._transcript is not None:
            self._transcript.add(direction, what)


def _raises_when_gone(scope: Scope, faults: Faults) -> bool:
    if faults.after_disconnect != "auto":
        return faults.after_disconnect == "raise"
    version = str((scope.get("asgi") or {}).get("spec_version", "2.0"))
    return tuple(int(part) for part in version.split(".") if part.isdigit()) >= (2, 4)


def describe(ending: Ending) -> str:
    """The ending in words that follow "the application": "returned", "raised ValueError: no"."""
    words = {
        "returned": "returned",
        "raised": f"raised {ending.error}",
        "cancelled": "was cancelled",
        "running": "was still running",
        "unknown": "cannot be seen",
    }
    return words[ending.how]


def kept(message: Any) -> Any:
    """The message as it is now; its sender may change it, and its headers may be a one-way iterable."""
    if not isinstance(message, dict):
        return message
    now = dict(message)
    headers = now.get("headers")
    if headers is not None and not isinstance(headers, list | tuple | str | bytes):
        # Whatever it is, if it cannot be listed it is evidence, and stays as it is.
        with contextlib.suppress(Exception):
            now["headers"] = list(headers)
    return now


class _Counted(Coroutine[Any, Any, None]):
    """A coroutine that counts its suspensions, and is cancelled at a chosen one."""

    def __init__(self, inner: Coroutine[Any, Any, None], call: Call) -> None:
        self._inner = inner
        self._call = call

    def send(self, value: Any) -> Any:
        return self._suspended(self._inner.send(value))

    def throw(self, *args: Any) -> Any:
        return self._suspended(self._inner.throw(*args))

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._inner.__await__()

    def _suspended(self, yielded: Any) -> Any:
        call = self._call
        if call._faults.cancel_at == call.suspensions:  # noqa: SLF001 - two halves of one thing
            asyncio.get_running_loop().call_soon(call.cancel)
        call.suspensions += 1
        return yielded
