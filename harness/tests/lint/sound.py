"""Calls in which nothing is wrong, however odd they look: no linter may complain."""

import asyncio
import collections
import contextlib
import enum
import http as http_module
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asgi_conformance.protocol.types import ASGIApp, Receive, Scope, Send

from .faults import ALL, CHECKSUM, CLIENT_CHAIN, FILE, OK, TLS, TRAILER, ClientDisconnected, Odd
from .play import (
    RAISE,
    RECEIVE,
    Crash,
    Step,
    accept,
    app_of,
    at,
    body,
    close,
    connect,
    debug,
    denial,
    denial_body,
    disconnect,
    hint,
    http,
    lifespan,
    lost,
    not_started,
    not_stopped,
    offering,
    path,
    push,
    request,
    said,
    say,
    shutdown,
    start,
    started,
    startup,
    stopped,
    trailers,
    websocket,
    zerocopy,
)


@dataclass
class Sound:
    """A call in which nothing is wrong; `error` is what the application raises, and may."""

    name: str
    app: ASGIApp
    scope: Any
    delivered: Sequence[Any] | None = None
    error: type[BaseException] | None = None
    raises: Callable[[int], BaseException | None] = lambda _number: None

    def __str__(self) -> str:
        return self.name


def answers(name: str, *steps: Step, delivered: Sequence[Any] | None = None, **changes: Any) -> Sound:
    return Sound(name, app_of(*steps), http(**{**ALL, **changes}), delivered)


def chats(name: str, *steps: Step, delivered: Sequence[Any] | None = None, **changes: Any) -> Sound:
    return Sound(name, app_of(*steps), websocket(**changes), delivered)


def lives(name: str, *steps: Step, delivered: Sequence[Any] | None = None, **changes: Any) -> Sound:
    return Sound(name, app_of(*steps), lifespan(**changes), delivered)


class Text(str):
    __slots__ = ()


class Octets(bytes):
    __slots__ = ()


class Types(enum.StrEnum):
    BODY = "http.response.body"


class Pairs:
    """An iterable of pairs that can be gone through once, as a generator."""

    def __iter__(self) -> Iterator[Any]:
        yield from ()


def generated() -> Iterator[Any]:
    yield (b"Content-Type", b"text/plain")  # wrong, yet looking would use it up


def fresh(make: Callable[[], Sequence[Step]]) -> ASGIApp:
    """An application whose messages are made anew for each call."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await app_of(*make())(scope, receive, send)

    return app


async def with_a_file(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    with tempfile.TemporaryFile() as file:
        await send(start())
        await send(body(body=b"x", more_body=True))
        await send(zerocopy(file=file, offset=0, count=10, more_body=True))
        await send(zerocopy(file=file.fileno()))


async def in_two_tasks(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send(start())

    async def watch() -> None:
        await receive()

    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(send(body(body=b"%d" % number, more_body=True)) for number in range(5)))
    await send(body())
    watcher.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watcher


async def notices_by_error(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send(start())
    with contextlib.suppress(OSError):
        while True:
            await send(body(body=b"x", more_body=True))


async def tries_again(_scope: Scope, receive: Receive, send: Send) -> None:
    """What an error handler does inside of a layer that raised."""
    await receive()
    with contextlib.suppress(ClientDisconnected):
        await send(start())
    await send(start(500))
    await send(body())


async def asks_forever(_scope: Scope, receive: Receive, send: Send) -> None:
    for _ in range(4):
        await receive()
    await send(start())
    await send(body())
    for _ in range(4):
        await receive()


async def gives_up_waiting(_scope: Scope, receive: Receive, send: Send) -> None:
    pending = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    pending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await pending
    await send(start())
    await send(body())


async def _is_cancelled(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise asyncio.CancelledError


def _at(number: int, error: BaseException) -> Callable[[int], BaseException | None]:
    return lambda sent: error if sent >= number else None


RESPONSES = [
    answers("no keys but the status", RECEIVE, {"type": "http.response.start", "status": 200}, body()),
    answers("an empty body message", RECEIVE, start(), body()),
    answers("nothing is received", start(), body(body=b"x")),
    answers("more_body is absent", RECEIVE, start(), body(body=b"x")),
    answers("empty pieces", RECEIVE, start(), *[body(body=b"", more_body=True)] * 3, body(body=b"")),
    answers("headers are a tuple of lists", RECEIVE, start(200, ([b"x-a", b"1"], [b"x-b", b""])), body()),
    answers("headers are lists", RECEIVE, start(200, [[b"x-a", b"1"]]), body()),
    answers("headers are a deque", RECEIVE, start(200, collections.deque([(b"x-a", b"1")])), body()),
    answers("headers are items of a dict", RECEIVE, start(200, {b"x-a": b"1"}.items()), body()),
    answers("headers are an object", RECEIVE, start(200, Pairs()), body()),
    Sound("headers are a generator", fresh(lambda: [RECEIVE, start(200, generated()), body()]), http()),
    Sound("a pair is a generator", fresh(lambda: [RECEIVE, start(200, [iter((b"A", b"B"))]), body()]), http()),
    answers("headers repeat", RECEIVE, start(200, [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]), body()),
    answers("a header value is not ASCII", RECEIVE, start(200, [(b"x-a", "é\t".encode())]), body()),
    answers("a header name has symbols", RECEIVE, start(200, [(b"x_a.b~!#$%&'*+^`|", b"")]), body()),
    answers("transfer-encoding is given", RECEIVE, start(200, [(b"transfer-encoding", b"chunked")]), body(body=b"x")),
    answers("the status is an HTTPStatus", RECEIVE, start(http_module.HTTPStatus.CREATED), body()),
    *(
        answers(f"status {status}", RECEIVE, start(status), body())
        for status in (100, 103, 199, 204, 205, 304, 451, 599)
    ),
    answers("the body is a subclass of bytes", RECEIVE, start(), body(body=Octets(b"x"))),
    answers("the type is a member of an enum", RECEIVE, start(), {"type": Types.BODY}),
    answers("a message is a subclass of dict", RECEIVE, collections.OrderedDict(start()), body()),
    answers("unknown keys", RECEIVE, start(vendor={"x": [1, 1.5, None, True, b"", ""]}), body(note="n")),
    answers("trailers false without the extension", RECEIVE, start(trailers=False), body(), extensions=...),
    answers("HEAD with a body", RECEIVE, start(200, FILE), body(body=b"xyz"), method="HEAD"),
    answers("HEAD with another length", RECEIVE, start(200, FILE), body(), method="HEAD"),
    answers("304 with the length of the 200", RECEIVE, start(304, FILE), body()),
    answers("the length is right", RECEIVE, start(200, FILE), body(body=b"x", more_body=True), body(body=b"yz")),
    answers("the length is padded", RECEIVE, start(200, [(b"content-length", b" 1 ")]), body(body=b"x")),
    answers("the last piece is empty", RECEIVE, start(200, FILE), body(body=b"xyz", more_body=True), body()),
    answers("a body of zero bytes", RECEIVE, start(200, [(b"content-length", b"0")]), body()),
    answers("another method", RECEIVE, start(), body(), method="PROPFIND"),
    Sound("tasks send and receive", in_two_tasks, http(**ALL, **at("2.3")), [request(), disconnect()]),
    Sound("a receive is cancelled", gives_up_waiting, http()),
    Sound("it raises before the start", app_of(RECEIVE, RAISE), http(), error=Crash),
    Sound("it raises in the middle", app_of(RECEIVE, start(), body(more_body=True), RAISE), http(), error=Crash),
    Sound(
        "it is cancelled in the middle", app_of(RECEIVE, start(), _is_cancelled), http(), error=asyncio.CancelledError
    ),
]

EXTENSIONS = [
    answers("debug, with any values", debug(info={"template": Odd()}), RECEIVE, start(), body()),
    answers(
        "push and hints", RECEIVE, start(), push(path="/é", headers=[]), hint(links=[b"</a>"]), hint(links=()), body()
    ),
    answers("hints between pieces", RECEIVE, start(), body(body=b"x", more_body=True), hint(links=[b"</a>"]), body()),
    answers("a path", RECEIVE, start(200, FILE), path(path="/etc/hostname")),
    answers("a path with a type only", RECEIVE, start(200, FILE[:1]), path(path="/etc/hostname")),
    Sound(
        "a path, and headers from a generator",
        fresh(lambda: [RECEIVE, start(200, generated()), path(path="/a")]),
        http(**ALL),
    ),
    Sound("files and pieces", with_a_file, http(**ALL)),
    Sound("a file, and a length", app_of(RECEIVE, start(200, FILE), zerocopy(file=0)), http(**ALL)),
    answers("trailers", RECEIVE, start(200, TRAILER, trailers=True), body(), trailers(headers=CHECKSUM)),
    answers(
        "trailers in two parts",
        RECEIVE,
        start(200, [(b"trailer", b"X-A, x-checksum")], trailers=True),
        body(),
        trailers(headers=CHECKSUM, more_trailers=True),
        trailers(headers=[(b"x-a", b"")], more_trailers=False),
    ),
    answers(
        "trailers after a path",
        RECEIVE,
        start(200, [*FILE, *TRAILER], trailers=True),
        path(path="/a"),
        trailers(headers=CHECKSUM),
    ),
    answers(
        "an extension of their own",
        RECEIVE,
        start(),
        body(more_body=True),
        {"type": "http.fullflush", "x": Odd()},
        body(),
        **offering("fullflush"),
    ),
    Sound(
        "a message of their own",
        app_of(RECEIVE, RECEIVE, start(), body()),
        http(**offering("http.early_data")),
        [{"type": "http.early_data"}, request()],
    ),
]

REQUESTS = [
    answers("http.request without keys", RECEIVE, start(), body(), delivered=[request()]),
    answers(
        "a request in pieces",
        RECEIVE,
        RECEIVE,
        RECEIVE,
        start(),
        body(),
        delivered=[request(more_body=True), request(body=b"x", more_body=True), request(body=b"")],
    ),
    answers(
        "the answer comes before the request is read",
        RECEIVE,
        start(),
        body(),
        delivered=[request(body=b"x", more_body=True)],
    ),
    answers("the client goes at once", RECEIVE, delivered=[disconnect()]),
    answers(
        "the client goes in the middle of the request",
        RECEIVE,
        RECEIVE,
        delivered=[request(more_body=True), disconnect()],
    ),
    answers("disconnects again and again", asks_forever, **at("2.3"), delivered=[request(), disconnect()]),
    answers("a disconnect after the end", start(), body(), RECEIVE, RECEIVE, delivered=[disconnect()]),
    answers("a request with unknown keys", RECEIVE, start(), body(), delivered=[request(body=b"", trailers=[])]),
]

GONE = [
    answers(
        f"it goes on after the disconnect at {version}",
        RECEIVE,
        start(),
        RECEIVE,
        body(body=b"x", more_body=True),
        body(),
        delivered=[request(), disconnect()],
        **at(version),
    )
    for version in ("2.0", "2.3")
] + [
    answers(
        "an answer without an end after the disconnect",
        RECEIVE,
        start(200, FILE),
        RECEIVE,
        delivered=[request(), disconnect()],
    ),
    answers(
        "a short answer after the disconnect",
        RECEIVE,
        start(200, FILE),
        RECEIVE,
        body(),
        **at("2.3"),
        delivered=[request(), disconnect()],
    ),
    Sound("send raises, and it returns", notices_by_error, http(), raises=_at(3, ClientDisconnected())),
    Sound(
        "send raises, and so does it",
        app_of(RECEIVE, start(), body()),
        http(),
        raises=_at(1, ClientDisconnected()),
        error=ClientDisconnected,
    ),
    Sound("send raises on an old server", notices_by_error, http(**at("2.0")), raises=_at(3, ClientDisconnected())),
    Sound(
        "a layer raises, and it answers otherwise",
        tries_again,
        http(),
        raises=lambda sent: ClientDisconnected() if sent == 0 else None,
    ),
    Sound(
        "send raises after the disconnect",
        notices_by_error,
        http(),
        [disconnect()],
        raises=_at(0, ClientDisconnected()),
        error=ClientDisconnected,
    ),
]

SCOPES = [
    Sound(
        "only what is required", OK, http(scheme=..., raw_path=..., root_path=..., client=..., server=..., state=...)
    ),
    Sound("None where it is allowed", OK, http(raw_path=None, client=None, server=None)),
    Sound("no spec_version", OK, http(asgi={"version": "3.0"})),
    Sound("a future spec_version", OK, http(**at("2.17"))),
    Sound("unknown keys in asgi", OK, http(asgi={"version": "3.0", "vendor": Odd()})),
    Sound("unknown keys in a scope", OK, http(app=Odd(), router=Odd(), path_params={})),
    Sound("a subclass of dict", OK, collections.OrderedDict(http())),
    Sound("HTTP/3", OK, http(http_version="3")),
    Sound("a unix socket", OK, http(server=("/run/app.sock", None))),
    Sound("addresses are lists", OK, http(client=["::1", 1], server=["::1", 2])),
    Sound("addresses are iterators", OK, http(client=iter(("::1", 1)), server=iter(("::1", 2)))),
    Sound("headers are an iterator", OK, http(headers=iter([(b"Host", b"x")]))),
    Sound("request headers are a tuple of lists", OK, http(headers=([b"host", b"x"],))),
    Sound("no headers", OK, http(headers=[])),
    Sound("a header without a value", OK, http(headers=[(b"x-a", b"")])),
    Sound("extensions of their own", OK, http(extensions={"vendor.thing": {"x": Odd()}})),
    Sound("an encrypted connection", OK, http(scheme="https", extensions={"tls": TLS})),
    Sound("a client certificate", OK, http(scheme="https", extensions={"tls": {**TLS, **CLIENT_CHAIN}})),
    Sound("https without the extension", OK, http(scheme="https")),
    Sound("a mount", OK, http(root_path="/api", path="/api/items")),
    Sound("text of another class", OK, http(path=Text("/"), query_string=Octets(b""))),
    Sound(
        "a websocket with only what is required",
        app_of(RECEIVE, close()),
        {key: value for key, value in websocket().items() if key in {"type", "asgi", "path", "headers"}},
    ),
    Sound("query_string is None", app_of(RECEIVE, close()), websocket(query_string=None)),
    Sound(
        "subprotocols are a tuple", app_of(RECEIVE, accept(subprotocol="a"), close()), websocket(subprotocols=("a",))
    ),
    Sound(
        "subprotocols are an iterator",
        app_of(RECEIVE, accept(subprotocol="a"), close()),
        websocket(subprotocols=iter(("a",))),
    ),
    Sound("another protocol", app_of({"type": "x"}, body(), RECEIVE, {"what": Odd()}), {"type": "mqtt", 1: 2}),
    Sound("another protocol, refused", app_of(RAISE), {"type": "mqtt"}, error=Crash),
]

CHATS = [
    chats("accept without keys", RECEIVE, accept(), close()),
    chats("accept with empty keys", RECEIVE, accept(subprotocol=None, headers=[]), close(), **at("2.0")),
    chats("a subprotocol and headers", RECEIVE, accept(subprotocol="chat.v2", headers=[(b"x-a", b"1")]), close()),
    chats("an empty reason on an old server", RECEIVE, accept(), close(code=1000, reason=""), **at("2.0")),
    chats("no reason on an old server", RECEIVE, accept(), close(code=1000, reason=None), **at("2.0")),
    chats("a close with keys", RECEIVE, accept(), close(code=1001, reason="é" * 61)),
    *(
        chats(f"close code {code}", RECEIVE, accept(), close(code=code))
        for code in (1000, 1003, 1007, 1011, 1014, 3000, 4999)
    ),
    chats("messages", RECEIVE, accept(), RECEIVE, say(text=""), say(bytes=b""), say(text="x", bytes=None), close()),
    chats(
        "the other key is None", RECEIVE, accept(), RECEIVE, close(), delivered=[connect(), said(text=None, bytes=b"")]
    ),
    chats("a refusal", RECEIVE, close()),
    chats("a refusal without a look", close()),
    chats("a refusal, and then a look", close(), RECEIVE, RECEIVE, delivered=[connect(), lost(code=1006)]),
    chats("it waits for the client to go", RECEIVE, accept(), RECEIVE, RECEIVE),
    chats("the client goes before the accept", RECEIVE, RECEIVE, delivered=[connect(), lost(code=1006)]),
    chats(
        "a websocket disconnects again and again",
        RECEIVE,
        accept(),
        RECEIVE,
        RECEIVE,
        RECEIVE,
        delivered=[connect(), lost(code=1005, reason=None)],
    ),
    chats("a message on its way while it closes", RECEIVE, accept(), close(), RECEIVE, RECEIVE),
    chats(
        "a reason that nobody knows yet",
        RECEIVE,
        accept(),
        RECEIVE,
        delivered=[connect(), lost(code=1000, reason=5)],
        **at("2.4"),
    ),
    chats(
        "it sends after the disconnect, on an old server",
        RECEIVE,
        accept(),
        RECEIVE,
        say(text="x"),
        close(),
        delivered=[connect(), lost(code=1001)],
        **at("2.3"),
    ),
    Sound(
        "it sends until send raises",
        app_of(RECEIVE, accept(), *[say(text="x")] * 3),
        websocket(),
        raises=_at(2, ClientDisconnected()),
        error=ClientDisconnected,
    ),
    chats("a denial", RECEIVE, denial(status=401, headers=[(b"www-authenticate", b"Basic")]), denial_body(body=b"no")),
    chats("a denial in pieces", RECEIVE, denial(status=401), denial_body(body=b"no", more_body=True), denial_body()),
    chats(
        "a denial, and then the disconnect",
        RECEIVE,
        denial(status=401),
        denial_body(),
        RECEIVE,
        delivered=[connect(), lost(code=1006)],
    ),
    Sound("it raises before the answer", app_of(RECEIVE, RAISE), websocket(), error=Crash),
    Sound("it raises after the accept", app_of(RECEIVE, accept(), RAISE), websocket(), error=Crash),
]

LIFESPANS = [
    lives("a lifespan", RECEIVE, started(), RECEIVE, stopped()),
    Sound("no lifespan", app_of(RAISE), lifespan(), error=Crash),
    Sound("no lifespan, after a look", app_of(RECEIVE, RAISE), lifespan(), error=Crash),
    lives("startup fails", RECEIVE, not_started(message="no database")),
    lives("startup fails without words", RECEIVE, not_started()),
    Sound("startup fails, and it raises", app_of(RECEIVE, not_started(message="x"), RAISE), lifespan(), error=Crash),
    lives("startup fails, and it waits", RECEIVE, not_started(), RECEIVE, stopped()),
    lives("shutdown fails", RECEIVE, started(), RECEIVE, not_stopped(message="x")),
    Sound(
        "shutdown fails, and it raises",
        app_of(RECEIVE, started(), RECEIVE, not_stopped(), RAISE),
        lifespan(),
        error=Crash,
    ),
    Sound("it raises after startup", app_of(RECEIVE, started(), RAISE), lifespan(), error=Crash),
    lives("no state", RECEIVE, started(), RECEIVE, stopped(), state=...),
    lives("no spec_version in a lifespan", RECEIVE, started(), RECEIVE, stopped(), asgi={"version": "3.0"}),
    lives("shutdown overtakes startup", RECEIVE, RECEIVE, started(), stopped(), delivered=[startup(), shutdown()]),
    lives(
        "unknown keys in a lifespan",
        RECEIVE,
        started(note=[1]),
        RECEIVE,
        stopped(),
        delivered=[startup(x=1), shutdown(y=2)],
    ),
]

SOUND = [*RESPONSES, *EXTENSIONS, *REQUESTS, *GONE, *SCOPES, *CHATS, *LIFESPANS]
