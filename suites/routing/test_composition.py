"""Routers that are included: their addresses, methods and parameters."""

import json
from urllib.parse import parse_qsl, urlsplit

from asgi_conformance import MUST, PRACTICE, NotApplicable, Probe, Violation, check
from asgi_conformance.spec import PRACTICES, RFC_9110

CLAUSE = PRACTICES["routing"]


@check(
    "routing.versions.own-answers",
    level=PRACTICE,
    clause=CLAUSE,
    needs={"pattern:routing.api-versioning", "http"},
)
async def test_each_version_answers_for_itself(probe: Probe) -> None:
    """Each version of an interface should answer at its own address, with its own answer.

    Usual cause: two routers with the same prefix; the one that was included first answers for both.
    Usual mend: the version in the prefix of each router.
    """
    response = await probe.request()
    try:
        told = json.loads(response.body).get("version")
    except (ValueError, AttributeError):
        told = None
    if response.status != 200 or f"/v{told}/" not in probe.route.path:
        raise Violation(expected=f"version of {probe.route.path}", observed=f"status {response.status}, {told!r}")


@check(
    "routing.methods.told",
    level=MUST,
    clause=RFC_9110["section-15.5.6"],
    needs={"pattern:routing.api-versioning", "http"},
)
async def test_other_methods_are_answered_or_refused_properly(probe: Probe) -> None:
    """HEAD and OPTIONS on a route must be answered, or refused with 405 and an `Allow` that names what is supported.

    A decorator such as `@router.get` makes a route for GET alone: HEAD gets a 405 as well, which surprises who
    asks for the size of a download.
    """
    told = []
    for method in ("HEAD", "OPTIONS"):
        response = await probe.request(method=method)
        allowed = response.head.get("allow")
        if response.status >= 400 and (response.status != 405 or "GET" not in (allowed or "")):
            observed = f"status {response.status}, allow {allowed!r} for {method}"
            raise Violation(expected="an answer, or 405 with GET allowed", observed=observed)
        told.append(f"{method} gets {response.status}, allow {allowed}")
    probe.measured("; ".join(told))


@check(
    "routing.composition.addresses",
    level=PRACTICE,
    clause=CLAUSE,
    needs={"pattern:routing.composition", "http"},
)
async def test_addresses_answer_with_their_whole_prefix_only(probe: Probe) -> None:
    """An address should answer with all prefixes of the routers it is in, and without one of them be unknown."""
    response = await probe.request()
    if response.status >= 400:
        raise Violation(expected=f"an answer at {probe.route.path}", observed=f"status {response.status}")
    if probe.route.path.startswith("/api/"):
        short = probe.route.path.removeprefix("/api")
        if (status := (await probe.request(path=short)).status) != 404:
            raise Violation(expected=f"status 404 at {short}", observed=f"status {status}")


@check("routing.credentials.in-the-body", level=PRACTICE, clause=CLAUSE, needs={"http", "http.credentials"})
async def test_credentials_are_taken_from_the_body(probe: Probe) -> None:
    """A route that takes a user name and a password should take them from the body, and not from the address.

    Addresses are written to the logs of servers and proxies, and to the history of browsers.

    Usual cause: plain parameters of a route are read from the query, also with POST.
    Usual mend: a model, or `Form()`, for the parameters.
    """
    parts = urlsplit(probe.route.path)
    given = dict(parse_qsl(parts.query))
    body = json.dumps(given or json.loads(probe.route.body or b"{}")).encode()
    headers = ((b"content-type", b"application/json"),)
    response = await probe.request(path=parts.path, headers=headers, body=body)
    in_address = await probe.request() if given else None
    if in_address is not None and in_address.status < 400:
        observed = f"they are taken from the address; a JSON body gets status {response.status}"
        raise Violation(expected="credentials in the body", observed=observed)
    if response.status >= 400:
        raise Violation(expected="an answer to credentials in a JSON body", observed=f"status {response.status}")


@check(
    "routing.routes.found",
    level=PRACTICE,
    clause=CLAUSE,
    needs={"pattern:routing.composition", "http", "script"},
)
async def test_routes_are_found_by_who_looks_at_them(probe: Probe) -> None:
    """Each address that answers should be found among `app.routes` by its whole path.

    Tools that list, document or instrument routes read this attribute.

    Usual cause: a framework that keeps an included router as one entry, with its prefix beside it.
    Usual mend: ask the schema, or walk into the entries.
    """
    await probe.start()
    routes = getattr(probe.inprocess.app, "routes", None)
    if not isinstance(routes, list | tuple):
        raise NotApplicable("an application with a list of routes")
    path = urlsplit(probe.route.path).path
    paths = [getattr(route, "path", "") for route in routes]
    if path not in paths and not any(prefix and path.startswith(f"{prefix}/") for prefix in paths):
        kinds = ", ".join(sorted({type(route).__name__ for route in routes}))
        raise Violation(expected=f"an entry with the path {path}", observed=f"none among entries of {kinds}")
