"""HTTP: a client asks whether what it has is still good."""

from asgi_conformance import CLAIM, Blocked, Probe, Violation, check
from asgi_conformance.spec import RFC_9110


@check("http.caching.not-modified", level=CLAIM, clause=RFC_9110["section-13.1.2"], needs={"http.caching"})
async def test_known_content_is_not_sent_again(probe: Probe) -> None:
    """A request with `if-none-match` and the present entity tag must get a 304 without content.

    That is what an entity tag is for: without a 304 the client downloads what it has.

    Usual cause: an `etag` that is set on the response, while nobody reads `if-none-match`.
    Usual mend: compare before the content is made; static file handlers do it by themselves.
    """
    first = await probe.request()
    tag = first.head.get("etag")
    if first.status != 200 or tag is None:
        raise Blocked("there is no content with an entity tag")
    second = await probe.request(headers=((b"if-none-match", tag.encode("latin-1")),))
    if second.status != 304:
        raise Violation(expected="status 304", observed=f"status {second.status}, {len(second.body)} bytes")
