"""One faulty application, or server, for every rule of the linter."""

import collections
import contextlib
import io
import types
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from asgi_conformance.protocol.types import ASGIApp, Receive, Scope, Send

from .play import (
    RECEIVE,
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
class Fault:
    """A call in which exactly one rule is broken."""

    rule: str
    app: ASGIApp
    scope: Any  # or a function that makes it, if the call changes it
    delivered: Sequence[Any] | None = None
    note: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    passed_on: int | None = None  # messages that get through before the linter raises; None: not said here
    afterwards: Callable[[], Awaitable[None]] | None = None
    raises: Callable[[int], BaseException | None] = lambda _number: None

    def __str__(self) -> str:
        return f"{self.rule} {self.note}".strip()


OK = app_of(RECEIVE, start(), body())
CHAT = app_of(RECEIVE, accept(), close())
LIVES = app_of(RECEIVE, started(), RECEIVE, stopped())

ALL = offering(
    "http.response.debug",
    "http.response.push",
    "http.response.early_hint",
    "http.response.zerocopysend",
    "http.response.pathsend",
    "http.response.trailers",
)
TRAILER = [(b"trailer", b"x-checksum")]
CHECKSUM = [(b"x-checksum", b"1")]
FILE = [(b"content-type", b"text/plain"), (b"content-length", b"3")]
TLS = {
    "server_cert": None,
    "client_cert_chain": [],
    "client_cert_name": None,
    "client_cert_error": None,
    "tls_version": 0x0304,
    "cipher_suite": 0x1301,
}
CLIENT_CHAIN = {"client_cert_chain": ["PEM", "PEM"], "client_cert_name": "CN=x"}


def sends(rule: str, *steps: Step, note: str = "", at_step: int | None = None, **changes: Any) -> Fault:
    """An HTTP application at fault; `at_step` messages are right before the one that is not."""
    return Fault(rule, app_of(*steps), http(**{**ALL, **changes}), note=note, passed_on=at_step)


def chats(rule: str, *steps: Step, note: str = "", at_step: int | None = None, **changes: Any) -> Fault:
    """A websocket application at fault."""
    return Fault(rule, app_of(*steps), websocket(**changes), note=note, passed_on=at_step)


def lives(rule: str, *steps: Step, note: str = "", at_step: int | None = None) -> Fault:
    """A lifespan application at fault."""
    return Fault(rule, app_of(*steps), lifespan(), note=note, passed_on=at_step)


def tls(rule: str, note: str = "", **changes: Any) -> Fault:
    """A server at fault with the tls extension."""
    entry = {key: value for key, value in {**TLS, **changes}.items() if value is not ...}
    return Fault(rule, OK, http(scheme="https", extensions={"tls": entry}), note=note)


class ClientDisconnected(OSError):
    """What a server raises from `send` once the client has gone."""


def _shielded(message: dict[str, Any]) -> ASGIApp:
    """Send a message, and go on if the client turns out to be gone."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        with contextlib.suppress(ClientDisconnected):
            await send(message)

    return app


class Left:
    """Tasks and callables that an application leaves behind."""

    def __init__(self) -> None:
        self.receive: Receive
        self.send: Send

    async def keeps(self, _scope: Scope, receive: Receive, send: Send) -> None:
        self.receive, self.send = receive, send

    async def sends(self) -> None:
        await self.send(body(body=b"late"))

    async def receives(self) -> None:
        await self.receive()


def _left(rule: str, what: str) -> Fault:
    left = Left()
    app = app_of(RECEIVE, start(), body(), left.keeps)
    afterwards = left.sends if what == "send" else left.receives
    return Fault(rule, app, http(), [request(), disconnect()], afterwards=afterwards)


async def _changes_scope(scope: Scope, _receive: Receive, _send: Send) -> None:
    scope["path"] = "/elsewhere"
    scope["state"]["mine"] = 1  # is free


async def _changes_inside(scope: Scope, _receive: Receive, _send: Send) -> None:
    scope["headers"].append((b"x-added", b"1"))


class Odd:
    """An object that JSON has no name for."""


def recursive() -> list[Any]:
    nested: list[Any] = [Odd()]
    nested.append(nested)
    return nested


CALLS = [
    _left("call.return.send", "send"),
    _left("call.return.receive", "receive"),
    Fault("call.scope.unchanged", app_of(_changes_scope, OK), http, options={"snapshot_scope": True}),
    Fault("call.scope.unchanged", app_of(_changes_inside, OK), http, options={"snapshot_scope": True}, note="inside"),
]

EVENTS = [
    sends("event.message.dict", RECEIVE, [("type", "http.response.start")], note="a list", at_step=0),
    sends("event.message.dict", RECEIVE, types.MappingProxyType(start()), body(), note="a mapping", at_step=0),
    Fault("event.message.dict", OK, http(), [b"GET /"], note="delivered"),
    sends("event.message.type", RECEIVE, {"status": 200}, at_step=0),
    sends("event.message.type", RECEIVE, {"type": b"http.response.start", "status": 200}, note="bytes", at_step=0),
    sends("event.message.type", RECEIVE, {"type": ["http.response.start"]}, note="a list", at_step=0),
    Fault("event.message.type", OK, http(), [{"body": b""}], note="delivered"),
    sends("event.message.keys", RECEIVE, {**start(), b"status": 200}, body(), at_step=0),
    Fault("event.message.keys", OK, http(), [{**request(), 1: 2}], note="delivered"),
    sends("event.message.namespace", RECEIVE, start(), body(), say(text="x")),
    Fault("event.message.namespace", OK, http(), [connect()], note="delivered"),
    sends("event.message.known", RECEIVE, start(), {"type": "http.response.boddy"}, at_step=1),
    chats("event.message.known", RECEIVE, {"type": "websocket.reject"}, close(), note="websocket", at_step=0),
    lives(
        "event.message.known",
        RECEIVE,
        started(),
        RECEIVE,
        {"type": "lifespan.shutdown.completed"},
        note="lifespan",
        at_step=1,
    ),
    Fault("event.message.expected", OK, http(), [{"type": "http.ping"}]),
    sends("event.extension.offered", RECEIVE, debug(info={}), start(), body(), extensions=..., at_step=0),
    sends("event.extension.offered", RECEIVE, start(), push(path="/", headers=[]), body(), extensions={}, note="push"),
    sends("event.extension.offered", RECEIVE, start(), hint(links=[b"x"]), body(), extensions={}, note="hint"),
    sends("event.extension.offered", RECEIVE, start(200, FILE), path(path="/etc/hostname"), extensions={}, note="path"),
    sends("event.extension.offered", RECEIVE, start(), zerocopy(file=0), extensions={}, note="zerocopysend"),
    sends(
        "event.extension.offered",
        *(RECEIVE, start(200, TRAILER, trailers=True), body(), trailers(headers=CHECKSUM)),
        **offering("http.response.push"),
        note="trailers",
        at_step=2,
    ),
    chats("event.extension.offered", RECEIVE, denial(status=401), denial_body(), extensions={}, note="denial"),
    sends("event.value.type", RECEIVE, start(vendor={"x": [Odd()]}), body(), at_step=0),
    sends("event.value.type", RECEIVE, start(vendor=(1, 2)), body(), note="a tuple", at_step=0),
    sends("event.value.type", RECEIVE, start(vendor=recursive()), body(), note="recursive", at_step=0),
    Fault("event.value.type", OK, http(), [request(vendor=Odd())], note="delivered"),
    sends("event.value.integer", RECEIVE, start(vendor=2**63), body(), at_step=0),
    sends("event.value.integer", RECEIVE, start(), zerocopy(file=0, count=2**63), note="of a known key", at_step=1),
    sends("event.value.float", RECEIVE, start(vendor=[float("nan")]), body(), at_step=0),
    sends("event.value.float", RECEIVE, start(vendor=float("-inf")), body(), note="infinite", at_step=0),
    sends("event.value.keys", RECEIVE, start(vendor={"x": {1: 2}}), body(), at_step=0),
    sends("event.header.name", RECEIVE, start(200, [(b"x y", b"1")]), body(), at_step=0),
    sends("event.header.name", RECEIVE, start(200, [(b"", b"1")]), body(), note="empty", at_step=0),
    sends("event.header.value", RECEIVE, start(200, [(b"x-a", b"1\r\nset-cookie: a=b")]), body(), at_step=0),
    sends("event.header.value", RECEIVE, start(200, [(b"location", b"/\n")]), body(), note="LF", at_step=0),
    chats("event.header.value", RECEIVE, accept(headers=[(b"x-a", b"1\r")]), close(), note="accept", at_step=0),
]

SCOPES = [
    Fault("scope.mapping.dict", OK, types.MappingProxyType(http())),
    Fault("scope.mapping.dict", OK, collections.ChainMap(http()), note="a chain map"),
    Fault("scope.mapping.keys", OK, {**http(), b"type": "http"}),
    Fault("scope.type.present", OK, http(type=...)),
    Fault("scope.type.present", OK, http(type=b"http"), note="bytes"),
    Fault("scope.type.present", OK, http(type=["http"]), note="a list"),
    Fault("scope.asgi.version", OK, http(asgi=...)),
    Fault("scope.asgi.version", OK, http(asgi={}), note="no version"),
    Fault("scope.asgi.version", OK, http(asgi={"version": 3.0}), note="a number"),
    Fault("scope.asgi.version", CHAT, websocket(asgi=("3.0", "2.3")), note="a tuple"),
    Fault("scope.asgi.version", LIVES, lifespan(asgi=...), note="lifespan"),
    Fault("scope.extensions.dict", OK, http(extensions=["http.response.push"])),
    Fault("scope.extensions.dict", OK, http(extensions=None), note="None"),
    Fault("scope.extensions.entry", OK, http(extensions={"http.response.push": True})),
    Fault("scope.extensions.entry", CHAT, websocket(extensions={"websocket.http.response": None}), note="websocket"),
    Fault("scope.tls.plain", OK, http(extensions={"tls": TLS})),
    Fault("scope.tls.plain", CHAT, websocket(extensions={"tls": TLS}), note="websocket"),
    Fault("scope.tls.plain", OK, http(extensions={"tls": TLS}, scheme=...), note="no scheme"),
    tls("scope.tls.server-cert", server_cert=...),
    tls("scope.tls.client-cert-chain", client_cert_chain="PEM"),
    tls("scope.tls.client-cert-name", client_cert_chain=["PEM"]),
    tls("scope.tls.client-cert-name", client_cert_name=b"CN=x", note="bytes"),
    tls("scope.tls.client-cert-error", client_cert_error=""),
    tls("scope.tls.tls-version", tls_version="1.3"),
    tls("scope.tls.cipher-suite", cipher_suite=0x10000),
    tls("scope.tls.cipher-suite", cipher_suite=..., note="absent"),
    Fault("lifespan.scope.spec-version", LIVES, lifespan(asgi={"version": "3.0", "spec_version": 2})),
    Fault("lifespan.scope.state", LIVES, lifespan(state=[])),
    Fault("lifespan.scope.state", LIVES, lifespan(state={"db": 1}), note="not empty"),
    Fault("http.scope.method", OK, http(method="get")),
    Fault("http.scope.method", OK, http(method=b"GET"), note="bytes"),
    Fault("http.scope.method", OK, http(method=...), note="absent"),
    Fault("websocket.scope.subprotocols", CHAT, websocket(subprotocols="chat.v1")),
    Fault("websocket.scope.subprotocols", CHAT, websocket(subprotocols=[b"chat.v1"]), note="bytes"),
]

for protocol, make, app in (("http", http, OK), ("websocket", websocket, CHAT)):
    rule = f"{protocol}.scope"
    SCOPES += [
        Fault(f"{rule}.spec-version", app, make(asgi={"version": "3.0", "spec_version": 2.3})),
        Fault(f"{rule}.spec-version", app, make(**at("two")), note="no version"),
        Fault(f"{rule}.http-version", app, make(http_version="2.0")),
        Fault(f"{rule}.http-version", app, make(http_version=1.1), note="a number"),
        Fault(f"{rule}.scheme", app, make(scheme="")),
        Fault(f"{rule}.scheme", app, make(scheme=None), note="None"),
        Fault(f"{rule}.path", app, make(path=b"/")),
        Fault(f"{rule}.path", app, make(path=...), note="absent"),
        Fault(f"{rule}.raw-path", app, make(raw_path="/")),
        Fault(f"{rule}.query-string", app, make(query_string="q=1")),
        Fault(f"{rule}.root-path", app, make(root_path=None)),
        Fault(f"{rule}.headers", app, make(headers=[("host", "x")])),
        Fault(f"{rule}.headers", app, make(headers={b"host": b"x"}), note="a dict"),
        Fault(f"{rule}.headers", app, make(headers=...), note="absent"),
        Fault(f"{rule}.header-case", app, make(headers=[(b"Host", b"x")])),
        Fault(f"{rule}.pseudo-headers", app, make(headers=[(b":authority", b"x")])),
        Fault(f"{rule}.client", app, make(client="127.0.0.1:5")),
        Fault(f"{rule}.client", app, make(client=("127.0.0.1", None)), note="no port"),
        Fault(f"{rule}.server", app, make(server=("127.0.0.1", "8000"))),
        Fault(f"{rule}.server", app, make(server=["127.0.0.1", 8000, 1]), note="three"),
        Fault(f"{rule}.state", app, make(state=None)),
    ]
SCOPES += [
    Fault("http.scope.http-version", OK, http(http_version=...), note="absent"),
    Fault("http.scope.query-string", OK, http(query_string=None), note="None"),
    Fault("websocket.scope.http-version", CHAT, websocket(http_version="1.0"), note="too old"),
]

_READS_ON = app_of(RECEIVE, RECEIVE, start(), body())
_ASKS_LATE = app_of(start(), body(), RECEIVE)

SERVERS = [
    Fault("http.request.body", OK, http(), [request(body="x")]),
    Fault("http.request.body", OK, http(), [request(body=bytearray(b"x"))], note="a bytearray"),
    Fault("http.request.more-body", OK, http(), [request(body=b"x", more_body=0)]),
    Fault("http.request.nothing-after-end", _READS_ON, http(), [request(), request()]),
    Fault("http.disconnect.after-response", _ASKS_LATE, http(), [request()]),
    Fault("http.disconnect.last", _READS_ON, http(**at("2.3")), [disconnect(), request()]),
    Fault("http.closed.raises", app_of(RECEIVE, start(), body()), http(), [disconnect()]),
    Fault("websocket.connect.first", CHAT, websocket(), [said(text="x")]),
    Fault("websocket.connect.once", app_of(RECEIVE, accept(), RECEIVE, close()), websocket(), [connect()]),
    Fault("websocket.receive.after-accept", app_of(RECEIVE, RECEIVE, close()), websocket()),
    Fault("websocket.receive.after-accept", app_of(RECEIVE, close(), RECEIVE), websocket(), note="refused"),
    *(
        Fault(rule, app_of(RECEIVE, accept(), RECEIVE, close()), websocket(), [connect(), received], note=note)
        for rule, received, note in (
            ("websocket.receive.bytes", said(bytes=bytearray(b"x")), ""),
            ("websocket.receive.text", said(text=b"x"), ""),
            ("websocket.receive.one-payload", said(), "neither"),
            ("websocket.receive.one-payload", said(text="", bytes=b""), "both"),
            ("websocket.receive.one-payload", said(text=None, bytes=None), "None"),
        )
    ),
    *(
        Fault(rule, app_of(RECEIVE, accept(), RECEIVE), websocket(), [connect(), received], note=note)
        for rule, received, note in (
            ("websocket.disconnect.code", lost(reason=""), "absent"),
            ("websocket.disconnect.code", lost(code="1000"), ""),
            ("websocket.disconnect.reason", lost(code=1000, reason=b"bye"), ""),
        )
    ),
    Fault(
        "websocket.disconnect.last",
        app_of(RECEIVE, accept(), RECEIVE, RECEIVE),
        websocket(),
        [connect(), lost(code=1001), said(text="x")],
    ),
    Fault(
        "websocket.closed.raises",
        app_of(RECEIVE, denial(status=401), RECEIVE, denial_body()),
        websocket(),
        [connect(), lost(code=1006)],
    ),
    Fault("lifespan.startup.first", app_of(RECEIVE, stopped()), lifespan(), [shutdown()]),
    Fault(
        "lifespan.startup.once",
        app_of(RECEIVE, started(), RECEIVE, RECEIVE, stopped()),
        lifespan(),
        [startup(), startup(), shutdown()],
    ),
    Fault("lifespan.shutdown.once", app_of(RECEIVE, started(), RECEIVE, RECEIVE, stopped()), lifespan()),
]

RESPONSES = [
    sends("http.response-start.status", RECEIVE, start("200"), body(), at_step=0),
    sends("http.response-start.status", RECEIVE, start(True), body(), note="a bool", at_step=0),
    sends("http.response-start.status", RECEIVE, start(...), body(), note="absent", at_step=0),
    sends("http.response-start.status-range", RECEIVE, start(99), body(), at_step=0),
    sends("http.response-start.status-range", RECEIVE, start(600), body(), note="too high", at_step=0),
    sends("http.response-start.headers", RECEIVE, start(200, [("x-a", "1")]), body(), at_step=0),
    sends("http.response-start.headers", RECEIVE, start(200, [(b"x-a", "1")]), body(), note="half", at_step=0),
    sends("http.response-start.headers", RECEIVE, start(200, [(b"x-a", b"1", b"2")]), body(), note="three", at_step=0),
    sends("http.response-start.headers", RECEIVE, start(200, {b"x-a": b"1"}), body(), note="a dict", at_step=0),
    sends("http.response-start.headers", RECEIVE, start(200, None), body(), note="None", at_step=0),
    sends("http.response-start.headers", RECEIVE, start(200, [(bytearray(b"x-a"), b"1")]), body(), note="bytearray"),
    sends("http.response-start.headers", RECEIVE, start(200, [1]), body(), note="a number", at_step=0),
    sends("http.response-start.headers", RECEIVE, start(200, b"x-a: 1"), body(), note="bytes", at_step=0),
    sends("http.response-start.header-case", RECEIVE, start(200, [(b"Content-Type", b"a/b")]), body(), at_step=0),
    sends("http.response-start.pseudo-headers", RECEIVE, start(200, [(b":status", b"200")]), body(), at_step=0),
    sends("http.response-start.trailers", RECEIVE, start(trailers=0), body(), at_step=0),
    sends("http.response-start.once", RECEIVE, start(), start(500), body(), at_step=1),
    sends("http.response-start.once", RECEIVE, start(), body(), start(500), note="after the end", at_step=2),
    sends("http.response-start.sent", RECEIVE, at_step=0),
    sends("http.response-start.sent", debug(info={}), note="only debug", at_step=1),
    sends("http.response-body.bytes", RECEIVE, start(), body(body="text"), at_step=1),
    sends("http.response-body.bytes", RECEIVE, start(), body(body=bytearray(b"x")), note="a bytearray", at_step=1),
    sends("http.response-body.bytes", RECEIVE, start(), body(body=memoryview(b"x")), note="a memoryview", at_step=1),
    sends("http.response-body.bytes", RECEIVE, start(), body(body=None), note="None", at_step=1),
    sends("http.response-body.bytes", RECEIVE, start(200, FILE), body(body="tex"), note="with a length", at_step=1),
    sends("http.response-body.more-body", RECEIVE, start(), body(body=b"x", more_body=None), at_step=1),
    sends("http.response-body.more-body", RECEIVE, start(), body(body=b"x", more_body=1), note="1", at_step=1),
    sends("http.response-body.more-body", RECEIVE, start(), body(more_body="no"), note="a str", at_step=1),
    sends("http.response-body.after-start", RECEIVE, body(), at_step=0),
    sends("http.response-body.after-start", RECEIVE, body(more_body=True), start(), body(), note="first", at_step=0),
    sends("http.response-body.sent", RECEIVE, start(), at_step=1),
    sends("http.response-body.sent", RECEIVE, start(trailers=True), note="with trailers", at_step=1),
    sends("http.response-body.finished", RECEIVE, start(), body(body=b"x", more_body=True), at_step=2),
    sends("http.response-body.nothing-after-end", RECEIVE, start(), body(), body(body=b"late"), at_step=2),
    sends("http.response-body.nothing-after-end", RECEIVE, start(), body(), body(), note="empty", at_step=2),
    sends(
        "http.response-body.nothing-after-end",
        *(RECEIVE, start(200, TRAILER, trailers=True), body(), body(), trailers(headers=CHECKSUM)),
        note="before trailers",
        at_step=2,
    ),
    sends("http.response-body.forbidden", RECEIVE, start(204), body(body=b"null"), at_step=1),
    sends("http.response-body.forbidden", RECEIVE, start(304), body(body=b"x"), note="304", at_step=1),
    sends("http.content-length.valid", RECEIVE, start(200, [(b"content-length", b"x")]), body(), at_step=0),
    sends("http.content-length.valid", RECEIVE, start(200, [(b"content-length", b"-1")]), body(), note="-1", at_step=0),
    sends("http.content-length.valid", RECEIVE, start(200, [(b"content-length", b"0")] * 2), body(), note="twice"),
    sends("http.content-length.exact", RECEIVE, start(200, FILE), body(body=b"xy"), at_step=1),
    sends("http.content-length.exact", RECEIVE, start(200, FILE), body(body=b"wxyz"), note="more", at_step=1),
    sends(
        "http.content-length.exact",
        *(RECEIVE, start(200, FILE), body(body=b"xy", more_body=True), body(body=b"z", more_body=True)),
        *(body(body=b"!", more_body=True), body(body=b"!")),
        note="in pieces",
        at_step=3,
    ),
    sends("http.content-length.exact", RECEIVE, start(200, FILE), body(), note="nothing", at_step=1),
    sends("http.content-length.forbidden", RECEIVE, start(204, [(b"content-length", b"0")]), body(), at_step=0),
]

EXTENSIONS = [
    sends("http.debug.before-start", RECEIVE, start(), debug(info={}), body(), at_step=1),
    sends("http.debug.once", debug(info={}), debug(info={}), start(), body(), at_step=1),
    sends("http.debug.info", debug(info=[]), start(), body(), at_step=0),
    sends("http.debug.info", debug(info={1: 2}), start(), body(), note="a key", at_step=0),
    sends("http.debug.info", debug(), start(), body(), note="absent", at_step=0),
    sends("http.push.order", push(path="/a", headers=[]), start(), body(), at_step=0),
    sends("http.push.order", start(), body(), push(path="/a", headers=[]), note="after the end", at_step=2),
    sends("http.push.path", start(), push(path=b"/a", headers=[]), body(), at_step=1),
    sends("http.push.headers", start(), push(path="/a", headers=["x"]), body(), at_step=1),
    sends("http.push.headers", start(), push(path="/a"), body(), note="absent", at_step=1),
    sends("http.push.header-case", start(), push(path="/a", headers=[(b"Accept", b"*/*")]), body(), at_step=1),
    sends("http.push.pseudo-headers", start(), push(path="/a", headers=[(b":path", b"/")]), body(), at_step=1),
    sends("http.early-hint.order", hint(links=[]), start(), body(), at_step=0),
    sends("http.early-hint.order", start(), body(), hint(links=[]), note="after the end", at_step=2),
    sends("http.early-hint.links", start(), hint(links=["</a>"]), body(), at_step=1),
    sends("http.early-hint.links", start(), hint(links=b"</a>"), body(), note="bytes", at_step=1),
    sends("http.zerocopysend.order", zerocopy(file=0), start(), body(), at_step=0),
    sends("http.zerocopysend.order", start(), body(), zerocopy(file=0), note="after the end", at_step=2),
    sends("http.zerocopysend.file", start(), zerocopy(file=io.BytesIO()), at_step=1),
    sends("http.zerocopysend.file", start(), zerocopy(file=True), note="a bool", at_step=1),
    sends("http.zerocopysend.file", start(), zerocopy(file="/etc/hostname"), note="a path", at_step=1),
    sends("http.zerocopysend.offset", start(), zerocopy(file=0, offset=1.0), at_step=1),
    sends("http.zerocopysend.count", start(), zerocopy(file=0, count=None), at_step=1),
    sends("http.zerocopysend.more-body", start(), zerocopy(file=0, more_body=0), at_step=1),
    sends("http.pathsend.after-start", path(path="/etc/hostname"), start(), body(), at_step=0),
    sends("http.pathsend.once", start(200, FILE), path(path="/a"), path(path="/b"), at_step=2),
    sends("http.pathsend.alone", start(200, FILE), path(path="/a"), body(), at_step=2),
    sends(
        "http.pathsend.alone",
        start(200, FILE),
        body(body=b"x", more_body=True),
        path(path="/a"),
        body(body=b"yz"),
        note="in a body",
        at_step=2,
    ),
    sends("http.pathsend.path", start(200, FILE), path(path="relative"), at_step=1),
    sends("http.pathsend.path", start(200, FILE), path(path=b"/a"), note="bytes", at_step=1),
    sends("http.pathsend.content-headers", start(), path(path="/a"), at_step=1),
    sends("http.trailers.announced", start(), body(), trailers(headers=[]), at_step=2),
    sends("http.trailers.announced", start(), trailers(headers=[]), body(), note="before the body", at_step=1),
    sends(
        "http.trailers.after-body",
        start(200, TRAILER, trailers=True),
        trailers(headers=CHECKSUM),
        body(),
        trailers(headers=CHECKSUM),
        at_step=1,
    ),
    sends("http.trailers.sent", start(200, TRAILER, trailers=True), body(), at_step=2),
    sends(
        "http.trailers.sent",
        start(200, TRAILER, trailers=True),
        body(),
        trailers(headers=CHECKSUM, more_trailers=True),
        note="more to come",
        at_step=3,
    ),
    sends(
        "http.trailers.nothing-after-end",
        start(200, TRAILER, trailers=True),
        body(),
        trailers(headers=CHECKSUM),
        trailers(headers=CHECKSUM),
        at_step=3,
    ),
    sends("http.trailers.names", start(trailers=True), body(), trailers(headers=CHECKSUM), at_step=2),
    sends(
        "http.trailers.names",
        start(200, TRAILER, trailers=True),
        body(),
        trailers(headers=[(b"x-b", b"")]),
        note="another",
        at_step=2,
    ),
    sends("http.trailers.headers", start(200, TRAILER, trailers=True), body(), trailers(headers=None), at_step=2),
    sends(
        "http.trailers.header-case",
        start(200, TRAILER, trailers=True),
        body(),
        trailers(headers=[(b"X-Checksum", b"1")]),
        at_step=2,
    ),
    sends(
        "http.trailers.pseudo-headers",
        start(200, TRAILER, trailers=True),
        body(),
        trailers(headers=[(b":x", b"1")]),
        at_step=2,
    ),
    sends(
        "http.trailers.more-trailers",
        start(200, TRAILER, trailers=True),
        body(),
        trailers(headers=CHECKSUM, more_trailers=0),
        at_step=2,
    ),
]

CHATS = [
    chats("websocket.accept.after-connect", accept(), close()),
    chats("websocket.accept.once", RECEIVE, accept(), accept(), close(), at_step=1),
    chats("websocket.accept.subprotocol", RECEIVE, accept(subprotocol=b"chat.v1"), close(), at_step=0),
    chats("websocket.accept.subprotocol-offered", RECEIVE, accept(subprotocol="other"), close(), at_step=0),
    chats(
        "websocket.accept.subprotocol-offered",
        RECEIVE,
        accept(subprotocol="x"),
        close(),
        subprotocols=...,
        note="nothing offered",
        at_step=0,
    ),
    chats("websocket.accept.headers", RECEIVE, accept(headers=[("x-a", "1")]), close(), at_step=0),
    chats("websocket.accept.header-case", RECEIVE, accept(headers=[(b"X-A", b"1")]), close(), at_step=0),
    chats(
        "websocket.accept.sec-websocket-protocol",
        RECEIVE,
        accept(headers=[(b"sec-websocket-protocol", b"chat.v1")]),
        close(),
        at_step=0,
    ),
    chats("websocket.accept.pseudo-headers", RECEIVE, accept(headers=[(b":status", b"101")]), close(), at_step=0),
    chats(
        "websocket.accept.headers-version", RECEIVE, accept(headers=[(b"x-a", b"1")]), close(), **at("2.0"), at_step=0
    ),
    chats(
        "websocket.accept.headers-version",
        RECEIVE,
        accept(headers=[(b"x-a", b"1")]),
        close(),
        asgi={"version": "3.0"},
        note="no version",
        at_step=0,
    ),
    chats("websocket.send.after-accept", RECEIVE, say(text="x"), accept(), close(), at_step=0),
    chats("websocket.send.after-accept", say(text="x"), close(), note="unasked", at_step=0),
    chats("websocket.send.bytes", RECEIVE, accept(), say(bytes=bytearray(b"x")), close(), at_step=1),
    chats("websocket.send.text", RECEIVE, accept(), say(text=b"x"), close(), at_step=1),
    chats("websocket.send.one-payload", RECEIVE, accept(), say(), close(), at_step=1),
    chats("websocket.send.one-payload", RECEIVE, accept(), say(text="x", bytes=b"x"), close(), note="both", at_step=1),
    chats("websocket.close.code", RECEIVE, close(code="1000"), at_step=0),
    chats("websocket.close.code", RECEIVE, close(code=None), note="None", at_step=0),
    *(
        chats("websocket.close.code-range", RECEIVE, accept(), close(code=code), note=str(code), at_step=1)
        for code in (0, 403, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000)
    ),
    chats("websocket.close.reason", RECEIVE, accept(), close(reason=b"bye"), at_step=1),
    chats("websocket.close.reason", RECEIVE, accept(), close(reason="\ud800"), note="a lone surrogate", at_step=1),
    chats("websocket.close.reason-length", RECEIVE, accept(), close(reason="é" * 62), at_step=1),
    chats("websocket.close.reason-version", RECEIVE, accept(), close(reason="bye"), **at("2.2"), at_step=1),
    chats("websocket.close.last", RECEIVE, accept(), close(), close(), at_step=2),
    chats("websocket.close.last", RECEIVE, close(), say(text="x"), note="a message", at_step=1),
    chats("websocket.close.last", close(), accept(), note="an accept", at_step=1),
    chats("websocket.call.answered", RECEIVE),
    chats("websocket.call.answered", note="unasked"),
    chats("websocket.call.closed", RECEIVE, accept(), say(text="x")),
    chats("websocket.denial.after-connect", denial(status=401), denial_body(), at_step=0),
    chats("websocket.denial.before-accept", RECEIVE, accept(), denial(status=401), close(), at_step=1),
    chats("websocket.denial.nothing-else", RECEIVE, denial(status=401), denial_body(), close(), at_step=2),
    chats("websocket.denial.nothing-else", RECEIVE, denial(status=401), close(), note="in the middle", at_step=1),
    chats("websocket.denial.start-first", RECEIVE, denial_body(), close(), at_step=0),
    chats("websocket.denial.once", RECEIVE, denial(status=401), denial(status=401), denial_body(), at_step=1),
    chats("websocket.denial.nothing-after-end", RECEIVE, denial(status=401), denial_body(), denial_body(), at_step=2),
    chats("websocket.denial.finished", RECEIVE, denial(status=401), at_step=1),
    chats("websocket.denial.finished", RECEIVE, denial(status=401), denial_body(more_body=True), note="in the middle"),
    chats("websocket.denial.status", RECEIVE, denial(status="401"), denial_body()),
    chats("websocket.denial.headers", RECEIVE, denial(status=401, headers=[("x", "y")]), denial_body()),
    chats("websocket.denial.header-case", RECEIVE, denial(status=401, headers=[(b"X-A", b"y")]), denial_body()),
    chats("websocket.denial.pseudo-headers", RECEIVE, denial(status=401, headers=[(b":a", b"y")]), denial_body()),
    chats("websocket.denial.bytes", RECEIVE, denial(status=401), denial_body(body="no")),
    chats("websocket.denial.more-body", RECEIVE, denial(status=401), denial_body(more_body=0)),
]

CHATS += [
    Fault(
        "websocket.send.after-disconnect",
        app_of(RECEIVE, accept(), RECEIVE, _shielded(say(text="x"))),
        websocket(),
        [connect(), lost(code=1006)],
        raises=lambda number: ClientDisconnected() if number == 1 else None,
    ),
]

LIFESPANS = [
    lives("lifespan.startup.in-answer", started(), RECEIVE, started(), RECEIVE, stopped(), at_step=0),
    lives("lifespan.startup.answered-once", RECEIVE, started(), started(), RECEIVE, stopped(), at_step=1),
    lives("lifespan.startup.answered-once", RECEIVE, not_started(), started(), note="after a failure", at_step=1),
    lives("lifespan.startup.answered-once", RECEIVE, started(), RECEIVE, not_started(), stopped(), note="late"),
    lives("lifespan.startup.answered", RECEIVE, at_step=0),
    lives("lifespan.startup.message", RECEIVE, not_started(message=b"no"), at_step=0),
    lives("lifespan.shutdown.in-answer", RECEIVE, started(), stopped(), RECEIVE, stopped(), at_step=1),
    lives("lifespan.shutdown.in-answer", RECEIVE, not_started(), stopped(), note="after a failure", at_step=1),
    lives("lifespan.shutdown.answered-once", RECEIVE, started(), RECEIVE, stopped(), stopped(), at_step=2),
    lives("lifespan.shutdown.answered", RECEIVE, started(), RECEIVE, at_step=1),
    lives("lifespan.shutdown.message", RECEIVE, started(), RECEIVE, not_stopped(message=None), at_step=1),
    lives("lifespan.call.stays", RECEIVE, started(), at_step=1),
    lives("lifespan.call.refused", at_step=0),
]


FAULTS = [*CALLS, *EVENTS, *SCOPES, *SERVERS, *RESPONSES, *EXTENSIONS, *CHATS, *LIFESPANS]
