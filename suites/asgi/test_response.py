"""ASGI HTTP: a request gets its response."""

from asgi_conformance import MUST, Probe, Unanswered, Violation, check, waits
from asgi_conformance.drivers.call import describe
from asgi_conformance.judging import START, ended, only
from asgi_conformance.spec import ASGI_HTTP
from asgi_conformance.waits import Limit

CLAUSE = ASGI_HTTP["response-start-send-event"]


@check("asgi.response.answered", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_request_is_answered(probe: Probe) -> None:
    """A request must get an `http.response.start`.

    Without one the client waits until somebody loses patience. An application that raises instead leaves the
    answer to the server, which is allowed.

    Usual cause: a branch that returns without a response; middleware that neither answers nor calls the
    application; a lock or a queue that nobody serves.
    """
    async with probe.exchange() as exchange:
        silence = ""
        try:
            await waits.head(exchange, Limit(300.0, 20.0))
        except Unanswered as reason:
            silence = str(reason)
        if only(START, exchange.messages):
            return
        # A server may have answered in the application's place.
        ending = await exchange.ending(0.0 if silence else 10.0)
        if ending.how == "raised":
            return
        raise Violation(expected="a response start", observed=silence or f"an application that {describe(ending)}")


@check("asgi.response.complete", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_response_is_complete(probe: Probe) -> None:
    """An application must not return before it has ended the response that it started.

    The end is an `http.response.body` whose `more_body` is false or absent. Without it the server has to cut
    the connection, and the client cannot tell the response from a broken one.

    Usual cause: a response start without a body; `more_body` true on the last message; middleware that drops
    empty messages, and with them the last one.
    """
    response = await probe.request()
    if response.left or response.ending.how != "returned" or not only(START, response.messages):
        return
    if not ended(response.messages):
        raise Violation(expected="a final body message", observed="a call that returned without one")
