"""OpenAPI: the schema is there, and says what the application was told to say."""

import json
import re

from asgi_conformance import MUST, PRACTICE, NotApplicable, Probe, Violation, check
from asgi_conformance.spec import OPENAPI, PRACTICES

from .schema import schema, server_urls, tag_names

VERSION = re.compile(r"3\.[0-9]+\.[0-9]+(-.+)?")


@check("openapi.schema.form", level=MUST, clause=OPENAPI["openapi-object"], needs={"openapi", "http"})
async def test_schema_has_the_form_of_one(probe: Probe) -> None:
    """The schema must be JSON with a version of OpenAPI 3, a title and a version of the interface, and paths.

    Clients and pages are generated from it; without these fields no generator takes it.

    Usual cause: a replaced `app.openapi` that gives back something else.
    Usual mend: `get_openapi` of the framework, changed where needed.
    """
    response = await probe.request()
    try:
        document = json.loads(response.body)
    except ValueError:
        raise Violation(expected="a schema as JSON", observed=f"status {response.status}, no JSON") from None
    if response.status != 200 or not isinstance(document, dict):
        raise Violation(expected="a JSON object with status 200", observed=f"status {response.status}")
    version, info = document.get("openapi"), document.get("info")
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise Violation(expected="a version such as 3.1.0 under `openapi`", observed=repr(version))
    missing = [key for key in ("title", "version") if not isinstance(info, dict) or not isinstance(info.get(key), str)]
    if missing:
        raise Violation(expected="the interface's title and version under `info`", observed=f"no {', '.join(missing)}")
    if not {"paths", "components", "webhooks"} & document.keys():
        raise Violation(expected="paths, components or webhooks", observed="none of them")
    probe.measured(f"OpenAPI {version}, tags in the order {tag_names(document)}")


@check(
    "openapi.schema.hidden-route",
    level=PRACTICE,
    clause=PRACTICES["openapi"],
    needs={"openapi", "http", "openapi.hidden"},
)
async def test_hidden_route_answers_and_is_not_described(probe: Probe) -> None:
    """A route that is kept out of the schema should answer all the same, and be named nowhere in it.

    Being out of the schema is no protection: whoever knows the address can call it.

    Usual cause: the route is included twice, once without `include_in_schema=False`.
    Usual mend: say it where the router is included.
    """
    document = await schema(probe)
    for path in probe.promise("openapi.hidden").split():
        if path in document.get("paths", {}):
            raise Violation(expected=f"nothing about {path} in the schema", observed="a description of it")
        response = await probe.request(path=path)
        if response.status in {404, 405, 500}:
            raise Violation(expected=f"an answer at {path}", observed=f"status {response.status}")


@check(
    "openapi.schema.tags-kept",
    level=PRACTICE,
    clause=PRACTICES["openapi"],
    needs={"openapi", "http", "openapi.tags"},
)
async def test_described_tags_are_in_the_schema(probe: Probe) -> None:
    """The schema should describe the application's tags, in the order in which they were given.

    Documentation pages group routes in this order, and show the descriptions.

    Usual cause: `get_openapi` called without `tags=`.
    Usual mend: hand it `app.openapi_tags`.
    """
    expected, observed = probe.promise("openapi.tags").split(), tag_names(await schema(probe))
    if observed != expected:
        raise Violation(expected=f"the tags {', '.join(expected)}", observed=", ".join(observed) or "none")


@check(
    "openapi.schema.servers-kept",
    level=PRACTICE,
    clause=PRACTICES["openapi"],
    needs={"openapi", "http", "openapi.servers"},
)
async def test_named_servers_are_in_the_schema(probe: Probe) -> None:
    """The schema should name the servers that the application was given.

    Without them a generated client calls the address from which it read the schema.

    Usual cause: `get_openapi` called without `servers=`.
    Usual mend: hand it `app.servers`.
    """
    expected, observed = probe.promise("openapi.servers").split(), server_urls(await schema(probe))
    if not set(expected) <= set(observed):
        raise Violation(expected=f"the servers {', '.join(expected)}", observed=", ".join(observed) or "none")


@check(
    "openapi.schema.own-entries",
    level=PRACTICE,
    clause=PRACTICES["openapi"],
    needs={"openapi", "http", "openapi.info"},
)
async def test_own_entries_are_in_the_schema(probe: Probe) -> None:
    """Entries that the application adds to `info` should be in the schema that it serves.

    Usual cause: the entry is written to a copy, or the framework's own function is still in use.
    Usual mend: assign the function to `app.openapi` before the first request.
    """
    info = (await schema(probe)).get("info", {})
    missing = [name for name in probe.promise("openapi.info").split() if name not in info]
    if missing:
        raise Violation(expected=f"{', '.join(missing)} under `info`", observed=f"only {', '.join(info)}")


@check(
    "openapi.schema.later-routes",
    level=PRACTICE,
    clause=PRACTICES["openapi"],
    needs={"openapi", "http", "script"},
)
async def test_route_that_is_added_later_is_described(probe: Probe) -> None:
    """A route that is added after the schema was read should be in the schema when it is read again.

    Applications that add routes in their startup, or by plugins, otherwise depend on who asks first.

    Usual cause: the schema is built once and kept (`app.openapi_schema`), which the framework's own function does too
    in versions that do not look at the routes again.
    Usual mend: build it anew when there are other routes, or set `app.openapi_schema = None` after adding one.
    """
    app = probe.inprocess.app
    add = getattr(app, "add_api_route", None)
    if add is None:
        raise NotApplicable("an application that takes routes later (`add_api_route`)")
    await schema(probe)
    add("/added-by-the-check", _added)
    if "/added-by-the-check" not in (await schema(probe)).get("paths", {}):
        raise Violation(expected="the added route in the schema", observed="the schema of before")


async def _added() -> dict[str, str]:
    return {}


@check(
    "openapi.pages.linked",
    level=PRACTICE,
    clause=PRACTICES["openapi"],
    needs={"openapi", "http", "openapi.pages"},
)
async def test_documentation_pages_lead_to_the_schema(probe: Probe) -> None:
    """Each documentation page should be HTML that names the address of the schema.

    Usual cause: another `openapi_url` than the one the page was made for, often behind a root path.
    Usual mend: let the framework make the page.
    """
    for path in probe.promise("openapi.pages").split():
        response = await probe.request(path=path)
        media_type = (response.head.get("content-type") or "").partition(";")[0]
        if response.status != 200 or media_type != "text/html":
            raise Violation(expected=f"an HTML page at {path}", observed=f"status {response.status}, {media_type}")
        if probe.route.path.encode() not in response.body:
            raise Violation(expected=f"{probe.route.path} named in the page {path}", observed="another address")
