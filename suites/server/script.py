"""Scripts for the application that plays them, and what came of one: on the wire, and in its record."""

import ast
import itertools
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from asgi_conformance import Blocked, Probe, Unreachable, Violation
from asgi_conformance.drivers.base import Headers
from asgi_conformance.drivers.server import ServerDriver, ServerOptions
from asgi_conformance.drivers.wire import WireResponse, read_response
from asgi_conformance.drivers.wire_connection import Connection

Step = tuple[Any, ...]

NEEDS = {"server.script", "wire"}
RECEIVE: Step = ("receive",)
DRAIN: Step = ("drain",)
PROMPTLY = 5.0  # seconds for what should be a matter of milliseconds, on a busy machine
PRINTED = "scripted:"  # what the lines of the lifespan's record begin with

_numbers = itertools.count(1)


def start(status: Any = 200, headers: Iterable[tuple[bytes, bytes]] = (), **more: Any) -> Step:
    """The step that sends a response start."""
    return ("send", {"type": "http.response.start", "status": status, "headers": list(headers), **more})


def body(data: Any = b"", *, more: bool = False) -> Step:
    """The step that sends a part of the body."""
    return ("send", {"type": "http.response.body", "body": data, "more_body": more})


OK: tuple[Step, ...] = (start(200, [(b"content-length", b"2")]), body(b"ok"))


@dataclass(frozen=True, slots=True)
class Record:
    """What the application has noted in one call, in order."""

    events: tuple[tuple[Any, ...], ...] = ()

    def all(self, what: str) -> list[tuple[Any, ...]]:
        """The events of that name, without it."""
        return [event[1:] for event in self.events if event[0] == what]

    def at(self, what: str) -> int:
        """The place of the first event of that name. Raises Blocked where there is none."""
        for place, event in enumerate(self.events):
            if event[0] == what:
                return place
        raise Blocked(f"the application has not noted: {what}")

    @property
    def scope(self) -> dict[str, Any]:
        """The scope of the call. Raises Blocked where there was none."""
        calls = self.all("call")
        if not calls:
            raise Blocked("the application was not called")
        scope: dict[str, Any] = calls[0][1]
        return scope

    @property
    def received(self) -> list[dict[str, Any]]:
        """The messages that the application was given."""
        return [message for (message,) in self.all("received")]

    @property
    def raised(self) -> list[list[str]]:
        """The kinds of each exception that `send` raised."""
        return [event[0] for event in self.all("send-raised")]

    @property
    def body(self) -> bytes:
        """The request body as the application got it."""
        return b"".join(m.get("body", b"") for m in self.received if m.get("type") == "http.request")


@dataclass(frozen=True, slots=True)
class Play:
    """One call of the application, on a connection of its own."""

    probe: Probe
    server: ServerDriver
    name: str
    connection: Connection

    async def response(self, method: str = "GET", within: float = PROMPTLY) -> WireResponse:
        """The next response on the connection."""
        found = await read_response(self.connection, method, within)
        headers = ", ".join(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in found.headers)
        self.probe.transcript.add("<", f"{found.status} · {headers} · {found.body[:80]!r} · {found.end}")
        return found

    async def record(self, until: str = "end") -> Record:
        """The record of the call, once it has the event `until` (or some seconds have passed)."""
        return await record(self.probe, self.server, self.name, until)

    async def nothing_left_behind(self) -> None:
        """Judge what is on the connection after the response, by one more request on it.

        Raises Violation when the next response is not the next thing there; a server may close the connection.
        """
        await self.record()
        await self.connection.send(head(self.server, OK, new_name()))
        response = await self.response()
        closed = self.connection.over and not response.status and not response.fault
        if not closed and (response.status, response.body, response.end) != (200, b"ok", "complete"):
            observed = response.fault or f"status {response.status}, {response.body[:40]!r}, {response.end}"
            raise Violation(expected="nothing on the wire before the next response", observed=observed)


def new_name() -> str:
    """A name for a record that nobody has had."""
    return f"{os.getpid()}-{next(_numbers)}"


def head(
    server: ServerDriver,
    steps: Iterable[Step],
    called: str,
    *,
    method: str = "GET",
    target: str = "/",
    headers: Headers = (),
    version: str = "1.1",
) -> bytes:
    """The bytes of a request head that has the application play these steps."""
    lines = [
        f"{method} {target} HTTP/{version}".encode("latin-1"),
        b"host: " + "{}:{}".format(*server.process.address).encode(),
        b"x-id: " + called.encode(),
        b"x-script: " + ascii(tuple(steps)).encode(),
        *(key + b": " + value for key, value in headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def play(
    probe: Probe,
    *steps: Step,
    server: ServerDriver | None = None,
    method: str = "GET",
    target: str = "/",
    headers: Headers = (),
    content: bytes = b"",
    version: str = "1.1",
    receive_buffer: int | None = None,
) -> Play:
    """Send a request that has the application play these steps; `content` is sent as it is, after the head."""
    if server is None:
        await probe.start()
        server = probe.driver_as(ServerDriver)
    called = new_name()
    connection = await server.raw(receive_buffer=receive_buffer)
    told = f" · {content!r}" if content else ""
    probe.transcript.add(
        ">", f"{method} {target} HTTP/{version} · to be played: {', '.join(s[0] for s in steps)}{told}"
    )
    made = head(server, steps, called, method=method, target=target, headers=headers, version=version)
    await connection.send(made + content)
    return Play(probe, server, called, connection)


async def record(probe: Probe, server: ServerDriver, called: str, until: str = "end") -> Record:
    """The record of another call. Raises Blocked when it cannot be had."""
    return await record_on(probe, await server.raw(), called, until)


async def record_on(probe: Probe, connection: Connection, called: str, until: str = "end") -> Record:
    """The same, on a connection that is there. Raises Blocked."""
    lines = ("GET /record HTTP/1.1", "host: record", f"x-id: {called}", f"x-until: {until}", "connection: close")
    await connection.send("\r\n".join((*lines, "", "")).encode("latin-1"))
    response = await read_response(connection, within=15.0)
    if response.status != 200 or response.end != "complete":
        raise Blocked(f"the application's record cannot be had: status {response.status}, {response.end}")
    found = Record(tuple(ast.literal_eval(response.body.decode("ascii"))))
    probe.transcript.add("note", f"the application's record: {list(found.events)}")
    return found


@dataclass(frozen=True, slots=True)
class Life:
    """A server process of its own, whose lifespan plays a script."""

    probe: Probe
    server: ServerDriver
    refused: str = ""  # why it did not start

    @property
    def printed(self) -> Record:
        """What the lifespan has noted so far: it is printed, so that it outlives the process."""
        lines = [line for line in self.server.log().splitlines() if line.startswith(PRINTED)]
        return Record(tuple(ast.literal_eval(line.removeprefix(PRINTED).strip()) for line in lines))

    async def serves(self) -> bool:
        """Whether a request is answered."""
        played = await play(self.probe, *OK, server=self.server)
        return (await played.response()).status == 200


@asynccontextmanager
async def life(
    probe: Probe, *steps: Step, options: ServerOptions | None = None, env: Mapping[str, str] | None = None
) -> AsyncIterator[Life]:
    """A server of its own whose lifespan plays these steps; leaving the block kills it."""
    ours = probe.driver_as(ServerDriver)
    server = ServerDriver(
        ours.name,
        ours.process.app,
        options=options or ServerOptions(),
        env={"SCRIPTED_LIFESPAN": ascii(steps), **(env or {})} if steps else env,
        leaving="kill",
        transcript=probe.transcript,
    )
    try:
        await server.__aenter__()
    except Unreachable as reason:
        yield Life(probe, server, str(reason))
        return
    try:
        yield Life(probe, server)
    finally:
        await server.__aexit__(None, None, None)
