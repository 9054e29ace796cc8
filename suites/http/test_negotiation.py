"""HTTP: the media type of a response, and the client's choice of one."""

import re

from asgi_conformance import MUST, PRACTICE, SHOULD, NotApplicable, Probe, Violation, check
from asgi_conformance.protocol.content import NO_CONTENT
from asgi_conformance.spec import RFC_9110

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - a token of a grammar
PARAMETER = rf'[ \t]*;[ \t]*(?:{TOKEN}=(?:{TOKEN}|"(?:[^"\\]|\\.)*"))?'
MEDIA_TYPE = re.compile(rf"{TOKEN}/{TOKEN}(?:{PARAMETER})*[ \t]*")
CHOICES = (b"text/html", b"application/json", b"text/plain", b"*/*")


@check("http.content-type.present", level=SHOULD, clause=RFC_9110["section-8.3"], needs={"http", "messages"})
async def test_content_has_a_type(probe: Probe) -> None:
    """A response with content should have a `content-type`.

    Without one a browser guesses, and what a user has uploaded as text becomes a page with scripts.

    Usual cause: a response that was made by hand from bytes.
    """
    response = await probe.request()
    if not response.body or response.status in NO_CONTENT:
        raise NotApplicable("a response with content")
    if not response.head.get("content-type"):
        raise Violation(expected="a content-type", observed=f"{len(response.body)} bytes without one")


@check("http.content-type.valid", level=MUST, clause=RFC_9110["section-8.3.1"], needs={"http", "messages"})
async def test_content_type_is_a_media_type(probe: Probe) -> None:
    """A `content-type` must be a media type: `type/subtype`, and parameters behind semicolons.

    Usual cause: `json`, `utf-8`, a file's extension in its place.
    """
    value = (await probe.request()).head.get("content-type")
    if value is None:
        raise NotApplicable("a response with a content-type")
    if not MEDIA_TYPE.fullmatch(value.strip()):
        raise Violation(expected="type/subtype", observed=repr(value))


@check("http.negotiation.no-error", level=PRACTICE, clause=RFC_9110["section-12.5.1"], needs={"http"})
async def test_odd_wishes_are_no_error(probe: Probe) -> None:
    """A client's `accept` headers, however odd, should not lead to an error of the server.

    What cannot be offered is answered with what there is, or with a 406.

    Usual cause: a parser for `accept` that raises.
    """
    if (await probe.request()).status >= 500:
        raise NotApplicable("a route that answers without an error")
    for name in (b"accept", b"accept-language", b"accept-charset"):
        for wish in (b"application/x-conformance", b"", b";q=x, */*;q=2", b"\xff, text/*;;q=0.5"):
            response = await probe.request(headers=((name, wish),))
            if response.status >= 500:
                asked = f"{name.decode()}: {wish.decode('latin-1')}"
                raise Violation(expected=f"no error for {asked!r}", observed=f"status {response.status}")


@check("http.negotiation.vary", level=SHOULD, clause=RFC_9110["section-12.5.5"], needs={"http"})
async def test_negotiated_response_says_so(probe: Probe) -> None:
    """A response whose media type depends on the client's `accept` should say `vary: accept`.

    A cache gives one client's page to the next one's program otherwise.

    Usual cause: HTML for browsers and JSON for others at one address, without the header.
    """
    if probe.route.method != "GET":
        raise NotApplicable("a response to GET")
    found: dict[str, str] = {}
    for choice in CHOICES:
        response = await probe.request(headers=((b"accept", choice),))
        if 200 <= response.status < 300:
            kind = (response.head.get("content-type") or "").partition(";")[0].strip().lower()
            found[kind] = ", ".join(response.head.get_all("vary")).lower()
    if len(found) < 2:
        raise NotApplicable("a response whose media type depends on the request")
    for kind, vary in found.items():
        if not {"accept", "*"} & {word.strip() for word in vary.split(",")}:
            raise Violation(expected="vary: accept", observed=f"{vary or 'none'} beside {kind}")
