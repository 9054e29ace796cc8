"""HTTP: the form of a response's header fields."""

import re

from asgi_conformance import MUST, PRACTICE, SHOULD, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.base import Head
from asgi_conformance.drivers.http import pairs
from asgi_conformance.judging import response_start
from asgi_conformance.protocol.problem import show
from asgi_conformance.spec import ASGI_HTTP, RFC_9110

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')
URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
FRAMING = ASGI_HTTP["response-start-send-event"]
ONCE = (
    "age",
    "content-disposition",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "retry-after",
    "server",
)


async def _head(probe: Probe) -> Head:
    """What the application itself has sent: servers add headers of their own, and refuse bad ones."""
    start = await response_start(probe)
    status = start.get("status")
    return Head(status if isinstance(status, int) else 0, pairs(start.get("headers")))


@check("http.headers.no-control-characters", level=MUST, clause=RFC_9110["section-5.5"], needs={"http", "messages"})
async def test_values_have_no_line_breaks(probe: Probe) -> None:
    """A header value must not contain CR, LF or NUL.

    Whoever can put a line break into a header value writes the rest of the response: another header, or another
    response. Some servers refuse it, others send it.

    Usual cause: input of the user in a redirect, a cookie or a file name; a text with its final line break.
    Usual mend: percent-encode, or refuse, what comes from outside.
    """
    for name, value in (await _head(probe)).headers:
        if any(byte in value for byte in (b"\r", b"\n", b"\0")):
            raise Violation(expected="a header value in one line", observed=f"{show(name)}: {show(value)}")


@check("http.headers.names", level=MUST, clause=RFC_9110["section-5.1"], needs={"http", "messages"})
async def test_names_are_tokens(probe: Probe) -> None:
    """A header name must be a token: letters, digits and some signs, no space, no colon.

    Usual cause: a name made of data, such as a title; a whole `name: value` in the place of the name.
    """
    for name, _ in (await _head(probe)).headers:
        if not TOKEN.fullmatch(name) and not name.startswith(b":"):
            raise Violation(expected="a token as header name", observed=show(name))


@check("http.headers.single", level=MUST, clause=RFC_9110["section-5.3"], needs={"http", "messages"})
async def test_single_headers_occur_once(probe: Probe) -> None:
    """A header that has one value must not be sent twice: `content-type`, `location`, `etag` and their like.

    Recipients take the first, the last or none of them.

    Usual cause: middleware that appends where it means to replace.
    """
    head = await _head(probe)
    for name in ONCE:
        if len(values := head.get_all(name)) > 1:
            raise Violation(expected=f"one {name}", observed=", ".join(show(value) for value in values))


@check("http.etag.quoted", level=MUST, clause=RFC_9110["section-8.8.3"], needs={"http", "messages"})
async def test_entity_tag_is_quoted(probe: Probe) -> None:
    """The value of `etag` must be a quoted string, with `W/` before it if it is weak.

    Caches and browsers that take the grammar at its word ignore anything else, so every request fetches the
    content anew.

    Usual cause: a hash or a version number as it is.
    Usual mend: `f'"{value}"'`.
    """
    tag = (await _head(probe)).get("etag")
    if tag is None:
        raise NotApplicable("an entity tag")
    if not ENTITY_TAG.fullmatch(tag):
        raise Violation(expected="a tag in double quotes", observed=show(tag))


@check("http.redirect.location", level=SHOULD, clause=RFC_9110["section-15.4"], needs={"http", "messages"})
async def test_redirect_says_where_to(probe: Probe) -> None:
    """A redirect (301, 302, 303, 307 or 308) should have a `location`.

    Usual cause: a response with one of these statuses that was not made by the framework's redirect.
    """
    head = await _head(probe)
    if head.status not in {301, 302, 303, 307, 308}:
        raise NotApplicable("a redirect")
    if not head.get("location"):
        raise Violation(expected=f"a location with status {head.status}", observed="none")


@check("http.redirect.location-valid", level=MUST, clause=RFC_9110["section-10.2.2"], needs={"http", "messages"})
async def test_location_is_an_address(probe: Probe) -> None:
    """A `location` must be a URI: ASCII, without blanks, other characters percent-encoded.

    Clients repair it in different ways, or refuse it.

    Usual cause: a title or a search term of the user in an f-string.
    Usual mend: `urllib.parse.quote`; `RedirectResponse` quotes by itself.
    """
    location = (await _head(probe)).get("location")
    if location is None:
        raise NotApplicable("a response with a location")
    if not URI.fullmatch(location):
        raise Violation(expected="a URI", observed=show(location))


@check("http.headers.no-transfer-encoding", level=PRACTICE, clause=FRAMING, needs={"http", "messages"})
async def test_framing_is_the_servers(probe: Probe) -> None:
    """A response should have no `transfer-encoding` of the application's: how it is framed is the server's business.

    A server is to drop it. One that sends it, beside a length or without chunks, makes the response unreadable.

    Usual cause: the headers of another server's response, passed on by a proxy.
    Usual mend: leave out what belongs to one connection: `connection`, `keep-alive`, `transfer-encoding`, `upgrade`.
    """
    if (value := (await _head(probe)).get("transfer-encoding")) is not None:
        raise Violation(expected="no transfer-encoding", observed=show(value))


@check("http.unauthorized.challenge", level=MUST, clause=RFC_9110["section-15.5.2"], needs={"http", "messages"})
async def test_unauthorized_says_how(probe: Probe) -> None:
    """A response with status 401 must have a `www-authenticate` that says how to authenticate.

    Usual cause: 401 raised by hand for a missing or wrong token.
    Usual mend: `headers={"WWW-Authenticate": "Bearer"}`; 403 where no credentials would help.
    """
    head = await _head(probe)
    if head.status != 401:
        raise NotApplicable("a response with status 401")
    if not head.get("www-authenticate"):
        raise Violation(expected="a www-authenticate with status 401", observed="none")
