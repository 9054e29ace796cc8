"""What checks of HTTP messages say again and again: find the messages, call with a chosen scope, raise the finding."""

from collections.abc import Iterable
from typing import Any

from asgi_conformance import waits
from asgi_conformance.check import Blocked, NotApplicable, Violation
from asgi_conformance.drivers.base import Response, Unanswered
from asgi_conformance.drivers.call import Call
from asgi_conformance.drivers.http import ends_body, type_of
from asgi_conformance.faults import NO_FAULTS, Faults
from asgi_conformance.probe import Probe
from asgi_conformance.protocol.problem import Problem
from asgi_conformance.protocol.shape import Shape
from asgi_conformance.protocol.types import Message
from asgi_conformance.waits import Limit

START, BODY = "http.response.start", "http.response.body"


def only(kind: str, messages: Iterable[Any]) -> list[Message]:
    """The messages of that type; what is no dict is left out."""
    return [message for message in messages if type_of(message) == kind]


def starts(response: Response) -> list[Message]:
    """The response starts that the application sent, at least one.

    Raises NotApplicable when the application raised instead, and Blocked when there is none.
    """
    found = only(START, response.messages)
    if not found and response.ending.how == "raised":
        raise NotApplicable("a response from the application: it raises instead")
    if not found:
        raise Blocked("there is no response start")
    return found


async def response_start(probe: Probe) -> Message:
    """The response start that the application sends for the route; the client leaves without the body.

    Raises NotApplicable when the application raises instead, and Blocked when there is none.
    """
    async with probe.exchange() as exchange:
        silence = "there is no response start"
        try:
            await waits.head(exchange, Limit(60.0, 10.0))
        except Unanswered as reason:
            silence = str(reason)
        found = only(START, exchange.messages)
        if not found and (await exchange.ending(0.0)).how == "raised":
            raise NotApplicable("a response from the application: it raises instead")
        if not found:
            raise Blocked(silence)
        return found[0]


def require(problems: Iterable[Problem], *rules: str, at: Message | None = None) -> None:
    """Raise Violation for the first problem that is about one of the rules of the protocol tables; `at` is whose."""
    for problem in problems:
        if problem.rule in rules:
            raise Violation(expected=problem.expected, observed=problem.observed, at=at)


def require_of(shape: Shape, message: Message, *rules: str) -> None:
    """The same, for the problems that a message has with its shape."""
    require(shape.problems(message), *rules, at=message)


def ended(messages: Iterable[Any]) -> bool:
    """Whether the message that ends the response body is among them."""
    return any(ends_body(message) for message in messages)


async def http_call(
    probe: Probe,
    *,
    spec_version: str | None = None,
    inbox: Iterable[Message] | None = None,
    farewell: Message | None = None,
    faults: Faults = NO_FAULTS,
    window: int | None = None,
    scope: dict[str, Any] | None = None,
) -> Call:
    """Call the application for the route (needs ``script``).

    Args:
        probe: the check's probe.
        spec_version: what the scope claims, where it matters.
        inbox: the messages of the request; by default one ``http.request`` with the route's body.
        farewell: what `receive` gives at the end; None lets it wait for ever.
        faults: what goes wrong.
        window: the application waits in `send` while more messages than this are unread.
        scope: keys that replace or extend those of the scope; ``...`` takes a key out.
    """
    await probe.start()
    request = probe.http_request()
    made = probe.inprocess.http_scope(request)
    if spec_version is not None:
        made["asgi"] = {"version": "3.0", "spec_version": spec_version}
    made |= scope or {}
    made = {key: value for key, value in made.items() if value is not ...}
    if inbox is None:
        inbox = [{"type": "http.request", "body": request.body, "more_body": False}]
    return await probe.call(made, inbox, farewell, faults=faults, window=window)
