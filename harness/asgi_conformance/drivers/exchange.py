"""What can be done with an exchange of any driver: read a response to its end."""

import asyncio
import time
from dataclasses import dataclass

from asgi_conformance.drivers.base import PATIENCE, HTTPExchange, Piece, Response, Unanswered

FLOOD = 64 * 1024 * 1024  # bytes; a response that is larger is taken for an endless one


@dataclass(frozen=True, slots=True)
class Sample:
    """How much of a stream that may be endless is read before the client leaves.

    `seconds` run on the loop's clock. Where that is virtual, an open socket of the application makes it run at
    wall speed; `real` seconds are enough then.
    """

    pieces: int
    seconds: float
    real: float = 3.0


async def read_response(exchange: HTTPExchange, *, within: float = PATIENCE, sample: Sample | None = None) -> Response:
    """The whole response, and how the application's call ended.

    An application that raised before it sent anything is told as a 500 with an empty body, which is what a
    server makes of it; `complete` is False then, and `ending` says what was raised. With `sample`, the client
    leaves a response that goes on for longer, and `left` says so.

    Raises Unanswered when there is no response, or no end of it, within `within` seconds.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        head = await exchange.head(within)
    except Unanswered:
        ending = await exchange.ending(0)
        if ending.how != "raised":
            raise
        return Response(500, (), b"", False, (), tuple(exchange.messages), ending)
    pieces: list[Piece] = []
    left = False
    until = begun + within if sample is None else loop.time() + sample.seconds
    really_until = time.monotonic() + (sample.real if sample else float("inf"))
    size = 0
    while True:
        rest = max(0.0, until - loop.time())
        try:
            piece = await exchange.piece(rest if sample is None else min(rest, 1.0))
        except Unanswered:
            left = sample is None or loop.time() >= until or time.monotonic() >= really_until
            if not left:
                continue
        else:
            if piece is None:
                break
            pieces.append(piece)
            size += len(piece.data)
            left = sample is not None and len(pieces) >= sample.pieces
        if sample is None and (left or size > FLOOD):
            raise Unanswered(_endless(pieces, size, within))
        if left:
            await exchange.disconnect()
            break
    ending = await exchange.ending(within)
    body = b"".join(piece.data for piece in pieces)
    return Response(
        head.status,
        head.headers,
        body,
        exchange.complete,
        tuple(pieces),
        tuple(exchange.messages),
        ending,
        left=left and not exchange.complete,
    )


def _endless(pieces: list[Piece], size: int, within: float) -> str:
    if size > FLOOD:
        return f"more than {FLOOD >> 20} MiB of body and no end"
    return f"no end of the response within {within:g} s, after {len(pieces)} parts of the body"
