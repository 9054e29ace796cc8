"""Middleware: a browser of the promised origin may read every answer."""

from asgi_conformance import PRACTICE, SHOULD, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Head, Headers, Request
from asgi_conformance.drivers.exchange import read_response
from asgi_conformance.spec import FETCH

CLAUSE = FETCH["http-cors-protocol"]
NOWHERE = "/asgi-conformance/no-such-path"
STRANGER = "https://stranger.invalid"
NO_METHOD = "TRACE"  # hardly any application serves it


@check("middleware.cors.on-success", level=PRACTICE, clause=CLAUSE, needs={"http", "middleware.cors-origin"})
async def test_allowed_origin_may_read_the_response(probe: Probe) -> None:
    """A response to the promised origin must allow that origin, in one header.

    Usual cause: an origin with a slash at its end or another port in the list; two layers that both add it.
    Usual mend: list the origin exactly as browsers send it; one CORS layer only.
    """
    async with probe.exchange(headers=_from(probe.promise("middleware.cors-origin"))) as exchange:
        try:
            head = await exchange.head()
        except Unanswered as reason:
            raise Blocked(str(reason)) from None
    _allows(head, probe.promise("middleware.cors-origin"))


@check("middleware.cors.on-not-found", level=PRACTICE, clause=CLAUSE, needs={"middleware.cors-origin"})
async def test_allowed_origin_may_read_a_404(probe: Probe) -> None:
    """A 404 to the promised origin must allow that origin.

    Without the header a script sees a network error instead of the status.

    Usual cause: the CORS layer sits inside one that answers, or on a router that unknown paths never reach.
    Usual mend: the CORS layer around the whole application, outside of whatever answers early.
    """
    origin = probe.promise("middleware.cors-origin")
    _allows(await _head(probe, Request("GET", NOWHERE, _from(origin))), origin)


@check("middleware.cors.on-wrong-method", level=PRACTICE, clause=CLAUSE, needs={"http", "middleware.cors-origin"})
async def test_allowed_origin_may_read_a_405(probe: Probe) -> None:
    """The answer to a method that the route does not have must allow the promised origin.

    Usual cause and mend: as for an unknown path.
    """
    origin = probe.promise("middleware.cors-origin")
    _allows(await _head(probe, probe.http_request(method=NO_METHOD, headers=_from(origin))), origin)


@check("middleware.cors.on-error", level=PRACTICE, clause=CLAUSE, needs={"http.raises", "middleware.cors-origin"})
async def test_allowed_origin_may_read_a_500(probe: Probe) -> None:
    """The answer to an unexpected exception must allow the promised origin.

    Without the header a script, and whoever debugs it, sees a CORS error instead of a server error.

    Usual cause: the CORS layer is added with `add_middleware`, and so sits inside the layer that answers for
    unhandled exceptions.
    Usual mend: put the layer around the finished application, `app = CORSMiddleware(app, ...)`.
    """
    origin = probe.promise("middleware.cors-origin")
    _allows(await _head(probe, probe.http_request(headers=_from(origin))), origin)


@check("middleware.cors.preflight", level=PRACTICE, clause=CLAUSE, needs={"http", "middleware.cors-origin"})
async def test_preflight_is_answered(probe: Probe) -> None:
    """The preflight of the promised origin must be answered with an ok status that allows the origin.

    Browsers ask before every request that is not a simple one, and send no credentials with the question.

    Usual cause: an authentication layer outside of the CORS layer, which refuses the question with a 401.
    Usual mend: the CORS layer outside of it.
    """
    origin = probe.promise("middleware.cors-origin")
    asks = (*_from(origin), (b"access-control-request-method", probe.route.method.encode()))
    head = await _head(probe, probe.http_request(method="OPTIONS", headers=asks, body=b""))
    if not 200 <= head.status <= 299:
        raise Violation(expected="a status from 200 to 299 on the preflight", observed=f"a {head.status}")
    _allows(head, origin)


@check(
    "middleware.cors.vary",
    level=SHOULD,
    clause=FETCH["cors-protocol-and-http-caches"],
    needs={"http", "middleware.cors-origin"},
)
async def test_response_for_one_origin_says_so(probe: Probe) -> None:
    """A response that allows one origin of several should say `vary: origin`.

    A cache between gives it to the next one who asks, whose browser then finds another origin in it and refuses.

    Usual cause: CORS headers written by hand, which echo the origin.
    Usual mend: add `origin` to the `vary` header wherever the answer depends on it.
    """
    origin = probe.promise("middleware.cors-origin")
    own = await _head(probe, probe.http_request(headers=_from(origin)))
    others = await _head(probe, probe.http_request(headers=_from(STRANGER)))
    allowed = own.get("access-control-allow-origin")
    if allowed != origin or others.get("access-control-allow-origin") == allowed:
        raise NotApplicable("a header that depends on the origin")
    varies = {name.strip().lower() for value in own.get_all("vary") for name in value.split(",")}
    if not varies & {"origin", "*"}:
        raise Violation(expected="vary: origin", observed=", ".join(sorted(varies)) or "no vary")


@check(
    "middleware.cors.refuses-strangers", level=PRACTICE, clause=CLAUSE, needs={"http", "middleware.cors-credentials"}
)
async def test_other_origins_may_not_use_credentials(probe: Probe) -> None:
    """An origin that is not listed must not be allowed to read responses with the user's credentials.

    Usual cause: the wildcard together with credentials, which layers turn into an echo of whoever asks.
    Usual mend: list the origins.
    """
    head = await _head(probe, probe.http_request(headers=_from(STRANGER)))
    allowed = head.get("access-control-allow-origin")
    if allowed == STRANGER and head.get("access-control-allow-credentials") == "true":
        raise Violation(expected="no leave for an unlisted origin", observed=f"leave for {STRANGER} with credentials")


def _from(origin: str) -> Headers:
    return ((b"origin", origin.encode("latin-1")),)


async def _head(probe: Probe, request: Request) -> Head:
    await probe.start()
    try:
        return (await read_response(await probe.driver.http(request))).head
    except Unanswered as reason:
        raise Blocked(str(reason)) from None


def _allows(head: Head, origin: str) -> None:
    values = head.get_all("access-control-allow-origin")
    if values not in ([origin], ["*"]):
        observed = f"{len(values)}: {', '.join(values)}" if values else "none"
        raise Violation(
            expected=f"one access-control-allow-origin for {origin} on the {head.status}", observed=observed
        )
