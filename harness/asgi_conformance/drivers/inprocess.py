"""The in-process driver: an application called directly, message by message, on the running loop."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import unquote_to_bytes

from asgi_conformance.drivers.base import PATIENCE, Ability, Headers, Request, Response, Unreachable
from asgi_conformance.drivers.call import WINDOW, Call
from asgi_conformance.drivers.eager import POSSIBLE, Host
from asgi_conformance.drivers.exchange import read_response
from asgi_conformance.drivers.http import InProcessHTTPExchange
from asgi_conformance.drivers.lifespan import Answer, LifespanRun
from asgi_conformance.drivers.websocket import InProcessWebSocketExchange
from asgi_conformance.faults import NO_FAULTS, Faults
from asgi_conformance.lint import LintFinding, lint
from asgi_conformance.protocol.types import ASGIApp, Message, Scope
from asgi_conformance.sse import Event, EventStreamParser
from asgi_conformance.transcript import Transcript

if TYPE_CHECKING:
    from asgi_conformance.drivers.httpx_transport import StreamingTransport

# What uvicorn announces, so that an application behaves here as it does there; any other can be chosen.
HTTP_SPEC_VERSION = "2.3"
WEBSOCKET_SPEC_VERSION = "2.4"
STOP_GRACE = 5.0
STARTUP_PATIENCE = 60.0
REMEMBERED = 256  # scopes of requests that were made before

HeadersLike = Mapping[str, str] | Iterable[tuple[bytes, bytes]]


class InProcess:
    """Drive an ASGI application in process: ``async with InProcess(app) as client: …``.

    Entering runs the lifespan's startup, leaving its shutdown; calls that are still running then are
    cancelled. Unlike other in-process clients it delivers responses while they are produced, tells the
    application when the client leaves, and bounds every wait, on the clock of the running loop.

    Args:
        app: the application.
        lifespan: ``auto`` runs it where the application has one, ``on`` insists, ``off`` does not.
        raise_app_exceptions: raise from :meth:`request` what the application raised; else the response says
            it (`ending`), with status 500 when none had been sent.
        spec_version: the ASGI spec_version to announce; by default that of uvicorn.
        state: offer lifespan state.
        scope: keys that replace or extend those of every scope; a value of ``...`` takes the key out.
        faults: what the driver does wrong, in every call but the lifespan's.
        transcript: where to note both sides of every call.
        linted: also note there what the linter finds wrong with the application, beside the message that is.

    Raises Unreachable on entering when startup fails or does not finish.
    """

    name = "in-process"
    abilities = frozenset({Ability.MESSAGES, Ability.LIFECYCLE, Ability.SCRIPT, Ability.VIRTUAL_TIME})

    def __init__(
        self,
        app: ASGIApp,
        *,
        lifespan: Literal["auto", "on", "off"] = "auto",
        raise_app_exceptions: bool = True,
        spec_version: str | None = None,
        state: bool = True,
        scope: Mapping[str, Any] | None = None,
        faults: Faults = NO_FAULTS,
        transcript: Transcript | None = None,
        linted: bool = False,
    ) -> None:
        self.app = app
        self._linted = linted
        self._lifespan = lifespan
        self.raises_app_exceptions = raise_app_exceptions
        self._spec_version = spec_version
        self._offers_state = state
        self._scope = dict(scope or {})
        self._faults = faults
        self._transcript = transcript
        self.run: LifespanRun | None = None
        self.no_lifespan = ""  # why there is none, in words, where the application has none
        self.calls: list[Call] = []
        self._eager = POSSIBLE and faults is NO_FAULTS and transcript is None
        self._hosts: list[Host] = []
        self._plain = inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__)
        self._scopes: dict[tuple[str, str], dict[str, Any]] = {}
        self._fresh: tuple[tuple[str, Any], ...] = ()  # what each of these scopes has a copy of for itself
        self._promote = self._promoted

    async def __aenter__(self) -> Self:
        if self._lifespan != "off":
            await self._start()
        return self

    async def _start(self) -> None:
        run = LifespanRun(self.called, state={} if self._offers_state else None, transcript=self._transcript)
        phase = await run.startup(STARTUP_PATIENCE)
        if phase.answer is Answer.COMPLETE:
            self.run = run
            return
        await run.call.stop(STOP_GRACE)
        reasons = {
            Answer.FAILED: f"the application's startup failed: {_last_line(phase.message)}",
            Answer.SILENT: f"the application's startup did not finish within {STARTUP_PATIENCE:g} s",
            Answer.RETURNED: "the application returned from its lifespan without an answer",
            Answer.RAISED: f"the application raised in its lifespan: {phase.message}",
            Answer.CANCELLED: "the application's lifespan was cancelled",
        }
        self.no_lifespan = reasons[phase.answer]
        # A server goes on without lifespan when the application raises or returns: it need not have one.
        if self._lifespan == "on" or phase.answer in {Answer.FAILED, Answer.SILENT}:
            raise Unreachable(reasons[phase.answer])

    async def __aexit__(self, *exc_info: object) -> None:
        for call in self.calls:
            await call.stop(STOP_GRACE)
        while self._hosts:
            await self._hosts.pop().end()
        if self.run is not None and not self.run.call.done:
            await self.run.shutdown(STARTUP_PATIENCE)
            await self.run.call.stop(STOP_GRACE)

    # The driver's interface.

    async def http(
        self, request: Request, *, streaming: bool = False, faults: Faults | None = None, window: int | None = WINDOW
    ) -> InProcessHTTPExchange:
        """Send a request. With `window`, the application's `send` waits when that many messages are unread."""
        inbox: list[Message] = []
        if not streaming:
            inbox = [{"type": "http.request", "body": request.body, "more_body": False}]
        scope = self.http_scope(request)
        call = self.call(scope, inbox, {"type": "http.disconnect"}, faults=faults, window=window)
        return InProcessHTTPExchange(call)

    async def websocket(self, request: Request, *, faults: Faults | None = None) -> InProcessWebSocketExchange:
        """Send a websocket handshake."""
        farewell = {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        scope = self.websocket_scope(request)
        return InProcessWebSocketExchange(
            self.call(scope, [{"type": "websocket.connect"}], farewell, faults=faults, window=WINDOW)
        )

    def call(
        self,
        scope: dict[str, Any],
        inbox: Iterable[Message],
        farewell: Message | None = None,
        *,
        faults: Faults | None = None,
        window: int | None = None,
    ) -> Call:
        """Call the application with any scope and any messages; the call is started."""
        call = Call(
            self.called,
            scope,
            inbox=inbox,
            farewell=farewell,
            faults=self._faults if faults is None else faults,
            window=window,
            transcript=self._transcript,
        )
        self.calls.append(call)
        if self._transcript is not None:
            self._transcript.add("note", f"call with scope {_brief(scope)}")
        call.start()
        return call

    @property
    def called(self) -> ASGIApp:
        """The application as it is called: with the linter around it, where that was asked for."""
        return lint(self.app, on_violation=self._found, only="application") if self._linted else self.app

    def _found(self, finding: LintFinding) -> None:
        if self._transcript is not None:
            about = f"{finding.rule}, {finding.level} ({finding.requirement})"
            self._transcript.add("note", f"lint: {about}: expected {finding.expected}, observed {finding.observed}")

    # Scopes.

    def http_scope(self, request: Request) -> dict[str, Any]:
        """The scope of a request, as a server would make it."""
        scope = self._common_scope("http", request, HTTP_SPEC_VERSION)
        headers = scope["headers"]
        if request.body and not any(name in {b"content-length", b"transfer-encoding"} for name, _ in headers):
            headers.append((b"content-length", str(len(request.body)).encode()))
        return self._changed(scope | {"method": request.method, "scheme": "http"})

    def websocket_scope(self, request: Request) -> dict[str, Any]:
        """The scope of a websocket handshake."""
        scope = self._common_scope("websocket", request, WEBSOCKET_SPEC_VERSION)
        scope |= {
            "scheme": "ws",
            "subprotocols": list(request.subprotocols),
            "extensions": {"websocket.http.response": {}},
        }
        return self._changed(scope)

    def _common_scope(self, kind: str, request: Request, spec_version: str) -> dict[str, Any]:
        raw_path, _, query = request.path.encode("latin-1", "replace").partition(b"?")
        headers = [(name, value) for name, value in request.headers]
        if not any(name == b"host" for name, _ in headers):
            headers.insert(0, (b"host", b"127.0.0.1"))
        scope: dict[str, Any] = {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": self._spec_version or spec_version},
            "http_version": "1.1",
            "path": unquote_to_bytes(raw_path).decode("utf-8", "replace"),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
        }
        if self.run is not None and self.run.state is not None:
            scope["state"] = self.run.state.copy()
        return scope

    def _changed(self, scope: dict[str, Any]) -> dict[str, Any]:
        scope |= self._scope
        return {key: value for key, value in scope.items() if value is not ...}

    # For people's own tests.

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: HeadersLike = (),
        body: bytes = b"",
        within: float = PATIENCE,
    ) -> Response:
        """Send a request, read the whole response, and wait for the application to return.

        Raises:
            Unanswered: no response, or no end of it, within `within` seconds.
            Exception: what the application raised, with `raise_app_exceptions`.
        """
        if self._eager:
            host = self._hosts.pop() if self._hosts else await self._new_host()
            if headers or body or (known := self._scopes.get((method, path))) is None:
                scope = self._scope_to_remember(method, path, header_pairs(headers), body)
            else:
                scope = known.copy()
                for key, value in self._fresh:
                    scope[key] = value.copy()
            eager, over = host.begin(self.app, scope, body, self._promote, plain=self._plain)
            if over:
                self._hosts.append(host)
                return eager
            call: Call = eager.promoted()
            call.run_in(host.task)
            response = await read_response(InProcessHTTPExchange(call), within=within)
        else:
            exchange = await self.http(Request(method, path, header_pairs(headers), body))
            response = await read_response(exchange, within=within)
        if self.raises_app_exceptions and response.ending.exception is not None:
            raise response.ending.exception
        return response

    async def _new_host(self) -> Host:
        host = Host(asyncio.get_running_loop())
        try:
            await host.ready()
        except asyncio.CancelledError:
            self._hosts.append(host)  # it is ended with the others
            raise
        return host

    def _promoted(self, scope: Scope, body: bytes, sent: list[Message], taken: bool) -> Call:
        """The ordinary call that goes on where an eager one had to wait."""
        inbox: list[Message] = [] if taken else [{"type": "http.request", "body": body, "more_body": False}]
        call = Call(self.app, scope, inbox=inbox, farewell={"type": "http.disconnect"}, window=WINDOW)
        call.take_over(sent, int(taken))
        self.calls.append(call)
        return call

    def _scope_to_remember(self, method: str, path: str, headers: Headers, body: bytes) -> dict[str, Any]:
        """The scope of a request; the next such request without headers and body has a copy."""
        if not headers and not body and len(self._scopes) < REMEMBERED:
            known = self._scopes[method, path] = self.http_scope(Request(method, path))
            if self.run is not None and self.run.state is not None and "state" not in self._scope:
                known["state"] = self.run.state  # copied for each request, as it is then
            own = known.keys() - self._scope
            self._fresh = tuple((key, known[key]) for key in ("asgi", "headers", "state") if key in own)
        return self.http_scope(Request(method, path, headers, body))

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, headers: HeadersLike = (), body: bytes = b""
    ) -> AsyncIterator[InProcessHTTPExchange]:
        """Send a request and read the response as it comes; leaving the block disconnects."""
        exchange = await self.http(Request(method, path, header_pairs(headers), body))
        try:
            yield exchange
        finally:
            if not exchange.complete:
                await exchange.disconnect()
            await exchange.ending(STOP_GRACE)

    @asynccontextmanager
    async def events(
        self, path: str, *, method: str = "GET", headers: HeadersLike = (), within: float = PATIENCE
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """The server-sent events of a stream, one by one; leaving the block disconnects.

        `within` bounds the wait for each event, in seconds (Unanswered).
        """
        accept = ((b"accept", b"text/event-stream"),)
        async with self.stream(method, path, headers=accept + header_pairs(headers)) as exchange:
            yield _events(exchange, within)

    @asynccontextmanager
    async def websocket_session(
        self, path: str, *, headers: HeadersLike = (), subprotocols: tuple[str, ...] = ()
    ) -> AsyncIterator[InProcessWebSocketExchange]:
        """Open a websocket; leaving the block closes it with code 1000."""
        exchange = await self.websocket(Request("GET", path, header_pairs(headers), subprotocols=subprotocols))
        try:
            yield exchange
        finally:
            await exchange.close()
            await exchange.ending(STOP_GRACE)

    @property
    def transport(self) -> "StreamingTransport":
        """An ``httpx`` transport over this driver: ``httpx.AsyncClient(transport=client.transport, …)``.

        Raises ImportError, with the extra to install, where httpx is missing.
        """
        from asgi_conformance.drivers.httpx_transport import StreamingTransport  # noqa: PLC0415 - httpx is optional

        return StreamingTransport(self)


async def _events(exchange: InProcessHTTPExchange, within: float) -> "AsyncIterator[Event]":

    parser = EventStreamParser()
    while (piece := await exchange.piece(within)) is not None:
        for event in parser.feed(piece.data):
            yield event


def header_pairs(headers: HeadersLike) -> Headers:
    """Headers as pairs of bytes, names in lower case."""
    items = headers.items() if isinstance(headers, Mapping) else headers
    return tuple((_latin(name).lower(), _latin(value)) for name, value in items)


def _latin(value: str | bytes) -> bytes:
    return value.encode("latin-1") if isinstance(value, str) else value


def _last_line(text: str) -> str:
    """Frameworks put a whole traceback into ``startup.failed``; its last line is the reason."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "without a message"


def _brief(scope: Mapping[str, Any]) -> str:
    kind = scope.get("type")
    if kind == "http":
        return f"http {scope.get('method')} {scope.get('path')}"
    return f"{kind} {scope.get('path', '')}".strip()
