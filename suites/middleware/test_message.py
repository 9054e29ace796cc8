"""Middleware: messages pass a layer as they are, and none is made up or lost."""

from collections import Counter

from asgi_conformance import PRACTICE, NotApplicable, Probe, Violation, check, waits
from asgi_conformance.judging import ended, http_call
from asgi_conformance.onion import Onion, Passing
from asgi_conformance.spec import ASGI, PRACTICES
from asgi_conformance.waits import Limit

from .layers import layers

WITHIN = 30.0
OFFERED = ("debug", "early_hint", "pathsend", "push", "trailers", "zerocopysend")
CONTENT = ("pathsend", "trailers", "zerocopysend")  # the others are hints and notes, which nobody needs


@check(
    "middleware.message.one-for-one",
    level=PRACTICE,
    clause=PRACTICES["middleware-message"],
    needs={"http", "script", "middleware.unchanged"},
)
async def test_layers_pass_bodies_one_for_one(probe: Probe) -> None:
    """A layer must hand body messages on one for one, with the same content, where that is promised.

    Each message is a write of its own: a layer that adds an empty one at the end makes two packets of one, and
    eight such layers still more work.

    Usual cause: a layer that passes the body on through a generator, and ends it with a message of its own.
    `BaseHTTPMiddleware` is one.
    Usual mend: a pure ASGI layer, which hands messages on as they are.
    """
    async with layers(probe) as onion, probe.exchange() as exchange:
        await exchange.ending(WITHIN)
    for layer in range(onion.innermost - 1, -1, -1):
        if not any(step.is_end for step in onion.at(layer + 1)) or onion.at(layer + 1, Passing.RAISED):
            continue
        inside, outside = _bodies(onion, layer + 1), _bodies(onion, layer)
        if outside != inside:
            raise Violation(
                expected=f"outside {onion.names[layer]} what comes from inside: {_sizes(inside)}",
                observed=_sizes(outside) if _sizes(outside) != _sizes(inside) else "other bytes",
            )


def _bodies(onion: Onion, layer: int) -> list[tuple[bytes, bool]]:
    """The content of each body message that left the layer, and whether it said that more would come."""
    bodies = (step.message for step in onion.at(layer) if step.is_body)
    return [(bytes(message.get("body") or b""), bool(message.get("more_body"))) for message in bodies]


def _sizes(bodies: list[tuple[bytes, bool]]) -> str:
    """How many messages there are, and of how many bytes."""
    sizes = ", ".join(str(len(body)) for body, _ in bodies[:8])
    return f"{len(bodies)} body messages of {sizes}{', …' if len(bodies) > 8 else ''} bytes"


@check(
    "middleware.message.extensions-pass",
    level=PRACTICE,
    clause=ASGI["extensions"],
    needs={"http", "script"},
)
async def test_messages_of_extensions_pass(probe: Probe) -> None:
    """A layer that hands an extension down must pass the messages of that extension on.

    The application inside sends what the scope offers: a file by its path, trailers, a hint. A layer that does
    not know the message raises in the middle of the response, or loses a part of it.

    Usual cause: a layer that looks for `http.response.start` and takes everything else for a body.
    Usual mend: pass on what the layer does not know; or take the extension out of a copy of the scope.
    """
    offered: dict[str, dict[str, object]] = {f"http.response.{one}": {} for one in OFFERED}
    async with layers(probe) as onion:
        call = await http_call(probe, farewell={"type": "http.disconnect"}, scope={"extensions": offered})
        await waits.until(call, lambda: ended(call.sent) or len(call.sent) > 1000, Limit(WITHIN, 2.0))
        if ended(call.sent):
            call.finish()
        await waits.ending(call, Limit(5.0, 2.0))
    if not any(_extended(onion, layer) for layer in range(onion.innermost + 1)):
        raise NotApplicable("a response with messages of an extension")
    for layer in range(onion.innermost - 1, -1, -1):
        inside, outside = _extended(onion, layer + 1), _extended(onion, layer)
        refused = [step for step in onion.at(layer + 1, Passing.REFUSED) if step.message.get("type") in inside]
        if refused and not onion.at(layer, Passing.REFUSED):
            kind, error = refused[0].message["type"], type(refused[0].error).__name__
            raise Violation(expected=f"{kind} to pass {onion.names[layer]}", observed=f"{error} instead")
        lost = [kind for kind in inside if kind in {f"http.response.{one}" for one in CONTENT} and kind not in outside]
        if lost and len(_content(onion, layer)) <= len(_content(onion, layer + 1)):
            raise Violation(
                expected=f"{lost[0]} to pass {onion.names[layer]}", observed="nothing of it, and no body in its place"
            )


def _extended(onion: Onion, layer: int) -> Counter[str]:
    """The messages of extensions that left the layer, by type."""
    sent = (str(step.message.get("type")) for step in onion.at(layer, Passing.SENDS))
    return Counter(kind for kind in sent if kind.removeprefix("http.response.") in OFFERED)


def _content(onion: Onion, layer: int) -> bytes:
    return b"".join(step.message.get("body") or b"" for step in onion.at(layer, Passing.SENDS))
