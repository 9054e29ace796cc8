"""Applications that are scripts, and a server that is one too: whatever either says, right or wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from asgi_conformance.lint import LintFinding, lint
from asgi_conformance.protocol.types import ASGIApp, Message, Receive, Scope, Send

Step = dict[str, Any] | str | Any

RECEIVE = "receive"  # a step: call receive() once
RAISE = "raise"  # a step: leave with an exception

ASGI = {"version": "3.0", "spec_version": "2.5"}


def http(**changes: Any) -> dict[str, Any]:
    """The scope of a GET request, with changes; a change to ``...`` removes the key."""
    return changed(
        {
            "type": "http",
            "asgi": ASGI,
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/items/é",
            "raw_path": b"/items/%C3%A9",
            "query_string": b"q=1",
            "root_path": "",
            "headers": [(b"host", b"example.org"), (b"x-custom", b"1"), (b"accept", b"*/*")],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        },
        changes,
    )


def websocket(**changes: Any) -> dict[str, Any]:
    """The scope of a websocket, with changes; a change to ``...`` removes the key."""
    return changed(
        {
            "type": "websocket",
            "asgi": ASGI,
            "http_version": "1.1",
            "scheme": "ws",
            "path": "/chat",
            "raw_path": b"/chat",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"example.org"), (b"sec-websocket-protocol", b"chat.v1, chat.v2")],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "subprotocols": ["chat.v1", "chat.v2"],
            "state": {},
            "extensions": {"websocket.http.response": {}},
        },
        changes,
    )


def lifespan(**changes: Any) -> dict[str, Any]:
    """The scope of a lifespan, with changes; a change to ``...`` removes the key."""
    return changed({"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}, changes)


def changed(scope: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**scope, **changes}.items() if value is not ...}


def at(version: str, **more: Any) -> dict[str, Any]:
    """A change of the scope: the server claims that version."""
    return {"asgi": {"version": "3.0", "spec_version": version}, **more}


def offering(*names: str) -> dict[str, Any]:
    """A change of the scope: the server lists these extensions."""
    return {"extensions": {name: {} for name in names}}


def message(kind: str) -> Callable[..., dict[str, Any]]:
    """A function that makes messages of that type; a key that is ``...`` is left out."""

    def made(**keys: Any) -> dict[str, Any]:
        return {"type": kind, **{key: value for key, value in keys.items() if value is not ...}}

    return made


def start(status: Any = 200, headers: Any = (), **more: Any) -> dict[str, Any]:
    return message("http.response.start")(status=status, headers=[*headers] if headers == () else headers, **more)


body = message("http.response.body")
debug = message("http.response.debug")
push = message("http.response.push")
hint = message("http.response.early_hint")
zerocopy = message("http.response.zerocopysend")
path = message("http.response.pathsend")
trailers = message("http.response.trailers")
request = message("http.request")
disconnect = message("http.disconnect")

accept = message("websocket.accept")
say = message("websocket.send")
close = message("websocket.close")
denial = message("websocket.http.response.start")
denial_body = message("websocket.http.response.body")
connect = message("websocket.connect")
said = message("websocket.receive")
lost = message("websocket.disconnect")

startup = message("lifespan.startup")
shutdown = message("lifespan.shutdown")
started = message("lifespan.startup.complete")
not_started = message("lifespan.startup.failed")
stopped = message("lifespan.shutdown.complete")
not_stopped = message("lifespan.shutdown.failed")

DELIVERED = {
    "http": [request(body=b"", more_body=False), disconnect()],
    "websocket": [connect(), said(text="hello"), lost(code=1000, reason="")],
    "lifespan": [startup(), shutdown()],
}


class Crash(Exception):
    """What a scripted application raises."""


def app_of(*steps: Step) -> ASGIApp:
    """An application that does one thing after the other.

    A string is an order (see above), a callable an application to run at that point, anything else is sent.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for step in steps:
            if step is RECEIVE:
                await receive()
            elif step is RAISE:
                raise Crash
            elif callable(step):
                await step(scope, receive, send)
            else:
                await send(step)

    return app


@dataclass
class Played:
    """What came of a call."""

    findings: list[LintFinding] = field(default_factory=list)
    passed_on: list[Any] = field(default_factory=list)  # what came through to the server
    error: BaseException | None = None

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.findings]


def play(
    app: ASGIApp,
    scope: Any,
    delivered: Sequence[Any] | None = None,
    *,
    collect: bool = True,
    linted: bool = True,
    raises: Callable[[int], BaseException | None] = lambda _number: None,
    afterwards: Callable[[], Awaitable[None]] | None = None,
    **options: Any,
) -> Played:
    """Call an application with a linter around it.

    Args:
        app: the application.
        scope: its scope.
        delivered: what `receive` gives, one after the other; the last one again and again.
        collect: whether findings are collected instead of raised.
        linted: whether there is a linter at all.
        raises: what the server's `send` raises for the message of that number.
        afterwards: what happens on the same loop once the call is over.
        options: for the linter.
    """
    played = Played()
    kind = scope.get("type")
    queue = list(DELIVERED.get(str(kind), [{"type": "nothing"}]) if delivered is None else delivered)

    async def receive() -> Message:
        await asyncio.sleep(0)
        return queue.pop(0) if len(queue) > 1 else queue[0]

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        error = raises(len(played.passed_on))
        played.passed_on.append(message)
        if error is not None:
            raise error

    if linted:
        app = lint(app, on_violation=played.findings.append if collect else None, **options)

    async def call() -> None:
        try:
            await app(scope, receive, send)
        except (Exception, asyncio.CancelledError) as error:
            played.error = error
        if afterwards is not None:
            await afterwards()

    asyncio.run(call())
    return played
