"""What the documents claim about responses."""

import re

from asgi_conformance import CLAIM, Probe, Violation, check
from asgi_conformance.spec import RFC_9110, RFC_9111


@check(
    "claims.response.redirect-default",
    level=CLAIM,
    clause=RFC_9110["section-15.4"],
    needs={"pattern:response.redirect-default", "http"},
)
async def test_redirect_without_a_status_redirects(probe: Probe) -> None:
    """A `RedirectResponse` without a status sends the client to the address that it names, with its method.

    It holds with status 307, which keeps method and body: a client that posts a form posts it again at the new
    address. For a page that is to be fetched after a form was sent, name status 303.
    """
    for method in ("GET", "HEAD"):
        response = await probe.request(method=method)
        if response.status == 405:
            continue
        location = response.head.get("location")
        if response.status not in {307, 308} or not location:
            raise Violation(
                expected=f"status 307 or 308 and a Location in answer to {method}",
                observed=f"status {response.status} and Location {location!r}",
            )
        probe.measured(f"status {response.status}, with which a client keeps its method; Location {location}")


@check(
    "claims.response.etag-caching",
    level=CLAIM,
    clause=RFC_9111["section-4"],
    needs={"pattern:response.cache-headers", "http"},
)
async def test_headers_alone_give_caching(probe: Probe) -> None:
    """`Cache-Control` and `ETag` headers on the response give HTTP caching.

    Two things are meant by that. As long as the response is fresh, a cache answers by itself: `Cache-Control` does
    that. Afterwards it asks with `If-None-Match`, and somebody has to compare: a header alone does not.
    """
    first = await probe.request()
    lifetime = re.search(r"max-age=(\d+)", first.head.get("cache-control") or "")
    tag = first.head.get("etag") or ""
    if lifetime is None or not tag:
        raise Violation(expected="Cache-Control with a lifetime, and an ETag", observed="one of them is missing")
    again = await probe.request(headers=((b"if-none-match", tag.encode("latin-1")),))
    form = "well formed" if re.fullmatch(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"', tag) else "without its quotes"
    told = f"fresh for {lifetime[1]} s; the tag {tag} is {form}; asked with it, status {again.status}"
    if again.status != 304 or form != "well formed":
        observed = f"depends on the age: {told} and {len(again.body)} bytes"
        raise Violation(expected="a lifetime, a well-formed tag, and 304 to who has it", observed=observed)
    probe.measured(told)
