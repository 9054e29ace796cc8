"""HTTP: methods that were not asked for by name, HEAD before all."""

from asgi_conformance import MUST, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.protocol.content import NO_CONTENT
from asgi_conformance.spec import RFC_9110


@check("http.head.content-length", level=MUST, clause=RFC_9110["section-8.6"], needs={"http"})
async def test_head_has_the_length_of_get(probe: Probe) -> None:
    """A `content-length` in the response to HEAD must be the length that the content has in the response to GET.

    HEAD is how clients ask for the size before they download. A HEAD that is refused is not judged.

    Usual cause: a handler of its own for HEAD that sends an empty response, whose length is 0.
    Usual mend: leave the header out, or let the handler of GET answer HEAD too; servers drop the content.
    """
    endless = "http.stream" in probe.route.capabilities and "http.finite" not in probe.route.capabilities
    if probe.route.method != "GET" or endless:
        raise NotApplicable("a response to GET whose length can be known")
    first = await probe.request()
    head = await probe.request(method="HEAD")
    second = await probe.request()
    told = head.head.get("content-length")
    if not (first.complete and second.complete) or first.status in NO_CONTENT:
        raise NotApplicable("a response to GET with content")
    if head.status != first.status or not 200 <= head.status < 300 or told is None:
        raise NotApplicable("a successful response to HEAD, with a length")
    if len(first.body) != len(second.body):
        raise NotApplicable("content that has the same length twice")
    if not told.strip().isdigit():
        raise Blocked("the content-length is not a number")
    if int(told) != len(first.body):
        raise Violation(expected=f"content-length {len(first.body)}, as for GET", observed=told)


@check("http.method.allow", level=MUST, clause=RFC_9110["section-15.5.6"], needs={"http"})
async def test_refused_method_says_which_are_allowed(probe: Probe) -> None:
    """A response with status 405 must have an `allow` header that names the methods that the address supports.

    Usual cause: 405 raised by hand; an error handler that makes a new response and drops the headers.
    Usual mend: `headers={"Allow": "GET, HEAD"}`; in an error handler pass `exc.headers` on.
    """
    response = await probe.request(method="CONFORMANCE")
    if response.status != 405:
        raise NotApplicable("a 405 to an unknown method")
    if response.head.get("allow") is None:
        raise Violation(expected="an allow header with status 405", observed="none")
