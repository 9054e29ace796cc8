"""HTTP: the ``content-length`` of a response, and the length that its content has."""

from asgi_conformance import MUST, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.http import payload
from asgi_conformance.judging import START, ended, only, response_start
from asgi_conformance.protocol.content import NO_CONTENT, NO_LENGTH
from asgi_conformance.protocol.headers import values_of
from asgi_conformance.protocol.problem import show
from asgi_conformance.spec import RFC_9110

CLAUSE = RFC_9110["section-8.6"]


@check("http.content-length.valid", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_content_length_is_a_number(probe: Probe) -> None:
    """The `content-length` of a response must be one number in decimal digits.

    With two of them, or with something else, client and server may disagree about where the response ends, and
    read the next one from the wrong place.

    Usual cause: middleware that adds its own beside the one that is there; a length that was never computed.
    Usual mend: replace the header instead of appending it.
    """
    values = await _lengths(probe)
    if len(values) > 1 or (values and not values[0].isdigit()):
        raise Violation(expected="one number", observed=", ".join(show(value) for value in values))


@check("http.content-length.matches-body", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_content_length_matches_content(probe: Probe) -> None:
    """A response must have as many bytes of content as its `content-length` says.

    A server cuts what is too long, and has to break the connection when something is missing.

    Usual cause: middleware that changes the body and leaves the header; a length in characters instead of bytes;
    a file that grew or shrank.
    Usual mend: compute the length from the encoded body, or leave the header out.
    """
    if probe.route.method == "HEAD":
        raise NotApplicable("a response with content")
    values = await _lengths(probe)
    if not values:
        raise NotApplicable("a response whose length is told")
    if len(values) > 1 or not values[0].isdigit():
        raise Blocked("the content-length is not one number")
    response = await probe.request()
    if response.status in NO_CONTENT:
        raise NotApplicable("a response with content")
    if len(only(START, response.messages)) > 1 or only("http.response.zerocopysend", response.messages):
        raise Blocked("the response is not made of one start and its body")
    promised, sent = int(values[0]), 0
    for message in response.messages:
        sent += len(payload(message))
        if ended([message]):
            break
    if sent > promised or (sent < promised and ended(response.messages)):
        raise Violation(expected=f"{promised} bytes of content", observed=f"{sent} bytes")


@check("http.content-length.not-without-content", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_no_content_has_no_length(probe: Probe) -> None:
    """A response with status 204 must not have a `content-length`.

    Usual cause: a framework's ordinary response, with its headers, whose status was changed to 204.
    Usual mend: a response class without content.
    """
    status = (await response_start(probe)).get("status")
    if status not in NO_LENGTH:
        raise NotApplicable("a response with status 204")
    if values := await _lengths(probe):
        raise Violation(expected=f"no content-length with status {status}", observed=show(values[0]))


async def _lengths(probe: Probe) -> list[bytes]:
    """The values of the header, where the headers are pairs of bytes at all; another check is about that."""
    start = await response_start(probe)
    try:
        values = values_of(start.get("headers", ()), b"content-length") or []
        return [value.strip(b" \t") for value in values]
    except (TypeError, ValueError, AttributeError) as error:
        raise Blocked("the headers are no pairs of byte strings") from error
