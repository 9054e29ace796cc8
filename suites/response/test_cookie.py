"""Cookies: they are sent, with what protects them, and carry no more than their value."""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from asgi_conformance import MUST, PRACTICE, Probe, Violation, check
from asgi_conformance.spec import PRACTICES, RFC_6265

from .values import with_value

# What would end the header line, begin an attribute, or is no octet of a cookie.
HOSTILE = ("a\r\nX-Injected: yes", "a\nX-Injected: yes", "a; Domain=evil.example", 'quoted "x"', "caf\u00e9", "\u2603")


@check("response.cookie.sent", level=PRACTICE, clause=PRACTICES["response"], needs={"http", "response.cookie"})
async def test_cookie_is_on_the_response_that_is_sent(probe: Probe) -> None:
    """A route that sets a cookie should send it, whatever it returns or raises.

    Usual cause: the cookie is set on the injected response, and the route returns a response of its own, or raises:
    then the injected one is thrown away.
    Usual mend: set it on the response that is returned; give the exception `headers=`.
    """
    response = await probe.request()
    if response.head.get("set-cookie") is None:
        raise Violation(expected="a set-cookie header", observed=f"none, with status {response.status}")


@check("response.cookie.attributes", level=PRACTICE, clause=PRACTICES["response"], needs={"http", "response.cookie"})
async def test_cookie_says_where_it_belongs(probe: Probe) -> None:
    """A cookie should name the path it is for and the sites it may be sent from (`SameSite`).

    Without `SameSite` it is up to the browser whether requests that other sites make carry it. Whether it needs
    `Secure` and `HttpOnly` as well depends on what it is for; the framework sets neither by itself.

    Usual cause: the header is written by hand.
    Usual mend: `response.set_cookie(…)`, which sets `Path=/` and `SameSite=lax`.
    """
    for header in (await probe.request()).head.get_all("set-cookie"):
        names = {part.partition("=")[0].strip().lower() for part in header.split(";")[1:]}
        if missing := {"path", "samesite"} - names:
            raise Violation(expected="Path and SameSite", observed=f"a cookie without {', '.join(sorted(missing))}")


@check(
    "response.cookie.value-contained",
    level=MUST,
    clause=RFC_6265["section-4.1.1"],
    needs={"http", "response.cookie-value"},
)
async def test_value_stays_inside_the_cookie(probe: Probe) -> None:
    """A cookie's value must not become an attribute, another cookie or another header.

    What a cookie cannot carry is encoded or refused.

    Usual cause: the header is put together by hand from what a user has sent.
    Usual mend: `response.set_cookie(…)`, which quotes; refuse what is not ASCII.
    """
    for value in HOSTILE:
        response = await with_value(probe, "value", value)
        if response.status >= 400:
            continue
        if response.head.get("x-injected") is not None or response.head.get_all("set-cookie")[1:]:
            raise Violation(expected="one cookie and no other header", observed=f"more, of the value {quote(value)}")
        for header in response.head.get_all("set-cookie"):
            _holds_only_the_value(header, value)


def _holds_only_the_value(header: str, value: str) -> None:
    if any(ord(character) < 32 or ord(character) == 127 for character in header):
        raise Violation(expected="no control character in set-cookie", observed=repr(header))
    if "domain" in {part.partition("=")[0].strip().lower() for part in header.split(";")[1:]}:
        raise Violation(expected="the attributes that the application sets", observed=repr(header))
    try:
        parsed = SimpleCookie(header)
    except CookieError:
        raise Violation(expected="a cookie that can be read", observed=repr(header)) from None
    read = [morsel.value for morsel in parsed.values()]
    if read and value not in read and quote(value, safe="") not in read:
        raise Violation(expected=f"the value {value!r}", observed=repr(read[0]))
