"""Middleware: a header that a layer promises is on every response."""

from asgi_conformance import PRACTICE, Blocked, Probe, Violation, check
from asgi_conformance.drivers.base import Head, Request, Unanswered
from asgi_conformance.drivers.exchange import read_response
from asgi_conformance.spec import PRACTICES

CLAUSE = PRACTICES["middleware-header"]
NOWHERE = "/asgi-conformance/no-such-path"
NO_METHOD = "TRACE"  # hardly any application serves it


@check("middleware.header.on-success", level=PRACTICE, clause=CLAUSE, needs={"http", "middleware.header"})
async def test_header_is_on_an_ordinary_response(probe: Probe) -> None:
    """A response of the route must carry the promised header, once.

    Usual cause: a layer that is not installed, or that another layer outside of it answers for; two layers
    that both add it.
    Usual mend: add the layer last, so that it is the outermost one; set the header instead of appending it.
    """
    async with probe.exchange() as exchange:
        try:
            head = await exchange.head()
        except Unanswered as reason:
            raise Blocked(str(reason)) from None
    _once(head, probe.promise("middleware.header"))


@check("middleware.header.on-not-found", level=PRACTICE, clause=CLAUSE, needs={"middleware.header"})
async def test_header_is_on_a_404(probe: Probe) -> None:
    """The answer to a path that does not exist must carry the promised header, once.

    Tracing and timing matter most for what goes wrong.

    Usual cause: the header is set in a route, a router or a dependency, which an unknown path never reaches.
    Usual mend: a layer around the whole application.
    """
    _once(await _head(probe, Request("GET", NOWHERE)), probe.promise("middleware.header"))


@check("middleware.header.on-wrong-method", level=PRACTICE, clause=CLAUSE, needs={"http", "middleware.header"})
async def test_header_is_on_a_405(probe: Probe) -> None:
    """The answer to a method that the route does not have must carry the promised header, once.

    Usual cause and mend: as for an unknown path.
    """
    request = probe.http_request(method=NO_METHOD)
    _once(await _head(probe, request), probe.promise("middleware.header"))


@check("middleware.header.on-error", level=PRACTICE, clause=CLAUSE, needs={"http.raises", "middleware.header"})
async def test_header_is_on_a_500(probe: Probe) -> None:
    """The answer to an unexpected exception must carry the promised header, once.

    A failing request is the one whose id and duration somebody will look for.

    Usual cause: the layer sits inside the one that answers for unhandled exceptions, as every layer does that
    is added with `add_middleware`; the exception passes through it, and the response is made further out.
    Usual mend: put the layer around the finished application, `app = Layer(app)`, or set the header in a
    handler for `Exception` as well.
    """
    _once(await _head(probe, probe.http_request()), probe.promise("middleware.header"))


async def _head(probe: Probe, request: Request) -> Head:
    await probe.start()
    try:
        return (await read_response(await probe.driver.http(request))).head
    except Unanswered as reason:
        raise Blocked(str(reason)) from None


def _once(head: Head, name: str) -> None:
    values = head.get_all(name.lower())
    if len(values) != 1:
        observed = f"{len(values)} of them" if values else "none"
        raise Violation(expected=f"one header {name} on the {head.status}", observed=observed)
