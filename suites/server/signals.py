"""A server that is told to end while there is work, and what became of everything."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from signal import SIGINT, SIGTERM, Signals
from typing import TypeVar

from asgi_conformance import Blocked, Unanswered, Unreachable
from asgi_conformance.drivers.base import Closed, Request
from asgi_conformance.drivers.server import ServerDriver, ServerOptions
from asgi_conformance.drivers.server.calls import Call
from asgi_conformance.drivers.wire import read_response
from asgi_conformance.drivers.wire_connection import Connection
from asgi_conformance.drivers.wire_websocket import WireWebSocket
from asgi_conformance.loading import AppRef
from asgi_conformance.transcript import Transcript

T = TypeVar("T")

GRACE = 1  # seconds that the server gives to what is open
SOON = 10.0  # real seconds for what takes milliseconds, on a busy machine
IN_TIME = 0.5  # of the grace period
SECOND = 0.25  # of the grace period, until the second signal
STARTUP = 0.5  # of the grace period


@dataclass(frozen=True, slots=True)
class Work:
    """What is open when the signal comes: a sentence's subject, and the path that does it.

    `waited_for`: the process has a reason not to end at once. `in_time`: it ends by itself within the grace period.
    """

    name: str
    path: str = ""
    waited_for: bool = False
    in_time: bool = False

    @property
    def is_websocket(self) -> bool:
        """Whether it is begun with a handshake."""
        return self.path in {"/websocket", "/busy"}

    def target(self, grace: int) -> str:
        """The path, with how long the work takes."""
        return f"{self.path}?hold={IN_TIME * grace}" if self.in_time else self.path


NOTHING = Work("nothing")
IDLE = Work("an idle connection", "/hello")
REQUEST = Work("a request that ends in time", "/request", waited_for=True, in_time=True)
ENDLESS_REQUEST = Work("a request that does not end", "/request", waited_for=True)
STREAM = Work("an endless stream", "/stream", waited_for=True)
WEBSOCKET = Work("an open websocket", "/websocket")
BUSY_WEBSOCKET = Work("a websocket whose application is busy", "/busy", waited_for=True)
BACKGROUND = Work("a background task that ends in time", "/background", waited_for=True, in_time=True)
ENDLESS_BACKGROUND = Work("a background task that does not end", "/background", waited_for=True)
STARTING = Work("the startup", waited_for=True)

WORK = (
    NOTHING,
    IDLE,
    REQUEST,
    ENDLESS_REQUEST,
    STREAM,
    WEBSOCKET,
    BUSY_WEBSOCKET,
    BACKGROUND,
    ENDLESS_BACKGROUND,
    STARTING,
)
ANSWERS: dict[object, str] = {
    "lifespan.startup.complete": "startup complete",
    "lifespan.shutdown.complete": "shutdown complete",
}
ONCE = ((SIGTERM,), (SIGINT,))
TWICE = ((SIGTERM, SIGTERM), (SIGINT, SIGINT))


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, with the seconds since the first signal."""

    what: str
    at: float


@dataclass(frozen=True, slots=True)
class Story:
    """What became of the work, the application and the process.

    Args:
        work: what was open.
        signals: what was sent; the second one comes when a quarter of the grace period is over.
        grace: the grace period in seconds; None where the server was told of none.
        moments: what happened in the application, in its order, and at last the end of the process.
        client: what the client has seen of the end.
        exit_code: of the process, negative for a signal; None when it had to be killed.
        second_came: whether the process was still there for the second signal.
    """

    work: Work
    signals: tuple[Signals, ...]
    grace: int | None
    moments: tuple[Moment, ...]
    client: str
    exit_code: int | None
    second_came: bool

    def at(self, what: str) -> float | None:
        """When it happened; None when it did not."""
        return next((moment.at for moment in self.moments if moment.what.startswith(what)), None)


OVER = {"work returned", "work raised", "work cancelled"}


def disorder(story: Story) -> tuple[str, str] | None:
    """What was expected and what was observed instead, where the order is not kept: work, shutdown, end."""
    told = f"after {names(story.signals)}: {', '.join(moment.what for moment in story.moments)}"
    if story.exit_code is None:
        return "the end of the process after the grace period", f"a process that goes on, {told}"
    if story.work is STARTING:
        undone = story.at("shutdown complete"), story.at("lifespan cancelled")
        return None if undone != (None, None) else ("a shutdown, or a cancelled startup", told)
    shutdown = story.at("shutdown begins")
    if shutdown is None or story.at("shutdown complete") is None:
        return "the lifespan's shutdown before the end of the process", told
    over = next((moment.at for moment in story.moments if moment.what in OVER), None)
    if story.work.path and (over is None or over > shutdown):
        return "the end of the work before the lifespan's shutdown", told
    return None


def names(signals: tuple[Signals, ...]) -> str:
    """SIGTERM, or "SIGTERM twice"."""
    return signals[0].name + (" twice" if len(signals) > 1 else "")


async def story(
    server: str,
    app: AppRef,
    work: Work,
    signals: tuple[Signals, ...],
    *,
    grace: int | None = GRACE,
    unit: int | None = None,
    patience: float | None = None,
    transcript: Transcript | None = None,
) -> Story:
    """Start the server, begin the work, send the signals, and watch until the process has ended.

    Args:
        server: the variant's name.
        app: the application that does the work.
        work: what is to be open.
        signals: one or two.
        grace: the server's grace period in seconds; None for its own default.
        unit: what the times of the work and of the second signal are taken from; the grace period by default.
        patience: how many seconds the end of the process is waited for; three grace periods and some by default.
        transcript: where to note what happens.

    Raises Blocked when the server does not start, or the work not begin.
    """
    period = unit or grace or GRACE
    bound = patience if patience is not None else 3 * period + SOON
    env = {"WORKING_STARTUP": str(STARTUP * period)} if work is STARTING else {}
    options = ServerOptions(grace=grace)
    driver = ServerDriver(server, app, options=options, env=env, leaving="kill", transcript=transcript)
    async with AsyncExitStack() as stack:
        try:
            entering = asyncio.ensure_future(driver.__aenter__())
            stack.push_async_exit(driver.__aexit__)
            if work is STARTING:
                await _lifespan_begun(driver, entering)
            else:
                await entering
        except Unreachable as reason:
            raise Blocked(str(reason)) from reason
        seen = await _begun(driver, work, work.target(period), stack)
        # Two signals of a kind that come before the process has looked are one; that it closes this tells that it has.
        idle = await driver.raw() if len(signals) > 1 and work is not STARTING else None
        first = time.monotonic()
        driver.signal(signals[0])
        second_came = False
        if len(signals) > 1:
            second_came = not await _ends(driver, SECOND * period)
            if idle is not None:
                await idle.ended(SOON)
            driver.signal(signals[1])
        ended = await _ends(driver, bound)
        over = time.monotonic()
        client = await seen()
        moments = [moment for call in driver.calls for moment in _moments(call, first)]
        if ended:
            moments.append(Moment("exit", over - first))
        await asyncio.gather(entering, return_exceptions=True)
        exit_code = driver.process.exit_code if ended else None
        return Story(work, signals, grace, tuple(sorted(moments, key=_when)), client, exit_code, second_came)


def _when(moment: Moment) -> float:
    return moment.at


async def _lifespan_begun(driver: ServerDriver, entering: "asyncio.Future[ServerDriver]") -> None:
    """Wait until the application has got `lifespan.startup`."""
    await asyncio.sleep(0)  # so that it is entered, as far as that goes without waiting
    if await driver.call(lambda call: call.received or entering.done(), 3 * SOON) is None:
        raise Blocked("the startup did not begin")


async def _ends(driver: ServerDriver, within: float) -> bool:
    try:
        await driver.wait_exit(within)
    except Unanswered:
        return False
    return True


def _moments(call: Call, first: float) -> list[Moment]:
    """What happened in a call of the application since the first signal."""
    lifespan = call.type == "lifespan"
    found, sending = [], None
    for event in call.events:
        message = event.get("message")
        kind = message.get("type") if isinstance(message, dict) else None
        at = event["at"] - first
        if event["event"] == "send":
            sending = kind
        elif event["event"] == "sent" and sending in ANSWERS:
            found.append(Moment(ANSWERS[sending], at))
        elif event["event"] == "received" and kind == "lifespan.shutdown":
            found.append(Moment("shutdown begins", at))
        elif event["event"] == "received" and kind in {"websocket.disconnect", "http.disconnect"}:
            found.append(Moment("work told to end", at))
        elif event["event"] == "end" and not lifespan:
            found.append(Moment(f"work {event['how']}", at))
        elif event["event"] == "end" and event["how"] != "returned":
            found.append(Moment(f"lifespan {event['how']}", at))
    return [moment for moment in found if moment.at >= 0]


# The client's side.


Seen = Callable[[], Awaitable[str]]


async def _begun(driver: ServerDriver, work: Work, target: str, stack: AsyncExitStack) -> Seen:
    """Have the application do the work; what is given tells in a few words how the client has seen the end of it."""
    if not work.path:
        return _nothing
    if work.is_websocket:
        wire = await driver.websocket(Request("GET", target))
        stack.push_async_callback(wire.disconnect)
        await _blocked_without(wire.opened(SOON))
        await _blocked_without(_call(driver, wire.connection.port))
        return lambda: _closed(wire)
    connection = await driver.raw()
    await connection.send(f"GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode("ascii"))
    await _blocked_without(_call(driver, connection.port))
    if work in {IDLE, BACKGROUND, ENDLESS_BACKGROUND}:
        if (await read_response(connection, within=SOON)).end != "complete":
            raise Blocked("there is no complete response before the signal")
        return lambda: _ended(connection)
    if work is STREAM:
        first = await _blocked_without(connection.read(SOON))
        connection.unread(first.data if first is not None else b"")
    return lambda: _response(connection)


async def _call(driver: ServerDriver, port: int) -> None:
    if await driver.call(lambda call: call.port == port, SOON) is None:
        raise Unanswered("the application is not called")


async def _blocked_without(awaited: Awaitable[T]) -> T:
    try:
        return await awaited
    except Unanswered as reason:
        raise Blocked(f"before the signal: {reason}") from reason


async def _nothing() -> str:
    return ""


async def _ended(connection: Connection) -> str:
    return f"connection {await connection.ended(SOON)}"


async def _response(connection: Connection) -> str:
    response = await read_response(connection, within=SOON)
    return f"{response.status}, {response.end}" if response.status else f"no response, connection {connection.end}"


async def _closed(wire: WireWebSocket) -> str:
    try:
        closed = await wire.receive(SOON)
    except Unanswered as reason:
        return str(reason)
    return f"closed with {closed.code}" if isinstance(closed, Closed) else "a message"
