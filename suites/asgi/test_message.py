"""ASGI: what every message looks like, whatever it is about."""

from asgi_conformance import MUST, SHOULD, Probe, Violation, check
from asgi_conformance.drivers.http import type_of
from asgi_conformance.judging import require_of
from asgi_conformance.protocol.http import HTTP
from asgi_conformance.protocol.problem import show
from asgi_conformance.spec import ASGI

SHAPES = {said.shape.name: said.shape for said in HTTP.sent}
EXTENSIONS = {
    "http.response.debug",
    "http.response.early_hint",
    "http.response.pathsend",
    "http.response.push",
    "http.response.trailers",
    "http.response.zerocopysend",
}


@check("asgi.message.dict", level=MUST, clause=ASGI["events"], needs={"http", "messages"})
async def test_message_is_dict_with_type(probe: Probe) -> None:
    """Every message that is sent must be a dict whose `type` is a string.

    Usual cause: an object of an own class, a pair, or the bytes of the body in place of the message.
    """
    for message in (await probe.request()).messages:
        if not isinstance(message, dict):
            raise Violation(expected="a dict", observed=show(message))
        if not isinstance(message.get("type"), str):
            raise Violation(expected="a string as 'type'", observed=show(message.get("type")))


@check("asgi.message.known-type", level=SHOULD, clause=ASGI["error-handling"], needs={"http", "messages"})
async def test_message_type_is_known(probe: Probe) -> None:
    """An application should only send messages that the HTTP page or an extension knows.

    Servers are told to raise on any other type.

    Usual cause: a misspelt type; a message of another protocol (`websocket.send` in an HTTP call).
    """
    for message in (await probe.request()).messages:
        kind = type_of(message)
        if isinstance(kind, str) and kind not in SHAPES:
            raise Violation(expected="a message type of ASGI HTTP", observed=show(kind))


@check("asgi.message.extension-offered", level=MUST, clause=ASGI["extensions"], needs={"http", "messages", "script"})
async def test_extension_is_offered(probe: Probe) -> None:
    """A message of an extension must only be sent when the scope lists that extension.

    A server that does not know it raises, in the middle of the response.

    Usual cause: a feature that was tried on one server only.
    Usual mend: `if "http.response.pathsend" in scope.get("extensions", {})`.
    """
    for message in (await probe.request()).messages:
        if type_of(message) in EXTENSIONS:
            raise Violation(expected="no message of an extension that is not offered", observed=message["type"])


@check("asgi.message.plain-values", level=MUST, clause=ASGI["events"], needs={"http", "messages"})
async def test_values_are_plain(probe: Probe) -> None:
    """Whatever else a message carries must be made of plain values: str, bytes, int, float, list, dict, bool, None.

    Messages are made to be passed between processes; integers have 64 bits, floats are finite, dicts have string
    keys.

    Usual cause: an own key that carries an object (a request, a datetime, a tuple) to another layer.
    Usual mend: put it into the scope, which may hold anything.
    """
    rules = ["event.message.keys", *(f"event.value.{what}" for what in ("integer", "float", "keys", "type"))]
    for message in (await probe.request()).messages:
        if (shape := SHAPES.get(str(type_of(message)))) is not None:
            require_of(shape, message, *rules)
