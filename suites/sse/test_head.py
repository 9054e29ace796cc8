"""Server-sent events: HEAD, which asks for the head alone."""

from asgi_conformance import PRACTICE, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.spec import RFC_9110

from .stream import OPENS_WITHIN, is_virtual


@check("sse.head.no-stream", level=PRACTICE, clause=RFC_9110["section-9.3.2"], needs={"sse"})
async def test_head_opens_no_stream(probe: Probe) -> None:
    """The response to HEAD should be over at once; it should not open the stream.

    Nobody can read the events. The client has its answer and may keep the connection, so that the stream goes on
    for as long as the server runs. A refusal (405) is fine.

    Usual cause: a router that answers HEAD with the handler of GET.
    Usual mend: allow GET alone, or return an empty response for `request.method == "HEAD"`.
    """
    if probe.route.method != "GET":
        raise NotApplicable("a route for GET")
    within = 5.0 if is_virtual(probe) else 2.0
    async with probe.exchange(method="HEAD") as exchange:
        try:
            head = await exchange.head(OPENS_WITHIN)
        except Unanswered as reason:
            raise Violation(expected=f"a response to HEAD within {OPENS_WITHIN:g} s", observed=str(reason)) from reason
        ending = await exchange.ending(within)
        if ending.how == "running":
            observed = f"status {head.status}, and a call that goes on for {within:g} s"
            raise Violation(expected="an end of the response to HEAD", observed=observed)
