"""ASGI HTTP: the ``http.response.body`` event."""

from asgi_conformance import MUST, Blocked, Probe, Violation, check
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
    for message in response.messages:
        if message.get("type") == "http.response.body" and type(message.get("body", b"")) is not bytes:
            raise Violation(expected="a byte string", observed=f"an object of type {type(message['body']).__name__}")


@check("asgi.response-body.nothing-after-end", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_nothing_follows_final_body(probe: Probe) -> None:
    """Nothing must follow the `http.response.body` that ends the response.

    Servers raise on whatever comes after it, or drop it silently.

    Usual cause: middleware that sends a body of its own after calling the application.
    """
    response = await probe.request()
    ends = [i for i, m in enumerate(response.messages) if m["type"] == "http.response.body" and not m.get("more_body")]
    if not ends:
        raise Blocked("the response has no end")
    if late := response.messages[ends[0] + 1 :]:
        raise Violation(expected="no message after the final body", observed=", ".join(m["type"] for m in late))
