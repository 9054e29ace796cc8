"""Middleware: a response that is produced piece by piece passes piece by piece."""

import asyncio

from asgi_conformance import PRACTICE, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.onion import LEFT, Onion, Passing
from asgi_conformance.spec import PRACTICES

from .layers import layers, seconds

PAUSE = 5.0  # seconds between two pieces
PIECES = 5
ENOUGH = 256  # pieces that a layer may keep for a client that does not read
LONG = 600.0


@check(
    "middleware.stream.not-buffered",
    level=PRACTICE,
    clause=PRACTICES["middleware-stream"],
    needs={"http.stream", "script"},
)
async def test_layers_do_not_hold_pieces_back(probe: Probe) -> None:
    """Each part of a streamed response should leave every layer before the next one is produced.

    A layer that collects the response defeats the stream: the first event arrives with the last one, an
    endless stream never arrives, and the whole body lies in memory.

    Usual cause: a layer that needs the whole body (a length, a checksum, a rewrite) and does not look whether
    the response is a stream; a compressor that is not flushed after each part.
    Usual mend: leave responses alone whose first body message says that more will come; flush the compressor.
    """
    async with layers(probe, pause=PAUSE) as onion, probe.exchange() as exchange:
        try:
            for _ in range(PIECES):
                if await exchange.piece(within=PIECES * PAUSE * 10) is None:
                    break
        except Unanswered:
            pass  # the steps tell why
    if not onion.at(onion.innermost, Passing.SENDS):
        raise NotApplicable("the route does not get as far as the innermost layer")
    for layer in range(onion.innermost - 1, -1, -1):
        if (number := _held(onion, layer)) is not None:
            raise Violation(
                expected=f"piece {number} of the body outside {onion.names[layer]} before the next one is produced",
                observed=f"nothing for {PAUSE:g} s",
            )


def _held(onion: Onion, layer: int) -> int | None:
    """The number of the first piece that went into the layer from inside and had not come out when it could."""
    waiting: int | None = None
    number, since = 0, 0.0
    for step in onion.steps:
        if step.layer == layer and step.is_piece:
            waiting = None
        if step.layer != layer + 1 or step.what is not Passing.SENDS:
            continue
        if waiting is not None and step.at - since >= seconds(PAUSE):
            return waiting
        if step.is_piece and step.message.get("more_body"):
            number += 1
            if waiting is None:
                waiting, since = number, step.at
    return None


@check(
    "middleware.stream.backpressure",
    level=PRACTICE,
    clause=PRACTICES["middleware-backpressure"],
    needs={"http.stream", "script"},
)
async def test_layers_pass_a_slow_client_on(probe: Probe) -> None:
    """When the client does not read, the producer of a stream should be held up after a bounded number of parts.

    Without that a slow client makes the server hold the rest of the response in memory, for each such client.

    Usual cause: a layer with a queue of unlimited size between the application and the server.
    Usual mend: await the outer `send` inside the inner one, or give the queue a size.
    """
    async with layers(probe) as onion:
        exchange = await probe.inprocess.http(probe.http_request(), window=1)
        await exchange.head()
        await asyncio.sleep(seconds(LONG))
        produced = len([step for step in onion.at(onion.innermost, Passing.SENT) if step.message.get("body")])
        over = bool(onion.at(onion.innermost, *LEFT))
        await exchange.disconnect()
        await exchange.ending(PAUSE)
    if produced > ENOUGH:
        raise Violation(
            expected=f"a producer that waits after at most {ENOUGH} parts of the body",
            observed=f"{produced} parts produced while the client read none of them",
        )
    if over:
        raise NotApplicable(f"the stream is too short to tell: it ended after {produced} parts")
