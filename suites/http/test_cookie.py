"""HTTP: the cookies that a response sets."""

import re
from email.utils import parsedate_to_datetime

from asgi_conformance import PRACTICE, SHOULD, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.http import pairs
from asgi_conformance.judging import response_start
from asgi_conformance.spec import Document

RFC_6265 = Document("RFC 6265, Cookies", "https://www.rfc-editor.org/rfc/rfc6265")
NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
VALUE = re.compile(r'"?[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"?')


async def _cookies(probe: Probe) -> list[tuple[str, str, dict[str, str]]]:
    """Name, value and attributes (names in lower case) of each cookie that the response sets."""
    start = await response_start(probe)
    found = []
    for name, line in pairs(start.get("headers")):
        if name.lower() == b"set-cookie":
            first, *rest = line.decode("latin-1").split(";")
            key, _, value = first.partition("=")
            split = (part.partition("=") for part in rest)
            found.append((key.strip(), value.strip(), {n.strip().lower(): v.strip() for n, _, v in split}))
    if not found:
        raise NotApplicable("a response that sets a cookie")
    return found


@check("http.cookie.grammar", level=SHOULD, clause=RFC_6265["section-4.1.1"], needs={"http", "messages"})
async def test_cookie_is_well_formed(probe: Probe) -> None:
    """A cookie should have a token as name and a value without blanks, quotes inside, commas and backslashes.

    Browsers take almost anything, and each library at the other end takes something else apart.

    Usual cause: JSON or a text of the user as the value.
    Usual mend: percent-encode it, or base64.
    """
    for name, value, attributes in await _cookies(probe):
        if not NAME.fullmatch(name):
            raise Violation(expected="a token as the cookie's name", observed=repr(name))
        if not VALUE.fullmatch(value):
            raise Violation(expected=f"a value of the cookie {name!r} without blanks and quotes", observed=repr(value))
        if "expires" in attributes:
            try:
                parsedate_to_datetime(attributes["expires"])
            except ValueError:
                raise Violation(expected="a date as 'expires'", observed=repr(attributes["expires"])) from None
        if "max-age" in attributes and not re.fullmatch(r"-?\d+", attributes["max-age"]):
            raise Violation(expected="a number as 'max-age'", observed=repr(attributes["max-age"]))


@check("http.cookie.cross-site-secure", level=PRACTICE, clause=RFC_6265["section-4.1.2"], needs={"http", "messages"})
async def test_cross_site_cookie_is_secure(probe: Probe) -> None:
    """A cookie with `SameSite=None` should be `Secure`: browsers drop it otherwise.

    Usual cause: `samesite="none"` for a frontend on another site, tried over plain HTTP.
    """
    for name, _, attributes in await _cookies(probe):
        if attributes.get("samesite", "").lower() == "none" and "secure" not in attributes:
            raise Violation(expected=f"Secure beside SameSite=None of {name!r}", observed="a cookie without it")


@check("http.cookie.prefix-kept", level=PRACTICE, clause=RFC_6265["section-4.1.2"], needs={"http", "messages"})
async def test_prefix_promises_are_kept(probe: Probe) -> None:
    """A cookie called `__Secure-…` should be `Secure`, one called `__Host-…` also have `Path=/` and no `Domain`.

    Browsers drop it otherwise.
    """
    for name, _, attributes in await _cookies(probe):
        lower = name.lower()
        if lower.startswith(("__secure-", "__host-")) and "secure" not in attributes:
            raise Violation(expected=f"Secure, as the name {name!r} promises", observed="a cookie without it")
        if lower.startswith("__host-") and ("domain" in attributes or attributes.get("path") != "/"):
            raise Violation(expected=f"Path=/ and no Domain, as the name {name!r} promises", observed=str(attributes))


@check("http.cookie.once", level=SHOULD, clause=RFC_6265["section-4.1.1"], needs={"http", "messages"})
async def test_cookie_is_set_once(probe: Probe) -> None:
    """A response should set a cookie of one name, domain and path once.

    Which of two wins is the browser's choice.

    Usual cause: an endpoint and middleware that both set the session.
    """
    seen = set()
    for name, _, attributes in await _cookies(probe):
        key = (name, attributes.get("domain", "").lower(), attributes.get("path", ""))
        if key in seen:
            raise Violation(expected=f"the cookie {name!r} once", observed="twice")
        seen.add(key)
