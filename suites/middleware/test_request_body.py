"""Middleware: the application inside gets the request body."""

from asgi_conformance import PRACTICE, NotApplicable, Probe, Violation, check
from asgi_conformance.onion import Onion, Passing
from asgi_conformance.spec import ASGI_HTTP

from .layers import layers

WITHIN = 30.0


@check(
    "middleware.request-body.reaches-inside",
    level=PRACTICE,
    clause=ASGI_HTTP["request-receive-event"],
    needs={"http.upload", "script"},
)
async def test_request_body_passes_every_layer(probe: Probe) -> None:
    """A layer that reads the request body must give it to the application inside again, whole.

    Otherwise the endpoint waits for ever for a body that has been read, or takes it for empty.

    Usual cause: a logging or signature layer that reads the body with `receive` and hands the same `receive`
    down afterwards.
    Usual mend: hand down a `receive` that gives back what was read.
    """
    body = probe.route.body or b"asgi-conformance " * 64
    third = len(body) // 3 + 1
    parts = [body[start : start + third] for start in range(0, len(body), third)]
    async with layers(probe) as onion, probe.exchange(body=b"", streaming=True) as exchange:
        for number, part in enumerate(parts):
            await exchange.send(part, more=number < len(parts) - 1)
        await exchange.ending(WITHIN)
    if not onion.at(onion.innermost, Passing.WAITS):
        raise NotApplicable("the innermost application does not ask for the body")
    for layer in range(1, onion.innermost + 1):
        outside, inside = _received(onion, layer - 1), _received(onion, layer)
        if inside != outside:
            raise Violation(
                expected=f"{len(outside)} bytes of request body inside {onion.names[layer - 1]}",
                observed=f"{len(inside)} bytes" if len(inside) != len(outside) else "other bytes",
            )


def _received(onion: Onion, layer: int) -> bytes:
    messages = [step.message for step in onion.at(layer, Passing.RECEIVED)]
    return b"".join(message.get("body") or b"" for message in messages if message.get("type") == "http.request")
