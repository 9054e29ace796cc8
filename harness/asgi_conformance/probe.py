"""The handle that a check gets: one route of one target, reached through one driver."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from asgi_conformance.check import Blocked
from asgi_conformance.drivers.base import (
    PATIENCE,
    Ability,
    Driver,
    Headers,
    HTTPExchange,
    Request,
    Response,
    Unanswered,
    Unreachable,
    WebSocketExchange,
)
from asgi_conformance.drivers.browser.page import Page, opened
from asgi_conformance.drivers.browser.relay import Relay
from asgi_conformance.drivers.call import Call
from asgi_conformance.drivers.exchange import Sample, read_response
from asgi_conformance.drivers.inprocess import STOP_GRACE, InProcess
from asgi_conformance.drivers.lifespan import LifespanRun
from asgi_conformance.drivers.remote import RemoteDriver
from asgi_conformance.drivers.server.driver import ServerDriver
from asgi_conformance.faults import NO_FAULTS, Faults
from asgi_conformance.pattern import Route
from asgi_conformance.protocol.types import Message
from asgi_conformance.transcript import Transcript

D = TypeVar("D")


class Probe:
    """Reaches the route of a case. The application is started at the first use, and stopped by the runner.

    Every exchange is noted in `transcript`, so a check writes no evidence code. Waits have a bound, on the
    driver's clock; :meth:`request` turns a missing response into Blocked, since there is a check of its own
    (``asgi.response.answered``) that is about just that. The context managers hand out raw exchanges, whose
    waits raise Unanswered.
    """

    def __init__(
        self,
        driver: Driver,
        route: Route | None,
        transcript: Transcript,
        promises: Mapping[str, str] | None = None,
    ) -> None:
        self.driver = driver
        self._route = route
        self._promises = promises or {}
        self.transcript = transcript
        self._started = False
        self.evidence: str | None = None

    def measured(self, evidence: str) -> None:
        """Keep what was measured: the report shows it beside a claim that holds."""
        self.evidence = evidence

    @property
    def route(self) -> Route:
        """The route under test.

        Raises Blocked for a case without a route: the check forgot to say in `needs` that it wants one.
        """
        if self._route is None:
            raise Blocked("this check was run without a route")
        return self._route

    def promise(self, name: str) -> str:
        """What the target promises under that name; a check that asks for it names it in `needs` (KeyError)."""
        return self._promises[name]

    async def start(self) -> None:
        """Start the application (or connect to it). Raises Blocked when it does not start."""
        if self._started:
            return
        try:
            await self.driver.__aenter__()
        except Unreachable as error:
            raise Blocked(str(error)) from error
        self._started = True

    async def stop(self) -> None:
        """Stop what was started."""
        if self._started:
            self._started = False
            await self.driver.__aexit__(None, None, None)

    def driver_as(self, kind: type[D]) -> D:
        """The driver, for checks whose `needs` only one kind of driver can satisfy.

        Raises Blocked when it is another one.
        """
        if not isinstance(self.driver, kind):
            raise Blocked(f"this check needs another driver than {self.driver.name}")
        return self.driver

    # HTTP.

    def http_request(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        headers: Headers = (),
        body: bytes | None = None,
    ) -> Request:
        """A request to the route, changed where arguments say so; `headers` come after the route's own."""
        route = self.route
        return Request(
            method or route.method,
            route.path if path is None else path,
            route.headers + headers,
            route.body if body is None else body,
        )

    async def request(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        headers: Headers = (),
        body: bytes | None = None,
        within: float = PATIENCE,
    ) -> Response:
        """Send a request to the route and read the whole response.

        Of a stream that does not promise to end (``http.stream`` without ``http.finite``) the beginning is
        read; then the client leaves, and ``response.left`` is true.

        Raises Blocked when no response, or no end of it, came about within `within` seconds.
        """
        await self.start()
        request = self.http_request(method=method, path=path, headers=headers, body=body)
        try:
            return await read_response(await self.driver.http(request), within=within, sample=self._sample())
        except Unanswered as error:
            raise Blocked(str(error)) from error

    def _sample(self) -> Sample | None:
        capabilities = self.route.capabilities
        if "http.finite" in capabilities or "http.stream" not in capabilities:
            return None
        return Sample(20, 20.0) if Ability.VIRTUAL_TIME in self.driver.abilities else Sample(1, 0.5)

    @asynccontextmanager
    async def exchange(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        headers: Headers = (),
        body: bytes | None = None,
        streaming: bool = False,
    ) -> AsyncIterator[HTTPExchange]:
        """Send a request to the route and follow the response as it comes; leaving the block disconnects."""
        await self.start()
        request = self.http_request(method=method, path=path, headers=headers, body=body)
        exchange = await self.driver.http(request, streaming=streaming)
        try:
            yield exchange
        finally:
            if not exchange.complete:
                await exchange.disconnect()
            await exchange.ending(STOP_GRACE)

    # WebSocket.

    @asynccontextmanager
    async def websocket(
        self, *, headers: Headers = (), subprotocols: tuple[str, ...] = (), path: str | None = None
    ) -> AsyncIterator[WebSocketExchange]:
        """Send a handshake to the route; leaving the block loses the connection if it is still open."""
        await self.start()
        route = self.route
        request = Request(
            "GET", route.path if path is None else path, route.headers + headers, subprotocols=subprotocols
        )
        exchange = await self.driver.websocket(request)
        try:
            yield exchange
        finally:
            await exchange.disconnect()
            await exchange.ending(STOP_GRACE)

    async def accepted(self, exchange: WebSocketExchange, within: float = PATIENCE) -> None:
        """Wait for the handshake to be accepted; Blocked when it is not."""
        try:
            handshake = await exchange.opened(within)
        except Unanswered as error:
            raise Blocked(str(error)) from error
        if not handshake.accepted:
            raise Blocked(f"the handshake was refused with status {handshake.status}")

    # A browser.

    @asynccontextmanager
    async def browser(self, *, path: str | None = None) -> AsyncIterator[Page]:
        """A fresh page of a real browser: the application's own at `path`, or an empty one at its origin.

        Needs ``browser``. Raises Blocked where there is no browser, or none that starts.
        """
        await self.start()
        driver = self.driver
        if not isinstance(driver, ServerDriver | RemoteDriver):
            raise Blocked(f"this check needs another driver than {driver.name}")
        try:
            async with (
                Relay(driver.raw, driver.place, self.transcript.add) as relay,
                opened(relay, path=path, note=self.transcript.add) as page,
            ):
                yield page
        except Unreachable as error:
            raise Blocked(str(error)) from error

    # In process only.

    @property
    def inprocess(self) -> InProcess:
        """The in-process driver, for checks that need ``script``."""
        return self.driver_as(InProcess)

    def lifespan(self, *, state: dict[str, Any] | None = None, faults: Faults = NO_FAULTS) -> LifespanRun:
        """A lifespan that the check itself starts and stops (needs ``script``)."""
        run = LifespanRun(self.inprocess.called, state=state, faults=faults, transcript=self.transcript)
        self.inprocess.calls.append(run.call)
        return run

    async def call(
        self,
        scope: dict[str, Any],
        inbox: Iterable[Message] = (),
        farewell: Message | None = None,
        *,
        faults: Faults = NO_FAULTS,
        window: int | None = None,
    ) -> Call:
        """Call the application with any scope and any messages (needs ``script``)."""
        await self.start()
        return self.inprocess.call(scope, inbox, farewell, faults=faults, window=window)
