"""Redirects: to the right place, with the right permanence, and nowhere that a stranger chooses."""

from urllib.parse import urlsplit

from asgi_conformance import MUST, PRACTICE, Probe, Violation, check
from asgi_conformance.spec import PRACTICES, RFC_9110

from .values import with_value

ELSEWHERE = ("//evil.example/x", "https://evil.example/", "/\\evil.example", "///evil.example", "javascript:alert(1)")


@check(
    "response.redirect.permanent",
    level=MUST,
    clause=RFC_9110["section-15.4.2"],
    needs={"pattern:response.redirect-301", "http"},
)
async def test_moved_for_good_says_where(probe: Probe) -> None:
    """An address that has moved for good must answer 301 with the new address in `Location`."""
    response = await probe.request()
    if response.status != 301 or response.head.get("location") != "/new-url":
        observed = f"status {response.status}, {response.head.get('location')}"
        raise Violation(expected="status 301 and Location /new-url", observed=observed)


@check(
    "response.redirect.stays-here",
    level=PRACTICE,
    clause=PRACTICES["response"],
    needs={"http", "response.redirect-target"},
)
async def test_redirect_does_not_lead_elsewhere(probe: Probe) -> None:
    """A redirect to an address that the caller names should not lead to another site.

    It makes a link to a site that people trust into a link to any other: a favourite of phishing. Browsers take
    `//host`, and a backslash in the place of a slash, for another site.

    Usual cause: `RedirectResponse(url=next)` with `next` from the query.
    Usual mend: allow paths that begin with exactly one slash, or names from a list.
    """
    for target in ELSEWHERE:
        response = await with_value(probe, "to", target)
        location = (response.head.get("location") or "").replace("\\", "/")
        parts = urlsplit(location)
        if 300 <= response.status < 400 and (parts.scheme or parts.netloc or location.startswith("//")):
            raise Violation(expected=f"no redirect to {target}", observed=f"status {response.status} to {location}")


@check(
    "response.redirect.target-contained",
    level=MUST,
    clause=RFC_9110["section-5.5"],
    needs={"http", "response.redirect-target"},
)
async def test_target_stays_inside_the_header(probe: Probe) -> None:
    """The target of a redirect must not end the header line that it is in.

    Usual cause: a `Location` header that is put together by hand.
    Usual mend: `RedirectResponse`, which encodes what an address cannot hold.
    """
    for target in ("/a\r\nX-Injected: yes", "/a\nX-Injected: yes", "/caf\u00e9"):
        response = await with_value(probe, "to", target)
        lines = [held for name, held in response.headers if set(held) & {0, 10, 13} or name.lower() == b"x-injected"]
        if lines:
            raise Violation(expected="one header line", observed=repr(lines[0]))


@check(
    "response.redirect.slash",
    level=PRACTICE,
    clause=PRACTICES["response"],
    needs={"pattern:response.html", "http"},
)
async def test_path_without_its_slash_leads_to_the_one_with_it(probe: Probe) -> None:
    """The path without its final slash should lead to the one with it, on the host that was asked for."""
    path = probe.route.path.rstrip("/")
    response = await probe.request(path=path, headers=((b"host", b"pages.example"),))
    location = urlsplit(response.head.get("location") or "")
    if response.status not in {307, 308} or location.path != f"{path}/" or location.netloc != "pages.example":
        observed = f"status {response.status}, {response.head.get('location')}"
        raise Violation(expected=f"a redirect to {path}/ on pages.example", observed=observed)
    probe.measured(f"status {response.status} and the absolute address {location.geturl()}")
