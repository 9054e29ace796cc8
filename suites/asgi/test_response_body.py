"""ASGI HTTP: the ``http.response.body`` event."""

from asgi_conformance import MUST, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.http import ends_body, type_of
from asgi_conformance.judging import BODY, only, require_of
from asgi_conformance.protocol.events import RESPONSE_BODY
from asgi_conformance.spec import ASGI_HTTP

CLAUSE = ASGI_HTTP["response-body-send-event"]


@check("asgi.response-body.bytes", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_body_is_bytes(probe: Probe) -> None:
    """The `body` of each `http.response.body` must be a byte string.

    Servers raise on anything else, or fail far away from the line that is wrong. `bytearray` and
    `memoryview` are no byte strings either.

    Usual cause: a pure ASGI application that sends text without encoding it, or a memoryview as it came.
    Usual mend: `text.encode()`, `bytes(view)`.
    """
    response = await probe.request()
    for message in only(BODY, response.messages):
        require_of(RESPONSE_BODY, message, "http.response-body.bytes")


@check("asgi.response-body.more-body-bool", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_more_body_is_bool(probe: Probe) -> None:
    """The `more_body` of each `http.response.body` must be a boolean, where it is there.

    Usual cause: a count or a chunk in its place, which is taken for true or false as it happens to be.
    Usual mend: `bool(rest)`.
    """
    response = await probe.request()
    for message in only(BODY, response.messages):
        require_of(RESPONSE_BODY, message, "http.response-body.more-body")


@check("asgi.response-body.nothing-after-end", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_nothing_follows_final_body(probe: Probe) -> None:
    """Nothing must follow the `http.response.body` that ends the response.

    Servers raise on whatever comes after it, or drop it silently.

    Usual cause: middleware that sends a body of its own after calling the application.
    """
    response = await probe.request()
    ends = [number for number, message in enumerate(response.messages) if ends_body(message)]
    if not ends:
        raise NotApplicable("a response that comes to its end")
    # A second start is told by the check that there is one only, trailers may follow.
    late = [type_of(m) for m in response.messages[ends[0] + 1 :]]
    late = [kind for kind in late if kind not in {"http.response.start", "http.response.trailers"}]
    if late:
        raise Violation(expected="no message after the final body", observed=", ".join(map(str, late)))
