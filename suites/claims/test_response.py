"""What the documents claim about responses."""

from asgi_conformance import CLAIM, Probe, Violation, check
from asgi_conformance.spec import RFC_9110


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
