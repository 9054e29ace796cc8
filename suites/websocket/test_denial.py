"""ASGI extensions: the denial response, an HTTP response in place of an accepted websocket."""

from asgi_conformance import MUST, SHOULD, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.http import type_of
from asgi_conformance.protocol.events import DENIAL_BODY, DENIAL_START
from asgi_conformance.protocol.types import Message
from asgi_conformance.spec import ASGI_EXTENSIONS

from .conversation import CONNECT, LOSS, converse, end, problems, quiet, scope_for

CLAUSE = ASGI_EXTENSIONS["websocket-denial-response"]
NEEDS = {"websocket", "messages", "virtual-time"}
START, BODY = DENIAL_START.name, DENIAL_BODY.name


async def _denial(probe: Probe) -> list[Message]:
    """What is sent from the start of a denial response on; NotApplicable without one."""
    messages = list(await converse(probe))
    kinds = [type_of(message) for message in messages]
    if START not in kinds:
        raise NotApplicable("the handshake is not answered with a denial response")
    return messages


@check("websocket.denial.offered", level=MUST, clause=CLAUSE, needs={"websocket", "script"})
async def test_denial_only_where_offered(probe: Probe) -> None:
    """A denial response must be sent only where the scope offers `websocket.http.response`.

    Elsewhere the server does not know the events. The application has to refuse with a close there.

    Usual mend: `if "websocket.http.response" in scope.get("extensions", {})`, and a close otherwise.
    """
    if not await _answer(probe, {"websocket.http.response": {}}):
        raise Blocked("the handshake was not answered")
    for how, extensions in (("no extensions", ...), ("empty extensions", {})):
        answer = await _answer(probe, extensions)
        if START in answer or BODY in answer:
            raise Violation(expected=f"no denial response with {how}", observed="one")
        if not answer:
            raise Violation(expected=f"an accept or a close with {how}", observed="no answer to the handshake")


async def _answer(probe: Probe, extensions: object) -> list[object]:
    """The types of what is sent in answer to a handshake on a server with these extensions."""
    await probe.start()
    call = await probe.call(scope_for(probe, extensions=extensions), (CONNECT,), LOSS)
    await call.until(lambda: bool(call.sent), quiet(probe))
    call.leave()
    await end(call)
    return [type_of(message) for message in call.sent]


@check("websocket.denial.finished", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_denial_is_finished(probe: Probe) -> None:
    """A denial response must come to its end: a start, and bodies up to one without `more_body`.

    The client waits for the rest of an ordinary HTTP response.

    Usual cause: a start alone, because the status says everything. Usual mend: send one empty body.
    """
    messages = await _denial(probe)
    if not any(type_of(message) == BODY and not message.get("more_body") for message in messages):
        raise Violation(expected="a last body message of the denial response", observed="none")


@check("websocket.denial.nothing-else", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_denial_stands_alone(probe: Probe) -> None:
    """A denial response must be all that is said: no websocket event beside it, and nothing after its end.

    Usual cause: a close after the response, for safety. There is nothing to close.
    """
    kinds = [type_of(message) for message in await _denial(probe)]
    other = [kind for kind in kinds if kind not in {START, BODY}]
    if other or kinds.count(START) > 1:
        raise Violation(expected="one denial response and nothing else", observed=", ".join(map(str, kinds)))


@check("websocket.denial.content", level=SHOULD, clause=CLAUSE, needs=NEEDS)
async def test_denial_has_the_form_of_a_response(probe: Probe) -> None:
    """The events of a denial response should have the keys and types of the HTTP response events.

    That is: an int `status`, `headers` of byte pairs with lower-case names, a `body` of bytes.
    """
    messages = await _denial(probe)
    start = ("status", "headers", "header-case", "pseudo-headers")
    for problem in problems(messages, DENIAL_START, *(f"websocket.denial.{rule}" for rule in start)):
        raise Violation(expected=problem.expected, observed=problem.observed)
    for problem in problems(messages, DENIAL_BODY, "websocket.denial.bytes", "websocket.denial.more-body"):
        raise Violation(expected=problem.expected, observed=problem.observed)
    if type_of(messages[0]) != START:
        raise Blocked("the denial response does not begin with its start")
