"""HTTP: what a client sees when an application fails."""

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.spec import ASGI, RFC_9110

CLAUSE = ASGI["error-handling"]
TRACEBACK = b"Traceback (most recent call last)"


@check("http.error.500", level=PRACTICE, clause=RFC_9110["section-15.6.1"], needs={"http.raises"})
async def test_unhandled_exception_is_500(probe: Probe) -> None:
    """An unhandled exception before the response should reach the client as a 500.

    Any other status tells the client, its retries and the monitoring that it was not the server's fault, or
    that all is well.

    Usual cause: middleware or a handler that turns every exception into a 200 or a 400.
    """
    response = await probe.request()
    if response.status != 500:
        raise Violation(expected="status 500", observed=f"status {response.status}")


@check("http.error.midway-visible", level=PRACTICE, clause=CLAUSE, needs={"http.raises-midway"})
async def test_failure_midway_is_visible(probe: Probe) -> None:
    """A response whose production fails midway should break off, not end as if it were complete.

    The client has no other way to notice that the rest is missing, and caches keep the torso.

    Usual cause: an `except` around the producer that closes the response properly; middleware that ends the
    body when its source ends, for whatever reason (`BaseHTTPMiddleware` does).
    Usual mend: let the exception pass; a pure ASGI middleware.
    """
    async with probe.exchange() as exchange:
        try:
            status = (await exchange.head()).status
            while await exchange.piece() is not None:
                pass
        except Unanswered as reason:
            if (await exchange.ending(0.0)).how == "running":
                raise Blocked(str(reason)) from reason
            return  # the connection broke off
        if exchange.complete and status < 500:
            raise Violation(expected="a response that breaks off", observed=f"a complete one with status {status}")


@check("http.error.no-traceback", level=PRACTICE, clause=RFC_9110["section-15.6.1"], needs={"http"})
async def test_error_tells_no_secrets(probe: Probe) -> None:
    """The response to an error should not contain a traceback.

    It tells strangers file names, code and sometimes data.

    Usual cause: debug mode in production; a handler that returns `traceback.format_exc()`.
    """
    async with probe.exchange() as exchange:
        try:
            status = (await exchange.head()).status
        except Unanswered:
            status = 0
    if status < 500:
        raise NotApplicable("a response that tells of an error of the server")
    response = await probe.request()
    if TRACEBACK in response.body:
        raise Violation(expected="an error without its traceback", observed="a traceback in the body")
