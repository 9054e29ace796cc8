"""The server driver: an application under a real server, reached by real bytes, and watched from inside."""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self, TypeVar

from asgi_conformance.drivers.base import Ability, Ending, Request
from asgi_conformance.drivers.server.adapters import ServerOptions
from asgi_conformance.drivers.server.calls import Call, Expectation
from asgi_conformance.drivers.server.launch import How
from asgi_conformance.drivers.server.process import START_WITHIN, STOP_WITHIN, ServerProcess
from asgi_conformance.drivers.server.snapshot import Snapshot
from asgi_conformance.drivers.wire import WireClient, WireExchange
from asgi_conformance.drivers.wire_connection import Connection
from asgi_conformance.drivers.wire_websocket import WireWebSocket
from asgi_conformance.loading import AppRef
from asgi_conformance.protocol.types import Message
from asgi_conformance.transcript import Transcript

T = TypeVar("T")


class ServerDriver:
    """Reaches one application under one server, for the length of one check.

    What the application did is told by its own process and may be told after the bytes it caused: the messages
    of an exchange are all there once its :meth:`ending` is.

    Args:
        server: the variant's name, such as ``uvicorn-h11``; UnknownServer is raised when there is none.
        app: the application by name, for a fresh process of its own; or a process, which is started if it does
            not run (because an earlier check has ended it) and is left running.
        options: what to ask of the server, for a fresh process.
        env: set in the environment of a fresh process.
        how: how a fresh process comes about.
        leaving: what becomes of a fresh process at the end: ``stop`` gives it time for a graceful shutdown;
            ``kill`` does not, where nothing depends on it and time does.
        transcript: where to note bytes and messages.
    """

    abilities = frozenset({Ability.MESSAGES, Ability.LIFECYCLE, Ability.WIRE, Ability.PROCESS, Ability.BROWSER})

    def __init__(
        self,
        server: str,
        app: AppRef | ServerProcess,
        *,
        options: ServerOptions = ServerOptions(),  # noqa: B008 - it is frozen
        env: Mapping[str, str] | None = None,
        how: How = "fork",
        leaving: Literal["stop", "kill"] = "stop",
        transcript: Transcript | None = None,
    ) -> None:
        self.name = server
        self._fresh = isinstance(app, AppRef)
        self.process = ServerProcess(server, app, options=options, env=env, how=how) if isinstance(app, AppRef) else app
        self._leaving = leaving
        self._transcript = transcript
        self._client = WireClient("127.0.0.1", 0)
        self._change = asyncio.Event()
        self._entered = False
        self._watched: frozenset[int] = frozenset()

    async def __aenter__(self) -> Self:
        self._entered = True
        self.process.listener = self._heard
        try:
            self.process.poll()
            if not self.process.running:
                self.process.begin()
            await self._until(lambda: self.process.settled or None, START_WITHIN)
            self.process.check_ready(START_WITHIN)
        except BaseException:
            self._let_go()
            self.process.kill()
            raise
        host, port = self.process.address
        self._client = WireClient(host, port, watch=self._watch, note=self._said)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            await self._client.close()
            if self._fresh and self._leaving == "stop":
                await self.stop()
        finally:
            self._let_go()
            if self._fresh:
                self.process.kill()
            self.process.calls.prune()

    async def http(self, request: Request, *, streaming: bool = False) -> WireExchange:
        """Send a request on a new connection; with `streaming`, its body follows."""
        return await self._client.http(request, streaming=streaming)

    async def websocket(self, request: Request, *, early: bytes = b"") -> WireWebSocket:
        """Send a websocket handshake on a new connection, and `early` bytes in the same segment."""
        return await self._client.websocket(request, early=early)

    def place(self, path: str) -> tuple[str, str]:
        """What a request by hand has to say to reach that path: the value of ``host``, and the target."""
        return self._client.authority, self._client.target(path)

    async def raw(self, *, receive_buffer: int | None = None) -> Connection:
        """A connection on which nothing was sent yet, for any bytes."""
        connection = await self._client.raw(receive_buffer=receive_buffer)
        self.process.calls.opened(connection.port)
        return connection

    @property
    def calls(self) -> Sequence[Call]:
        """The calls of the application in this check, and the lifespan's."""
        self._poll()
        return list(self.process.calls)

    async def call(self, chosen: Callable[[Call], object], within: float) -> Call | None:
        """The first call of which `chosen` is true, waited for at most `within` seconds.

        For example the call for bytes on a raw connection: ``lambda call: call.port == connection.port``.
        """
        return await self._until(lambda: next((call for call in self.process.calls if chosen(call)), None), within)

    def signal(self, signum: int) -> None:
        """Send a signal to the server process."""
        self._note("note", f"{signal.Signals(signum).name} to the server")
        self.process.signal(signum)

    async def wait_exit(self, within: float) -> int:
        """The exit code of the process, negative for a signal. Raises Unanswered when it goes on."""
        await self._until(lambda: self.process.ended or None, within)
        return self.process.check_exit(within)

    async def stop(self, within: float = STOP_WITHIN) -> int:
        """SIGTERM, and SIGKILL when that does not end the process within the bound; the exit code."""
        self._poll()
        if self.process.running:
            self.signal(signal.SIGTERM)
        if await self._until(lambda: self.process.ended or None, within) is None:
            self._note("note", f"SIGKILL to the server, which did not end within {within:g} s")
            self.process.send_kill()
        return await self.wait_exit(STOP_WITHIN)

    def log(self) -> str:
        """What the process has printed so far, stdout and stderr together."""
        return self.process.log()

    async def snapshot(self, within: float = STOP_WITHIN) -> Snapshot:
        """What the process holds now. Raises Unanswered when it has ended, or its loop does not come round."""
        number = self.process.ask_snapshot()
        await self._until(lambda: self.process.has_snapshot(number) or self.process.ended or None, within)
        return self.process.take_snapshot(number, within)

    def _watch(self, port: int, scope_type: str, path: str) -> "ServerSight":
        return ServerSight(self.process.calls.expect(port, scope_type, path), self.process, self._poll, self._until)

    async def _until(self, known: Callable[[], T | None], within: float) -> T | None:
        """Wait until `known` gives something; None when the bound is over."""
        deadline = time.monotonic() + within
        while True:
            self._poll()
            found = known()
            if found is not None:
                return found
            change = self._change
            try:
                async with asyncio.timeout(max(0, deadline - time.monotonic())):
                    await change.wait()
            except TimeoutError:
                self._poll()
                return known()

    def _poll(self) -> None:
        """Take in what the process has told, and watch the descriptors that will tell more."""
        if self.process.poll():
            self._change.set()
            self._change = asyncio.Event()
        if not self._entered:  # somebody looks at an exchange afterwards, when there is no loop any more
            return
        loop = asyncio.get_running_loop()
        now = self.process.descriptors
        for descriptor in self._watched - now:
            loop.remove_reader(descriptor)
        for descriptor in now - self._watched:
            loop.add_reader(descriptor, self._poll)
        self._watched = now

    def _let_go(self) -> None:
        loop = asyncio.get_running_loop()
        for descriptor in self._watched:
            loop.remove_reader(descriptor)
        self._watched = frozenset()
        self._entered = False
        self.process.listener = None

    def _heard(self, call: Call, event: dict[str, Any]) -> None:
        """An event of the application, for the transcript."""
        match event["event"]:
            case "call":
                self._note("note", f"the application is called: {call.type} {call.scope.get('path', '')}".rstrip())
            case "received":
                self._note("receive", event.get("message"))
            case "send":
                self._note("send", event.get("message"))
            case "receive-failed" | "send-failed":
                doing = event["event"].partition("-")[0]
                self._note("note", f"{doing} raises {event['error']['type']}: {event['error']['text']}")
            case "end":
                how = call.ending or Ending("unknown")
                self._note("note", f"the {call.type} call is over: {how.how} {how.error}".rstrip())

    def _said(self, direction: str, what: object) -> None:
        """Bytes of the client or the server, for the transcript."""
        if direction == "<":
            self._poll()  # what the application did before these bytes has been told already
        self._note(direction, what)

    def _note(self, direction: str, what: object) -> None:
        if self._transcript is not None:
            self._transcript.add(direction, what)


class ServerSight:
    """What is seen of the application's call for one request."""

    def __init__(
        self,
        expectation: Expectation,
        process: ServerProcess,
        poll: Callable[[], None],
        until: Callable[[Callable[[], Any], float], Any],
    ) -> None:
        self._expectation = expectation
        self._process = process
        self._poll = poll
        self._until = until

    @property
    def called(self) -> bool:
        """Whether the application was called."""
        self._poll()
        return self._expectation.call is not None

    @property
    def messages(self) -> Sequence[Message]:
        """What the application has sent so far."""
        self._poll()
        call = self._expectation.call
        return call.sent if call is not None else []

    async def ending(self, within: float) -> Ending:
        """How its call ended; ``unknown`` when it was never called, or the process ended before it."""
        ending: Ending | None = await self._until(self._known, within)
        if ending is not None:
            return ending
        return Ending("running" if self._expectation.call is not None else "unknown")

    def _known(self) -> Ending | None:
        call = self._expectation.call
        if call is not None and call.ending is not None:
            return call.ending
        return Ending("unknown") if self._process.ended else None
