"""Handlers of exceptions: which they serve, and with what."""

import json

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed
from asgi_conformance.spec import PRACTICES

CLAUSE = PRACTICES["errors"]
WITHIN = 5.0


@check("errors.handler.subclasses", level=PRACTICE, clause=CLAUSE, needs={"http", "http.raises-subclass"})
async def test_handler_serves_subclasses(probe: Probe) -> None:
    """The handler of an exception should answer for its subclasses too.

    Usual cause: a table of handlers by the exact class.
    Usual mend: look along the class's ancestors, as the framework does.
    """
    response = await probe.request()
    if response.status != 409:
        raise Violation(expected="status 409, of the handler", observed=f"status {response.status}")


@check(
    "errors.handler.valid-status",
    level=PRACTICE,
    clause=CLAUSE,
    needs={"pattern:errors.custom", "http"},
)
async def test_answer_of_the_handler_reaches_the_client(probe: Probe) -> None:
    """What the handler answers should reach the client: with a status that there is.

    A code outside the range of statuses is sent by some servers and refused by others, with a 500 or no answer.

    Usual cause: an application's own code used as the status.
    Usual mend: keep the code in the body, and answer with a status.
    """
    response = await probe.request()
    if not 200 <= response.status <= 599:
        raise Violation(expected="a status from 200 to 599", observed=f"status {response.status}")
    if response.status >= 500 and response.ending.how == "raised":
        raise Violation(expected="the handler's answer", observed=f"status {response.status}: {response.ending.error}")


@check("errors.websocket.ends", level=PRACTICE, clause=CLAUSE, needs={"websocket.raises-handled"})
async def test_handled_exception_ends_the_connection(probe: Probe) -> None:
    """A websocket whose endpoint raises an exception that has a handler should be refused, or closed with an error.

    Usual cause: the handler returns a response, which is for requests: nothing is sent to a websocket.
    Usual mend: in the handler `await websocket.close(code=1011)`, for a `WebSocket`.
    """
    async with probe.websocket() as exchange:
        try:
            handshake = await exchange.opened(WITHIN)
        except Unanswered as reason:
            raise Violation(expected="a refusal or an acceptance", observed=str(reason)) from None
        if not handshake.accepted:
            if handshake.status is not None and handshake.status >= 500:
                raise Violation(expected="a refusal by the application", observed=f"status {handshake.status}")
            return
        try:
            closed = await exchange.receive(WITHIN)
        except Unanswered as reason:
            raise Violation(expected="a close with an error", observed=str(reason)) from None
        if not isinstance(closed, Closed):
            raise Blocked("a message where the end of the connection was due")
        if closed.code in {1000, 1001, 1005, 1006}:
            raise Violation(expected="a close with an error", observed=f"close code {closed.code}")


@check("errors.validation.answered", level=PRACTICE, clause=CLAUSE, needs={"http", "http.invalid"})
async def test_invalid_request_is_answered_by_the_handler(probe: Probe) -> None:
    """A request that the validation refuses should be answered with a 4xx and JSON that says why.

    Usual cause: the handler puts `exc.errors()` or `exc.body` into the response as they are. They may hold an exception
    (of a validator), a file or NaN, none of which is JSON: the handler fails, and the client gets a 500.
    Usual mend: `jsonable_encoder` with an encoder for exceptions; leave out the body where it is a form.
    """
    response = await probe.request()
    if not 400 <= response.status < 500:
        how = response.ending.error or "no reason told"
        raise Violation(expected="a status from 400 to 499", observed=f"status {response.status}: {how}")
    try:
        told = json.loads(response.body, parse_constant=_no_constant)
    except ValueError as reason:
        raise Violation(expected="JSON", observed=str(reason)) from None
    if not isinstance(told, dict) or not told.get("detail"):
        raise Violation(expected="what is wrong with the request, under `detail`", observed="nothing")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name}, which is no JSON")


@check(
    "errors.global.server-learns",
    level=PRACTICE,
    clause=CLAUSE,
    needs={"pattern:errors.global", "http.raises", "messages"},
)
async def test_exception_reaches_the_server_after_the_answer(probe: Probe) -> None:
    """An exception that a handler for all exceptions has answered should still leave the application.

    It is how the server comes to log it. A test client raises it in the test, unless it is told not to
    (`raise_server_exceptions=False`).

    Usual cause: middleware that catches everything and logs nothing.
    Usual mend: raise again after the answer.
    """
    try:
        response = await probe.request()
    except Blocked as reason:
        raise NotApplicable(str(reason)) from None
    if response.status != 500 or not response.body:
        raise Violation(expected="the handler's answer with status 500", observed=f"status {response.status}")
    if response.ending.how != "raised":
        raise Violation(expected="the exception at the server", observed=f"the call {response.ending.how}")
    probe.measured(f"status 500 with {len(response.body)} bytes, and {response.ending.error.partition(':')[0]} raised")
