"""HTTP: a client asks for a part of the content."""

import re

from asgi_conformance import MUST, SHOULD, NotApplicable, Probe, Response, Violation, check
from asgi_conformance.spec import RFC_9110

CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


async def _whole(probe: Probe) -> Response:
    """The whole content. Raises NotApplicable where no part of it can be asked for."""
    if probe.route.method != "GET" or "http.endless" in probe.route.capabilities:
        raise NotApplicable("a response to GET that comes to an end")
    whole = await probe.request()
    if whole.status != 200 or not whole.complete or len(whole.body) < 4:
        raise NotApplicable("a successful response with some content")
    if whole.head.get("content-encoding") is not None:
        raise NotApplicable("content that is not encoded")
    return whole


async def _part(probe: Probe, asked: str, **headers: bytes) -> Response:
    more = tuple((name.replace("_", "-").encode(), value) for name, value in headers.items())
    return await probe.request(headers=((b"range", asked.encode("ascii")), *more))


@check("http.range.right-bytes", level=MUST, clause=RFC_9110["section-15.3.7"], needs={"http"})
async def test_part_is_what_was_asked_for(probe: Probe) -> None:
    """A 206 must have the bytes that were asked for, a `content-range` that names them, and a length to match.

    Players and download managers put the parts together by these numbers. Ignoring `range` is allowed.

    Usual cause: an end that is taken for exclusive; a suffix (`bytes=-500`) taken for an offset.
    """
    whole = await _whole(probe)
    size = len(whole.body)
    asked = {
        "bytes=0-0": (0, 1),
        "bytes=1-2": (1, 3),
        "bytes=-2": (size - 2, size),
        f"bytes={size - 1}-": (size - 1, size),
    }
    for ask, (first, end) in asked.items():
        part = await _part(probe, ask)
        if part.status != 206:
            raise NotApplicable("a server of parts")
        if (await probe.request()).body != whole.body:
            raise NotApplicable("content that is the same twice")
        expected = f"bytes {first}-{end - 1}/{size}"
        if part.head.get("content-range") not in {expected, f"bytes {first}-{end - 1}/*"}:
            raise Violation(expected=f"content-range {expected}", observed=str(part.head.get("content-range")))
        if part.body != whole.body[first:end]:
            raise Violation(expected=f"{end - first} bytes for {ask}", observed=f"{len(part.body)} other bytes")
        if part.head.get("content-length") not in {None, str(end - first)}:
            raise Violation(expected=f"content-length {end - first}", observed=str(part.head.get("content-length")))


@check("http.range.unsatisfiable", level=SHOULD, clause=RFC_9110["section-15.5.17"], needs={"http"})
async def test_part_behind_the_end_is_refused(probe: Probe) -> None:
    """A request for a part behind the end should get a 416 with `content-range: bytes */LENGTH`, not another part.

    Usual cause: an offset that is cut to the length; an exception.
    """
    whole = await _whole(probe)
    if (await _part(probe, "bytes=0-0")).status != 206:
        raise NotApplicable("a server of parts")
    part = await _part(probe, f"bytes={len(whole.body) + 10}-")
    if part.status == 200 and part.body == whole.body:
        return  # a range may always be ignored
    if part.status != 416:
        raise Violation(expected="status 416", observed=f"status {part.status}")
    if part.head.get("content-range") != f"bytes */{len(whole.body)}":
        observed = str(part.head.get("content-range"))
        raise Violation(expected=f"content-range bytes */{len(whole.body)}", observed=observed)


@check("http.range.if-range", level=MUST, clause=RFC_9110["section-13.1.5"], needs={"http"})
async def test_changed_content_is_sent_whole(probe: Probe) -> None:
    """A request for a part whose `if-range` names another version must get the whole content.

    Otherwise the client joins the halves of two files.

    Usual cause: `range` is served without a look at `if-range`.
    """
    await _whole(probe)
    if (await _part(probe, "bytes=0-0")).status != 206:
        raise NotApplicable("a server of parts")
    part = await _part(probe, "bytes=1-2", if_range=b'"conformance-another-tag"')
    if part.status == 206:
        raise Violation(expected="the whole content, of which the client has another version", observed="a part")


@check("http.range.malformed", level=MUST, clause=RFC_9110["section-14.2"], needs={"http"})
async def test_malformed_range_does_no_harm(probe: Probe) -> None:
    """A `range` that makes no sense, or has an unknown unit, must not lead to an error of the server.

    It is ignored, or refused with a 4xx.
    """
    await _whole(probe)
    for ask in ("bytes=", "bytes=b-a", "bytes=2-1", "lines=1-2", "bytes=-", "bytes=0-0,"):
        part = await _part(probe, ask)
        if part.status >= 500:
            raise Violation(expected=f"the content, or a refusal, for range: {ask}", observed=f"status {part.status}")
