"""Servers: the opening handshake of a websocket."""

import base64
from contextlib import suppress

from asgi_conformance import MUST, PRACTICE, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed, Headers, Request
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.drivers.wire import WireResponse, read_response
from asgi_conformance.drivers.wire_websocket import WireWebSocket
from asgi_conformance.spec import ASGI_WEBSOCKET, RFC_6455

from .peer import SOON, client_frame, peer, release

ACCEPT = ASGI_WEBSOCKET["accept-send-event"]
REQUEST = RFC_6455["section-4.2.1"]
ANSWER = RFC_6455["section-4.2.2"]
NEEDS = {"wire", "messages", "server.echo"}

OFFER = ("conformance.one", "conformance.two")
KEY = base64.b64encode(bytes(range(16)))
GOOD: tuple[tuple[bytes, bytes], ...] = (
    (b"Host", b"127.0.0.1"),
    (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"),
    (b"Sec-WebSocket-Key", KEY),
    (b"Sec-WebSocket-Version", b"13"),
)


@check("server.websocket-handshake.accept-key", level=MUST, clause=ANSWER, needs=NEEDS)
async def test_answer_belongs_to_the_key(probe: Probe) -> None:
    """A good handshake must be answered with status 101 and the accept value of its key, however it is written.

    Header names and the words `websocket` and `Upgrade` are compared without regard to case, and `Connection` may
    hold other words beside it: browsers and proxies write what they like.
    """
    written: tuple[Headers, ...] = (
        (),
        ((b"upgrade", b"WebSocket"), (b"connection", b"keep-alive, upgrade")),
    )
    for headers in written:
        async with peer(probe, headers=headers, accepted=False) as client:
            try:
                handshake = await client.wire.opened(SOON)
            except Unanswered as fault:
                raise Violation(expected="status 101 with the key's accept value", observed=str(fault)) from None
            if not handshake.accepted:
                raise Violation(expected="status 101", observed=str(handshake.status))
            values = {name.lower(): value.lower() for name, value in handshake.headers}
            if values.get(b"upgrade") != b"websocket" or b"upgrade" not in values.get(b"connection", b""):
                raise Violation(expected="Upgrade: websocket and Connection: Upgrade", observed=repr(values)[:80])


async def _refused(probe: Probe, what: str, line: bytes, *headers: tuple[bytes, bytes]) -> WireResponse:
    """The answer to a bad handshake, which must not open a websocket, at either end."""
    await probe.start()
    server = probe.driver_as(ServerDriver)
    connection = await server.raw()
    target = probe.route.path.encode()
    head = [line.replace(b"/", target, 1), *(name + b": " + value for name, value in headers)]
    await connection.send(b"\r\n".join(head) + b"\r\n\r\n")
    answer = await read_response(connection, "POST", SOON)
    if answer.status == 101:
        raise Violation(expected=f"no websocket for {what}", observed="status 101")
    if any(call.type == "websocket" for call in server.calls):
        raise Violation(expected=f"no websocket for {what}", observed="a call of the application")
    if answer.end == "timeout" and not answer.status:
        raise Violation(expected=f"an answer to {what}", observed=f"none within {SOON:g} s")
    return answer


def _without(name: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(header for header in GOOD if header[0] != name)


@check("server.websocket-handshake.version", level=MUST, clause=RFC_6455["section-4.4"], needs=NEEDS)
async def test_other_version_is_told_which(probe: Probe) -> None:
    """A handshake of a version other than 13 must be refused, and told the version that is understood.

    `Sec-WebSocket-Version: 13` in the refusal lets the client try again.
    """
    headers = (*_without(b"Sec-WebSocket-Version"), (b"Sec-WebSocket-Version", b"7"))
    answer = await _refused(probe, "version 7", b"GET / HTTP/1.1", *headers)
    versions = [value for name, value in answer.headers if name.lower() == b"sec-websocket-version"]
    if not any(b"13" in value for value in versions):
        raise Violation(expected="Sec-WebSocket-Version: 13 in the refusal", observed=f"status {answer.status} alone")


@check("server.websocket-handshake.key-required", level=MUST, clause=REQUEST, needs=NEEDS)
async def test_key_is_required(probe: Probe) -> None:
    """A handshake without `Sec-WebSocket-Key` must not open a websocket.

    The key is what a script in a browser cannot set, so a request without it may be a forged one.
    """
    await _refused(probe, "a handshake without a key", b"GET / HTTP/1.1", *_without(b"Sec-WebSocket-Key"))


@check("server.websocket-handshake.key-length", level=MUST, clause=REQUEST, needs=NEEDS)
async def test_key_has_sixteen_bytes(probe: Probe) -> None:
    """A handshake whose `Sec-WebSocket-Key` is not 16 bytes in base64 must not open a websocket."""
    headers = (*_without(b"Sec-WebSocket-Key"), (b"Sec-WebSocket-Key", b"c2hvcnQ="))
    await _refused(probe, "a key of 5 bytes", b"GET / HTTP/1.1", *headers)


@check("server.websocket-handshake.get-only", level=MUST, clause=REQUEST, needs=NEEDS)
async def test_only_get_opens(probe: Probe) -> None:
    """A handshake with another method than GET must not open a websocket."""
    await _refused(probe, "a handshake by POST", b"POST / HTTP/1.1", *GOOD, (b"Content-Length", b"0"))


@check("server.websocket-handshake.http-version", level=MUST, clause=REQUEST, needs=NEEDS)
async def test_http_1_0_does_not_open(probe: Probe) -> None:
    """A handshake with HTTP/1.0 must not open a websocket: that version knows no upgrade."""
    await _refused(probe, "a handshake with HTTP/1.0", b"GET / HTTP/1.0", *GOOD)


@check("server.websocket-handshake.upgrade-required", level=MUST, clause=REQUEST, needs=NEEDS)
async def test_upgrade_is_required(probe: Probe) -> None:
    """A request without an `Upgrade` header must not open a websocket, whatever else it has."""
    await _refused(probe, "a request without Upgrade", b"GET / HTTP/1.1", *_without(b"Upgrade"))


@check(
    "server.websocket-handshake.early-data",
    level=PRACTICE,
    clause=RFC_6455["section-4.1"],
    needs={"wire", "messages", "server.slow-accept"},
)
async def test_early_data_is_not_lost(probe: Probe) -> None:
    """A message that comes with the handshake should be delivered after the accept, or fail the connection.

    A client has to wait for the answer before it speaks, and some do not. What they said must not vanish without
    a word: they take silence for a server that thinks. It is sent in the segment of the handshake, and behind it.
    """
    await probe.start()
    server = probe.driver_as(ServerDriver)
    for together in (True, False):
        request = Request("GET", probe.route.path, probe.route.headers)
        wire = await server.websocket(request, early=client_frame(b"early") if together else b"")
        if not together:
            await wire.inject(client_frame(b"early"))
        await release(probe)
        try:
            handshake = await wire.opened(SOON)
        except Unanswered as silence:
            if not wire.connection.over:
                raise Blocked(str(silence)) from None
            continue  # the connection has failed, which is an answer
        if handshake.accepted:
            await _delivered_or_failed(wire, "with" if together else "right behind")


async def _delivered_or_failed(wire: WireWebSocket, where: str) -> None:
    answer: object = None
    with suppress(Unanswered):
        answer = await wire.receive(SOON)
    if not isinstance(answer, Closed) and answer != "early":
        raise Violation(expected=f"the message that came {where} the handshake", observed="an accept, and silence")


@check("server.websocket-accept.subprotocol", level=MUST, clause=ACCEPT, needs={"wire", "messages", "server.chooses"})
async def test_chosen_subprotocol_is_told(probe: Probe) -> None:
    """The subprotocol that the application chooses must be the one in the answer, and the only one."""
    async with peer(probe, subprotocols=OFFER) as client:
        told = _subprotocols((await client.opened()).headers)
    if told != [OFFER[-1].encode()]:
        raise Violation(expected=f"Sec-WebSocket-Protocol: {OFFER[-1]}", observed=repr(told))


@check("server.websocket-accept.no-subprotocol", level=MUST, clause=ANSWER, needs=NEEDS)
async def test_no_subprotocol_is_made_up(probe: Probe) -> None:
    """Where the application chooses no subprotocol, the answer must not have one.

    A client that sees one takes it for agreed.
    """
    async with peer(probe, subprotocols=OFFER) as client:
        told = _subprotocols((await client.opened()).headers)
    if told:
        raise Violation(expected="no Sec-WebSocket-Protocol", observed=repr(told))


@check(
    "server.websocket-accept.unoffered-subprotocol",
    level=MUST,
    clause=ANSWER,
    needs={"wire", "messages", "server.unoffered"},
)
async def test_unoffered_subprotocol_is_kept_back(probe: Probe) -> None:
    """A subprotocol that the client has not offered must not be in the answer, whatever the application says.

    The client has to fail such a connection. The server can raise at the accept instead, where the application
    sees the mistake.
    """
    async with peer(probe, subprotocols=OFFER, accepted=False) as client:
        try:
            handshake = await client.wire.opened(SOON)
        except Unanswered:
            return  # refused without a word, after the application's mistake
    told = _subprotocols(handshake.headers)
    if told:
        raise Violation(expected="no subprotocol that was not offered", observed=repr(told))


def _subprotocols(headers: Headers) -> list[bytes]:
    return [value for name, value in headers if name.lower() == b"sec-websocket-protocol"]


@check("server.websocket-accept.headers", level=MUST, clause=ACCEPT, needs={"wire", "messages", "server.headers"})
async def test_accept_headers_are_sent(probe: Probe) -> None:
    """The headers of an accept must reach the client: all of them, repeated ones too, in their order."""
    async with peer(probe) as client:
        handshake = await client.opened()
    given = [(b"x-conformance", b"one"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    seen = [(name.lower(), value) for name, value in handshake.headers if name.lower() in dict(given)]
    if seen != given:
        raise Violation(expected=repr(given), observed=repr(seen))


@check(
    "server.websocket-accept.pending",
    level=MUST,
    clause=ASGI_WEBSOCKET["connect-receive-event"],
    needs={"wire", "messages", "server.slow-accept"},
)
async def test_handshake_waits_for_the_application(probe: Probe) -> None:
    """The handshake must not be answered before the application has answered `websocket.connect`."""
    async with peer(probe, accepted=False) as client:
        await client.call()
        await client.taken_in()
        begun = client.wire.connection.over or client.wire.answered
        await release(probe)
        handshake = await client.opened()
    if begun:
        raise Violation(expected="no answer before the accept", observed=f"status {handshake.status}")
