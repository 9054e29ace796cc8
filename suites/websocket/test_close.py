"""ASGI WebSocket: the ``websocket.close`` event."""

from collections.abc import Sequence

from asgi_conformance import MUST, Probe, Violation, check
from asgi_conformance.drivers.http import type_of
from asgi_conformance.protocol.events import CLOSE
from asgi_conformance.protocol.types import Message
from asgi_conformance.spec import ASGI_WEBSOCKET, RFC_6455

from .conversation import (
    CONNECT,
    LOSS,
    bytes_message,
    converse,
    end,
    problems,
    quiet,
    scope_for,
    text_for,
    text_message,
)

NEEDS = {"websocket", "messages", "virtual-time"}


async def _closes(probe: Probe) -> Sequence[Message]:
    """The closes of accepted connections: a refusal has no close frame, so its code and reason go nowhere."""
    messages = [*await converse(probe)]
    if not any(type_of(message) == "websocket.accept" for message in messages):
        return ()
    return [*messages, *await converse(probe, "{"), *await converse(probe, b"\x00")]


@check("websocket.close.code-range", level=MUST, clause=RFC_6455["section-7.4"], needs=NEEDS)
async def test_close_code_may_be_sent(probe: Probe) -> None:
    """The `code` of a close must be one that may be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999.

    1004, 1005, 1006 and 1015 are words of the API for what was not sent; others are not assigned. Servers
    raise, or the client takes the close frame for a breach of the protocol.

    Usual cause: an HTTP status as the code; the code of the disconnect that came in, sent back.
    """
    for problem in problems(await _closes(probe), CLOSE, "websocket.close.code-range", "websocket.close.code"):
        raise Violation(expected=problem.expected, observed=problem.observed)


@check("websocket.close.reason-length", level=MUST, clause=RFC_6455["section-5.5"], needs=NEEDS)
async def test_close_reason_fits(probe: Probe) -> None:
    """The `reason` of a close must have at most 123 bytes in UTF-8.

    A close frame has no room for more; servers raise instead of closing.

    Usual cause: `reason=str(error)`, such as a validation error. Usual mend: cut it, after encoding.
    """
    for problem in problems(await _closes(probe), CLOSE, "websocket.close.reason-length"):
        raise Violation(expected=problem.expected, observed=problem.observed)


@check("websocket.close.reason-text", level=MUST, clause=ASGI_WEBSOCKET["close-send-event"], needs=NEEDS)
async def test_close_reason_is_text(probe: Probe) -> None:
    """The `reason` of a close must be a str that UTF-8 can encode, or None.

    Usual cause: an error object or a list of errors handed on. FastAPI itself does so when a parameter of a
    websocket route is missing or malformed. Usual mend: a handler for `WebSocketRequestValidationError`, or
    parameters with a default that the route looks at.
    """
    messages = [*await converse(probe), *await converse(probe, "{"), *await converse(probe, b"\x00")]
    for problem in problems(messages, CLOSE, "websocket.close.reason"):
        raise Violation(expected=problem.expected, observed=problem.observed)


@check(
    "websocket.close.reason-version", level=MUST, clause=ASGI_WEBSOCKET["spec-versions"], needs={"websocket", "script"}
)
async def test_no_reason_before_2_3(probe: Probe) -> None:
    """A close must have a reason only on a server whose `spec_version` is 2.3 or later.

    An older server does not know the key, so what it says is lost or refused.

    Usual mend: ask `scope["asgi"]["spec_version"]`, and do without the reason below 2.3.
    """
    await probe.start()
    said = (CONNECT, text_message(text_for(probe)), bytes_message(b"\x00"))
    call = await probe.call(scope_for(probe, spec_version="2.2"), said, LOSS)
    await call.until(lambda: False, quiet(probe))
    call.leave()
    await end(call)
    if not any(type_of(message) == "websocket.accept" for message in call.sent):
        return  # a refusal is told by its status alone
    for message in call.sent:
        if type_of(message) == "websocket.close" and message.get("reason"):
            raise Violation(expected="no reason at version 2.2", observed=repr(message["reason"])[:80])
