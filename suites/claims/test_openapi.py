"""What the documents claim about the schema of an application."""

from asgi_conformance import CLAIM, Probe, Violation, check
from asgi_conformance.spec import FASTAPI


@check(
    "claims.openapi.hidden-route",
    level=CLAIM,
    clause=FASTAPI["path-operation-advanced-configuration"],
    needs={"pattern:openapi.metadata", "openapi"},
)
async def test_hidden_route_is_in_no_documentation(probe: Probe) -> None:
    """`include_in_schema=False` keeps a route out of the documentation.

    It is not described in the schema nor on the pages made from it. It is not protected: whoever knows the address
    can call it.
    """
    for path in probe.promise("openapi.hidden").split():
        called = await probe.request(path=path)
        places = [probe.route.path, *probe.promise("openapi.pages").split()]
        naming = [place for place in places if path.encode() in (await probe.request(path=place)).body]
        if naming:
            raise Violation(expected=f"{path} named nowhere", observed=f"it is named at {', '.join(naming)}")
        probe.measured(f"{path} answers {called.status} to anybody, and none of {', '.join(places)} names it")
