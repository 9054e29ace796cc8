"""Server-sent events: a stream that is over, and the client that comes back."""

from collections.abc import AsyncGenerator, AsyncIterator

from asgi_conformance import SHOULD, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Headers, HTTPExchange
from asgi_conformance.spec import HTML_SSE
from asgi_conformance.sse import EventSource, Failure

from .stream import OPENS_WITHIN

IN_VAIN = 5  # connections in a row that bring nothing new
CONNECTIONS = 60
PATIENCE = 600.0


@check(
    "sse.end.client-stops",
    level=SHOULD,
    clause=HTML_SSE["sse-processing-model"],
    needs={"sse", "sse.finite", "sse.resume", "virtual-time"},
)
async def test_client_that_has_everything_is_stopped(probe: Probe) -> None:
    """A client that comes back to a stream that is over, and has got all of it, should be told to stop.

    The end of a response is a lost connection to `EventSource`: it comes back in a few seconds, with the last id, and
    does so for as long as the page is open. With status 204 it stops. Clients of your own may know the last event;
    hence a warning.

    Usual cause: the stream of a job or an answer that ends, and only the first connection was thought of.
    Usual mend: `Response(status_code=204)` when `Last-Event-ID` is that of the last event.
    """
    if probe.route.method != "GET":
        raise NotApplicable("a route for GET, which is all that EventSource can do")
    await probe.start()
    seen: set[str] = set()
    in_vain = connections = 0

    async def connect(headers: list[tuple[bytes, bytes]]) -> tuple[int, Headers, AsyncIterator[bytes]]:
        nonlocal connections, in_vain
        connections, in_vain = connections + 1, in_vain + 1
        exchange = await probe.driver.http(probe.http_request(headers=tuple(headers)))
        try:
            head = await exchange.head(OPENS_WITHIN)
        except Unanswered as silence:
            raise Blocked(str(silence)) from silence
        return head.status, head.headers, _body(exchange)

    def lost(_: Failure) -> None:
        if in_vain > IN_VAIN or connections >= CONNECTIONS:
            source.close()

    async with EventSource(connect, on_error=lost) as source:
        async for event in source:
            if event.last_event_id not in seen:
                in_vain = 0
                seen.add(event.last_event_id)
        stopped = source.failures[-1].wait_ms is None if source.failures else True
    if not stopped and in_vain > IN_VAIN:
        raise Violation(
            expected="status 204 for a client that has all events", observed=f"{in_vain} connections in vain after them"
        )


async def _body(exchange: HTTPExchange) -> AsyncGenerator[bytes, None]:
    """The pieces of the body; a response that breaks off is a network error."""
    try:
        while (piece := await exchange.piece(PATIENCE)) is not None:
            yield piece.data
    except Unanswered as silence:
        raise NotApplicable("a stream that ends") from silence
    finally:
        if not exchange.complete:
            await exchange.disconnect()
        await exchange.ending(1.0)
    if not exchange.complete:
        raise EOFError("the response breaks off")
