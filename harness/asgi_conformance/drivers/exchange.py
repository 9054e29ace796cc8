"""What can be done with an exchange of any driver: read a response to its end."""

import asyncio

from asgi_conformance.drivers.base import PATIENCE, Ending, Head, HTTPExchange, Piece, Response, Unanswered

FLOOD = 64 * 1024 * 1024  # bytes; a response that is larger is taken for an endless one


async def read_response(exchange: HTTPExchange, *, within: float = PATIENCE) -> Response:
    """The whole response, and how the application's call ended.

    An application that raised before it sent anything is told as a 500 with an empty body, which is what a
    server makes of it; `complete` is False then, and `ending` says what was raised.

    Raises Unanswered when there is no response, or no end of it, within `within` seconds.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    pieces: list[Piece] = []
    try:
        head = await exchange.head(within)
    except Unanswered:
        ending = await exchange.ending(0)
        if ending.how != "raised":
            raise
        return Response(500, (), b"", False, (), tuple(exchange.messages), ending)
    size = 0
    while (piece := await exchange.piece(max(0.0, deadline - loop.time()))) is not None:
        pieces.append(piece)
        size += len(piece.data)
        if size > FLOOD:
            raise Unanswered(f"more than {FLOOD >> 20} MiB of body and no end")
    ending = await exchange.ending(max(0.0, deadline - loop.time()))
    return _response(head, pieces, exchange, ending)


def _response(head: Head, pieces: list[Piece], exchange: HTTPExchange, ending: Ending) -> Response:
    body = b"".join(piece.data for piece in pieces)
    return Response(
        head.status, head.headers, body, exchange.complete, tuple(pieces), tuple(exchange.messages), ending
    )
