"""ASGI WebSocket: the ``websocket.send`` event."""

from asgi_conformance import MUST, Probe, Violation, check
from asgi_conformance.drivers.http import type_of
from asgi_conformance.protocol.events import SEND
from asgi_conformance.spec import ASGI_WEBSOCKET, RFC_6455

from .conversation import converse, problems

CLAUSE = ASGI_WEBSOCKET["send-send-event"]
NEEDS = {"websocket", "messages", "virtual-time"}


@check("websocket.send.one-payload", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_one_payload(probe: Probe) -> None:
    """A `websocket.send` must have either `bytes` or `text`, not both and not neither.

    Usual cause: `{"bytes": data, "text": ""}`. An empty text is a text; None is not.
    """
    for problem in problems(await converse(probe), SEND, "websocket.send.one-payload"):
        raise Violation(expected=problem.expected, observed=problem.observed)


@check("websocket.send.payload-type", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_payload_has_the_type_of_its_key(probe: Probe) -> None:
    """The `bytes` of a `websocket.send` must be a byte string, and its `text` a str.

    Usual cause: JSON that was encoded already put into `text`; a bytearray or memoryview put into `bytes`.
    """
    for problem in problems(await converse(probe), SEND, "websocket.send.bytes", "websocket.send.text"):
        raise Violation(expected=problem.expected, observed=problem.observed)


@check("websocket.send.encodable", level=MUST, clause=RFC_6455["section-5.6"], needs=NEEDS)
async def test_text_can_be_encoded(probe: Probe) -> None:
    """The `text` of a `websocket.send` must be text that UTF-8 can encode.

    A lone surrogate is a legal character of a Python str and of a JSON escape, and cannot be sent: the server
    raises, where nobody expects it.

    Usual cause: JSON from the client, sent back by `send_json()`, which leaves non-ASCII characters as they
    are. Usual mend: validate what came in, or encode with `json.dumps(…)`, which escapes them again.
    """
    lone = '{"text": "\\ud800", "data": "\\ud800", "message": "\\ud800"}'
    for message in [*await converse(probe), *await converse(probe, lone)]:
        text = message.get("text") if type_of(message) == "websocket.send" else None
        if not isinstance(text, str):
            continue
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Violation(expected="text that UTF-8 can encode", observed=ascii(text)[:80]) from None
