"""What the documents claim about mounted applications."""

from asgi_conformance import CLAIM, Probe, Violation, check
from asgi_conformance.spec import FASTAPI


@check(
    "claims.routing.subapp-docs",
    level=CLAIM,
    clause=FASTAPI["sub-applications"],
    needs={"pattern:routing.mount", "http.mount"},
)
async def test_each_mounted_application_has_its_own_pages(probe: Probe) -> None:
    """Every mounted sub-application has documentation pages of its own below its prefix."""
    prefix = probe.route.path.rstrip("/")
    told = []
    for place in (f"{prefix}/docs", f"{prefix}/redoc"):
        response = await probe.request(path=place)
        if response.status != 200 or f"{prefix}/openapi.json".encode() not in response.body:
            observed = f"status {response.status} at {place}, {len(response.body)} bytes"
            raise Violation(expected=f"a page made from {prefix}/openapi.json", observed=observed)
        told.append(f"{place} is made from {prefix}/openapi.json")
    probe.measured("; ".join(told))
