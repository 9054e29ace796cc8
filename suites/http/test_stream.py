"""HTTP: a response that is produced in pieces reaches the client in pieces."""

from asgi_conformance import PRACTICE, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.http import payload
from asgi_conformance.spec import ASGI_HTTP

CLAUSE = ASGI_HTTP["response-body-send-event"]


@check("http.stream.not-buffered", level=PRACTICE, clause=CLAUSE, needs={"http.paced"})
async def test_stream_arrives_as_it_is_produced(probe: Probe) -> None:
    """The pieces of a stream should reach the client as they are produced, not all together at the end.

    A stream that is held back shows no progress, fills the memory, and for an endless one nothing ever comes.

    Usual cause: middleware that reads the whole body, to compress, sign or log it.
    Usual mend: treat each message by itself as it comes; leave streams out.
    """
    async with probe.exchange() as exchange:
        try:
            await exchange.head()
            first, second = await exchange.piece(30.0), await exchange.piece(30.0)
        except Unanswered as reason:
            raise Violation(expected="pieces of the body as they are produced", observed=str(reason)) from reason
        if first is None:
            raise Blocked("the response has no content")
        if second is None:
            raise Violation(expected="the body in several pieces", observed="one piece")
        # The route says that time passes between its pieces; a tenth of a second is little of it.
        if second.at - first.at < 0.1:
            raise Violation(expected="time between the first two pieces", observed=f"{second.at - first.at:.3f} s")


@check("http.stream.in-pieces", level=PRACTICE, clause=CLAUSE, needs={"http.stream", "http.finite", "messages"})
async def test_stream_has_several_messages(probe: Probe) -> None:
    """A body that is produced in pieces should be sent in several messages.

    Joined, it has to fit into the memory of the worker.

    Usual cause: middleware that collects the body; `b"".join` in the endpoint.
    """
    response = await probe.request()
    if not response.complete:
        raise Blocked("the response is not complete")
    # Messages, not reads: what a server sends one after the other may arrive together.
    parts = [message for message in response.messages if payload(message)]
    if len(parts) < 2:
        raise Violation(expected="several messages with content", observed=f"{len(parts)}")
