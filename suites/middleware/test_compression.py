"""Middleware: a compressed response is the same response."""

import zlib
from dataclasses import replace

from asgi_conformance import MUST, SHOULD, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Headers, Response
from asgi_conformance.drivers.exchange import read_response
from asgi_conformance.spec import RFC_9110

NEEDS = {"http", "http.finite"}
WITHIN = 60.0
CODINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
RANGE = (b"range", b"bytes=0-9")


@check("middleware.compression.intact", level=MUST, clause=RFC_9110["section-8.4"], needs=NEEDS)
async def test_compressed_content_is_the_same(probe: Probe) -> None:
    """A response with a `content-encoding` must decode to what a client without compression gets.

    Usual cause: a layer that compresses what is compressed already; one that sets the header and sends the body
    as it was; one whose last part is never flushed.
    Usual mend: leave responses alone that have a `content-encoding`; end the compressor with the body.
    """
    coded, plain, again = await _coded(probe), await _plain(probe), await _plain(probe)
    content, whole = _decoded(coded), _decoded(plain)
    # What an application says anew each time, such as the time of day, cannot be compared.
    if plain.status == coded.status and whole == _decoded(again) and content != whole:
        raise Violation(expected=f"{len(whole)} bytes after decoding", observed=_other(content, whole))


def _other(content: bytes, plain: bytes) -> str:
    return f"{len(content)} bytes" if len(content) != len(plain) else "other bytes"


@check("middleware.compression.length", level=MUST, clause=RFC_9110["section-8.6"], needs=NEEDS)
async def test_length_of_compressed_content(probe: Probe) -> None:
    """The `content-length` of a compressed response must be the length of what is sent.

    Servers cut what is too long, and break the connection when something is missing.

    Usual cause: a layer that compresses the body and leaves the length of the original.
    Usual mend: set the header from the compressed body, or leave it out.
    """
    coded = await _coded(probe)
    for length in coded.head.get_all("content-length"):
        if length.isdigit() and int(length) != len(coded.body):
            raise Violation(expected=f"{length} bytes of content", observed=f"{len(coded.body)} bytes")


@check("middleware.compression.vary", level=SHOULD, clause=RFC_9110["section-12.5.5"], needs=NEEDS)
async def test_compressed_response_says_what_it_depends_on(probe: Probe) -> None:
    """A response that is compressed because the client asked for it should say `vary: accept-encoding`.

    A cache between hands the compressed body to clients that cannot read it.

    Usual cause: compression written by hand.
    Usual mend: add `accept-encoding` to the `vary` header wherever the layer has looked at it.
    """
    coded, plain = await _coded(probe), await _plain(probe)
    if plain.head.get("content-encoding"):
        raise NotApplicable("a response that is compressed on demand only")
    if "no-store" in (coded.head.get("cache-control") or "").lower():
        raise NotApplicable("a response that may be stored")
    varies = {name.strip().lower() for value in coded.head.get_all("vary") for name in value.split(",")}
    if not varies & {"accept-encoding", "*"}:
        raise Violation(expected="vary: accept-encoding", observed=", ".join(sorted(varies)) or "no vary")


@check("middleware.compression.etag", level=MUST, clause=RFC_9110["section-8.8.3.3"], needs=NEEDS)
async def test_compressed_response_has_its_own_tag(probe: Probe) -> None:
    """A strong `etag` must not be the same on a compressed response and on the plain one.

    A strong tag promises the same bytes. A cache that has one of the two continues a download with bytes of the
    other, and the file is damaged.

    Usual cause: a compressing layer around an application that sets tags, such as one that serves files.
    Usual mend: make the tag weak (`W/` in front) or another one where the body is compressed.
    """
    coded, plain = await _coded(probe), await _plain(probe)
    tag = coded.head.get("etag")
    if tag is None or plain.head.get("content-encoding"):
        raise NotApplicable("an entity tag on a response that is compressed on demand")
    if tag == plain.head.get("etag") and not tag.startswith("W/"):
        raise Violation(expected="another tag than on the plain response, or a weak one", observed=tag)


@check("middleware.compression.range", level=MUST, clause=RFC_9110["section-14.4"], needs=NEEDS)
async def test_part_of_a_response_is_that_part(probe: Probe) -> None:
    """The content of a 206 must be the bytes that its `content-range` names, also for clients that take gzip.

    The range counts bytes of the file. Compressed afterwards the part fits nowhere, and a continued download is
    damaged.

    Usual cause: a layer that compresses whatever is large enough or has the right type, a 206 included.
    Usual mend: leave a 206, and every response with a `content-range`, alone.
    """
    part = await _get(probe, (b"accept-encoding", b"gzip"), RANGE)
    told = (part.head.get("content-range") or "").removeprefix("bytes ").partition("/")[0].split("-")
    if part.status != 206 or len(told) != 2 or not all(place.isdigit() for place in told):
        raise NotApplicable("a response to a request for a part")
    wanted = int(told[1]) - int(told[0]) + 1
    if len(part.body) != wanted:
        raise Violation(expected=f"{wanted} bytes of content", observed=f"{len(part.body)} bytes")


async def _plain(probe: Probe) -> Response:
    return await _get(probe)


async def _coded(probe: Probe) -> Response:
    """The response to a client that takes gzip. Raises NotApplicable where it is not compressed."""
    response = await _get(probe, (b"accept-encoding", b"gzip"))
    if not 200 <= response.status <= 299 or not response.head.get("content-encoding") or not response.body:
        raise NotApplicable("a compressed response")
    return response


async def _get(probe: Probe, *headers: tuple[bytes, bytes]) -> Response:
    """The response to the route's request, with these headers in the place of its own on encodings and ranges."""
    if probe.route.method != "GET":
        raise NotApplicable("a response to GET")
    await probe.start()
    request = probe.http_request()
    kept: Headers = tuple(pair for pair in request.headers if pair[0] not in {b"accept-encoding", b"range"})
    try:
        response = await read_response(await probe.driver.http(replace(request, headers=kept + headers)), within=WITHIN)
    except Unanswered as reason:
        raise Blocked(str(reason)) from None
    if not response.complete:
        raise Blocked("the response is not complete")
    return response


def _decoded(response: Response) -> bytes:
    """The content without its coding. Raises Violation where that is not what the header says."""
    coding = (response.head.get("content-encoding") or "identity").strip().lower()
    if coding == "identity":
        return response.body
    if coding not in CODINGS:
        raise NotApplicable(f"content in gzip or deflate: it is in {coding}")
    decoder = zlib.decompressobj(CODINGS[coding])
    try:
        content = decoder.decompress(response.body) + decoder.flush()
    except zlib.error as error:
        raise Violation(expected=f"content in {coding}", observed=f"content that cannot be decoded: {error}") from None
    if not decoder.eof:
        raise Violation(expected=f"content in {coding}, to its end", observed="content that breaks off")
    return content
