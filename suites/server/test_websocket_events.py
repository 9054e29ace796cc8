"""Servers: events of an application that are wrong, and what must not come of them."""

from websockets.frames import Opcode

from asgi_conformance import MUST, SHOULD, Blocked, Probe, Violation, check
from asgi_conformance.spec import ASGI, ASGI_WEBSOCKET, RFC_6455

from .peer import SOON, frames_of, peer

EVENTS = ASGI["error-handling"]
SEND = ASGI_WEBSOCKET["send-send-event"]
NEEDS = {"wire", "messages", "server.wrong"}


async def _raises(probe: Probe, name: str, what: str) -> None:
    """`send` raises for the event, so that whoever wrote the application sees it."""
    async with peer(probe, path=f"{probe.route.path}?{name}", accepted=False) as client:
        await client.seen(lambda call: call.ending, SOON)
        call = await client.call()
    wrong = 1 if name != "send-before-accept" else 0
    fates = [event["event"] for event in call.events if event["event"] in {"sent", "send-failed"}]
    if len(fates) <= wrong:
        raise Blocked(f"the application did not get as far as to send {what}")
    if fates[wrong] == "sent":
        raise Violation(expected=f"an exception from send for {what}", observed="none")


async def _closing(probe: Probe, name: str) -> list[bytes]:
    """The payloads of the close frames that come on the wire."""
    async with peer(probe, path=f"{probe.route.path}?{name}", accepted=False) as client:
        raw = client.listen()
        await client.seen(lambda call: call.ending, SOON)
        await client.taken_in()
    data = b"".join(raw).partition(b"\r\n\r\n")[2]
    return [payload for opcode, payload in frames_of(data) if opcode == Opcode.CLOSE]


@check("server.websocket-event.send-first", level=SHOULD, clause=EVENTS, needs=NEEDS)
async def test_send_before_accept_raises(probe: Probe) -> None:
    """`send` should raise for a `websocket.send` before the accept."""
    await _raises(probe, "send-before-accept", "a message before the accept")


@check("server.websocket-event.second-accept", level=SHOULD, clause=EVENTS, needs=NEEDS)
async def test_second_accept_raises(probe: Probe) -> None:
    """`send` should raise for a second accept."""
    await _raises(probe, "second-accept", "a second accept")


@check("server.websocket-event.unknown-type", level=SHOULD, clause=EVENTS, needs=NEEDS)
async def test_unknown_type_raises(probe: Probe) -> None:
    """`send` should raise for an event of a type that does not exist."""
    await _raises(probe, "unknown-type", "an unknown type")


@check("server.websocket-event.http-type", level=SHOULD, clause=EVENTS, needs=NEEDS)
async def test_http_type_raises(probe: Probe) -> None:
    """`send` should raise for the start of an HTTP response on a websocket."""
    await _raises(probe, "http-type", "an HTTP response start")


@check("server.websocket-event.no-payload", level=SHOULD, clause=SEND, needs=NEEDS)
async def test_send_without_payload_raises(probe: Probe) -> None:
    """`send` should raise for a `websocket.send` with neither `text` nor `bytes`."""
    await _raises(probe, "no-payload", "a message without payload")


@check("server.websocket-event.two-payloads", level=SHOULD, clause=SEND, needs=NEEDS)
async def test_send_with_two_payloads_raises(probe: Probe) -> None:
    """`send` should raise for a `websocket.send` with both `text` and `bytes`: one of them would be lost."""
    await _raises(probe, "two-payloads", "a message with two payloads")


@check("server.websocket-event.payload-type", level=SHOULD, clause=SEND, needs=NEEDS)
async def test_text_of_bytes_raises(probe: Probe) -> None:
    """`send` should raise for a `text` that is a byte string."""
    await _raises(probe, "text-is-bytes", "a text of bytes")


@check("server.websocket-event.close-code", level=MUST, clause=RFC_6455["section-7.4.1"], needs=NEEDS)
async def test_reserved_close_code_is_kept_back(probe: Probe) -> None:
    """The code 1005 must not be in a close frame, whatever the application says.

    The server can raise, or send a frame without a code.
    """
    for payload in await _closing(probe, "close-code"):
        if payload[:2] == (1005).to_bytes(2, "big"):
            raise Violation(expected="no close frame with 1005", observed="one")


@check("server.websocket-event.close-reason", level=MUST, clause=RFC_6455["section-5.5"], needs=NEEDS)
async def test_long_reason_is_kept_back(probe: Probe) -> None:
    """The payload of a close frame must have at most 125 bytes, whatever reason the application gives.

    The server can raise, or cut the reason.
    """
    for payload in await _closing(probe, "close-reason"):
        if len(payload) > 125:
            raise Violation(expected="a close frame of at most 125 bytes", observed=f"one of {len(payload)}")
