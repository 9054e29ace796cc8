"""HTTP: statuses whose responses have no content."""

from asgi_conformance import MUST, PRACTICE, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.http import payload
from asgi_conformance.judging import response_start
from asgi_conformance.protocol.content import NO_CONTENT
from asgi_conformance.spec import RFC_9110


@check("http.no-content.no-body", level=MUST, clause=RFC_9110["section-6.4.1"], needs={"http", "messages"})
async def test_no_content_means_no_body(probe: Probe) -> None:
    """A response with status 204, 205 or 304 must not have content.

    The client does not look for any, and takes the bytes for the beginning of the next response. Servers raise,
    drop them, or send them.

    Usual cause: a JSON response with status 204, whose content is `null`.
    Usual mend: a response class without content: `Response(status_code=204)`.
    """
    if (await response_start(probe)).get("status") not in NO_CONTENT:
        raise NotApplicable("a response with a status that forbids content")
    response = await probe.request()
    if size := sum(len(payload(message)) for message in response.messages):
        raise Violation(expected=f"no content with status {response.status}", observed=f"{size} bytes")


@check("http.status.final", level=PRACTICE, clause=RFC_9110["section-15"], needs={"http", "messages"})
async def test_status_is_final(probe: Probe) -> None:
    """The status of a response should be a final one, from 200 to 599.

    A client waits for another response after a 1xx, and has no idea of a 600. Servers refuse some of them.

    Usual cause: an application's own error code used as the status.
    Usual mend: 400 or 500, with the code in the body.
    """
    status = (await response_start(probe)).get("status")
    if isinstance(status, int) and not 200 <= status <= 599:
        raise Violation(expected="a status from 200 to 599", observed=str(int(status)))
