"""HTTP: a client asks whether what it has is still good."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from asgi_conformance import CLAIM, MUST, Blocked, NotApplicable, Probe, Response, Violation, check
from asgi_conformance.spec import RFC_9110

LONG_AGO = b"Thu, 01 Jan 1970 00:00:00 GMT"
OTHER_TAG = b'"conformance-another-tag"'
KEPT = ("cache-control", "content-location", "etag", "expires", "vary")  # of a 200, in its 304 (besides date)


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


async def _validated(probe: Probe, validator: str) -> tuple[Response, bytes]:
    """A successful response with that header, and its value. Raises NotApplicable where there is none."""
    if probe.route.method not in {"GET", "HEAD"} or "http.endless" in probe.route.capabilities:
        raise NotApplicable("a response to GET or HEAD that can be cached")
    first = await probe.request()
    value = first.head.get(validator)
    if first.status != 200 or value is None:
        raise NotApplicable(f"a successful response with {validator}")
    return first, value.encode("latin-1")


@check("http.caching.other-tag", level=MUST, clause=RFC_9110["section-13.1.2"], needs={"http"})
async def test_other_tag_gets_the_content(probe: Probe) -> None:
    """A request whose `if-none-match` names another entity tag must get the content, not a 304.

    The client would go on showing what is out of date.

    Usual cause: a 304 for whoever sends `if-none-match`; a comparison of part of the tag.
    """
    await _validated(probe, "etag")
    answer = await probe.request(headers=((b"if-none-match", OTHER_TAG),))
    if answer.status == 304:
        raise Violation(expected="the content, for a client that has another version", observed="status 304")


@check("http.caching.modified-since", level=MUST, clause=RFC_9110["section-13.1.3"], needs={"http"})
async def test_modified_content_is_sent(probe: Probe) -> None:
    """A request with an `if-modified-since` before the `last-modified` must get the content, not a 304.

    Usual cause: dates that are compared as text; a 304 for whoever sends the header.
    """
    _, value = await _validated(probe, "last-modified")
    if value == LONG_AGO:
        raise NotApplicable("content that was modified later than in 1970")
    answer = await probe.request(headers=((b"if-modified-since", LONG_AGO),))
    if answer.status == 304:
        raise Violation(expected="the content, for a client that has an older version", observed="status 304")


@check("http.caching.tag-before-date", level=MUST, clause=RFC_9110["section-13.1.3"], needs={"http"})
async def test_tag_counts_more_than_date(probe: Probe) -> None:
    """A request with `if-none-match` and `if-modified-since` must be judged by the tag, and the date be ignored.

    A date has a resolution of a second: what was changed twice in one has the same date, and another tag.

    Usual cause: a 304 as soon as one of the two agrees.
    """
    _, date = await _validated(probe, "last-modified")
    await _validated(probe, "etag")
    answer = await probe.request(headers=((b"if-none-match", OTHER_TAG), (b"if-modified-since", date)))
    if answer.status == 304:
        raise Violation(expected="the content, for a client that has another tag", observed="status 304")


@check("http.caching.headers-of-304", level=MUST, clause=RFC_9110["section-15.4.5"], needs={"http", "messages"})
async def test_304_has_the_headers_of_its_200(probe: Probe) -> None:
    """A 304 must have the `etag`, `cache-control`, `content-location`, `expires` and `vary` of the 200 it stands for.

    A cache updates what it has by them; without them it may drop the lifetime, or mix up variants.

    Usual cause: `Response(status_code=304)` without headers, in the endpoint or in middleware.
    """
    first, tag = await _validated(probe, "etag")
    answer = await probe.request(headers=((b"if-none-match", tag),))
    if answer.status != 304:
        raise NotApplicable("a 304 for the present entity tag")
    missing = [name for name in KEPT if first.head.get(name) is not None and answer.head.get(name) is None]
    if missing:
        raise Violation(expected=f"{', '.join(missing)} as in the 200", observed="a 304 without")


@check("http.last-modified.date", level=MUST, clause=RFC_9110["section-8.8.2"], needs={"http", "messages"})
async def test_last_modified_is_a_date(probe: Probe) -> None:
    """A `last-modified` must be a date as HTTP writes it, such as `Sun, 06 Nov 1994 08:49:37 GMT`, and not to come.

    Usual cause: `isoformat()`, a timestamp, local time.
    Usual mend: `email.utils.format_datetime(when, usegmt=True)`.
    """
    _, value = await _validated(probe, "last-modified")
    text = value.decode("latin-1")
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        raise Violation(expected="a date of HTTP", observed=text) from None
    if when.tzinfo is None or format_datetime(when.astimezone(UTC), usegmt=True) != text:
        raise Violation(expected="a date of HTTP, in GMT", observed=text)
    # A day of grace: clocks of containers and file servers differ.
    if (when - datetime.now(UTC)).total_seconds() > 86_400:
        raise Violation(expected="a date that is not to come", observed=text)
