"""Mounted applications: what of the outer one reaches them, and what addresses they give."""

import json
from typing import Any

from asgi_conformance import PRACTICE, Probe, Violation, check, waits
from asgi_conformance.judging import START, http_call, only
from asgi_conformance.spec import ASGI_HTTP, PRACTICES
from asgi_conformance.waits import Limit

CLAUSE = PRACTICES["routing"]
ROOT_PATH = ASGI_HTTP["http-connection-scope"]
OUTER = {"pattern:routing.mount.outer", "http"}


@check("routing.mount.slash", level=PRACTICE, clause=CLAUSE, needs={"pattern:routing.mount", "http.mount"})
async def test_prefix_without_its_slash_leads_into_the_mounted_application(probe: Probe) -> None:
    """The prefix of a mounted application should lead into it without a final slash too."""
    path = probe.route.path.rstrip("/")
    response = await probe.request(path=path)
    location = response.head.get("location") or ""
    if response.status not in {307, 308} or not location.endswith(f"{path}/"):
        raise Violation(expected=f"a redirect to {path}/", observed=f"status {response.status}, {location!r}")
    probe.measured(f"status {response.status} to {path}/")


@check("routing.mount.handlers-inside", level=PRACTICE, clause=CLAUSE, needs=OUTER | {"http.raises-handled"})
async def test_exception_handlers_cover_mounted_applications(probe: Probe) -> None:
    """An exception that the outer application has a handler for should get its answer in a mounted one as well.

    Usual cause: each application handles its own; what a mounted one does not know is a 500 before the outer one
    sees it.
    Usual mend: register the handler on both.
    """
    response = await probe.request()
    if response.status != 418:
        raise Violation(expected="status 418, of the handler", observed=f"status {response.status}")


@check("routing.mount.overrides-inside", level=PRACTICE, clause=CLAUSE, needs=OUTER | {"http.overridden"})
async def test_dependency_overrides_reach_mounted_applications(probe: Probe) -> None:
    """A dependency that is overridden on the outer application should be overridden in a mounted one as well.

    A test that overrides the database on the outer application would otherwise write to the real one.

    Usual cause: overrides belong to the application that declares the route.
    Usual mend: set them on both.
    """
    body = (await probe.request()).body
    if b"overridden" not in body:
        raise Violation(expected="the overriding dependency", observed=body.decode("utf-8", "replace"))


@check("routing.mount.middleware-inside", level=PRACTICE, clause=CLAUSE, needs=OUTER)
async def test_middleware_covers_mounted_applications(probe: Probe) -> None:
    """Middleware of the outer application should be around mounted ones as well, also around their errors."""
    response = await probe.request()
    if response.head.get("x-outer") is None:
        raise Violation(expected="the header of the outer layer", observed=f"none, with status {response.status}")


@check("routing.mount.shadowed", level=PRACTICE, clause=CLAUSE, needs={"http", "http.beside-mount"})
async def test_route_beside_a_mounted_application_is_reached(probe: Probe) -> None:
    """A route that an application declares should be reached, also below the prefix of a mounted application.

    Usual cause: the mount is declared first, and takes everything below its prefix.
    Usual mend: declare the route before the mount.
    """
    response = await probe.request()
    if response.status != 200:
        raise Violation(expected="the route's answer", observed=f"status {response.status}, of the mounted application")


@check("routing.mount.described", level=PRACTICE, clause=CLAUSE, needs={"pattern:routing.mount", "http.mount"})
async def test_mounted_application_describes_itself_under_its_prefix(probe: Probe) -> None:
    """The schema of a mounted application should name the prefix as its server; the outer schema leaves it out."""
    prefix = probe.route.path.rstrip("/")
    servers = [server.get("url") for server in (await _schema(probe, f"{prefix}/openapi.json")).get("servers", ())]
    if servers != [prefix]:
        raise Violation(expected=f"the server {prefix}", observed=str(servers))
    outer = (await _schema(probe, "/openapi.json")).get("paths", {})
    if any(path.startswith(prefix) for path in outer):
        raise Violation(expected=f"nothing below {prefix} in the outer schema", observed=", ".join(outer))
    probe.measured(f"{prefix}/openapi.json names the server {prefix}; the outer schema has {', '.join(outer)}")


async def _schema(probe: Probe, path: str) -> dict[str, Any]:
    response = await probe.request(path=path)
    try:
        document = json.loads(response.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Violation(expected=f"a schema at {path}", observed=f"status {response.status}")
    return document


@check(
    "routing.root-path.prefix",
    level=PRACTICE,
    clause=ROOT_PATH,
    needs={"pattern:routing.mount", "http.mount", "script"},
)
async def test_path_with_the_root_path_is_found(probe: Probe) -> None:
    """With `root_path` set, a path that contains it should be found, below the mount as well; without, not.

    The specification has `path` hold the whole path, and `root_path` its beginning. A proxy that strips the prefix
    and a server that is told of it (`--root-path`) leave it to the framework to cope with paths that lack it.
    """
    path = probe.route.path
    found = {
        f"root_path {root!r}, path {whole!r}": (await _answer(probe, root, whole))[0]
        for root, whole in (("", path), ("/proxy", f"/proxy{path}"), ("/proxy", path), ("", f"/proxy{path}"))
    }
    statuses = list(found.values())
    if statuses[0] != 200 or statuses[1] != 200 or statuses[3] != 404:
        observed = "; ".join(f"{status} for {what}" for what, status in found.items())
        raise Violation(
            expected="200 where the prefix is in both, 404 where it is in the path alone", observed=observed
        )
    probe.measured("; ".join(f"{status} for {what}" for what, status in found.items()))


@check(
    "routing.root-path.addresses",
    level=PRACTICE,
    clause=ROOT_PATH,
    needs={"pattern:routing.mount", "http.mount", "script"},
)
async def test_addresses_contain_the_root_path(probe: Probe) -> None:
    """With `root_path` set, the addresses that a mounted application gives of itself should contain it."""
    prefix = probe.route.path.rstrip("/")
    _, schema = await _answer(probe, "/proxy", f"/proxy{prefix}/openapi.json")
    _, page = await _answer(probe, "/proxy", f"/proxy{prefix}/docs")
    whole = f"/proxy{prefix}".encode()
    if whole not in schema or whole + b"/openapi.json" not in page:
        places = [name for name, text in (("the schema", schema), ("the page", page)) if whole not in text]
        named = f"not in {' nor in '.join(places) or 'the address of the schema'}"
        raise Violation(expected=f"{whole.decode()} in the schema and on the page", observed=named)


@check("routing.root-path.url-for", level=PRACTICE, clause=ROOT_PATH, needs=OUTER | {"http.url-for", "script"})
async def test_addresses_that_are_made_contain_the_root_path(probe: Probe) -> None:
    """With `root_path` set, an address that the application makes of a route's name should contain it."""
    status, body = await _answer(probe, "/proxy", f"/proxy{probe.route.path}")
    if f"/proxy{probe.route.path}".encode() not in body:
        raise Violation(expected=f"/proxy{probe.route.path}", observed=f"status {status}, {body.decode()}")


async def _answer(probe: Probe, root_path: str, path: str) -> tuple[int, bytes]:
    """Status and body of the response to a request with this root path and this path in its scope."""
    scope = {"root_path": root_path, "path": path, "raw_path": path.encode()}
    call = await http_call(probe, farewell={"type": "http.disconnect"}, scope=scope, window=16)
    await waits.until(call, lambda: call.done, Limit(300.0, 10.0))
    call.leave()
    await waits.ending(call, Limit(60.0, 5.0))
    starts = only(START, call.sent)
    body = b"".join(message.get("body", b"") for message in call.sent if message["type"] == "http.response.body")
    return (starts[0]["status"] if starts else 0), body
