"""ASGI: several calls of one application at the same time."""

from asgi_conformance import PRACTICE, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.spec import ASGI


@check("asgi.call.concurrent", level=PRACTICE, clause=ASGI["applications"], needs={"http.stream"})
async def test_streams_run_side_by_side(probe: Probe) -> None:
    """A second client should get its response while a stream to the first one is open.

    Usual cause: a lock that is held for the length of a response; one generator or one connection to the
    database that all requests share; work in a pool whose only thread is taken.
    Usual mend: one of each for each request; a lock around the one line that needs it.
    """
    async with probe.exchange() as first:
        try:
            await first.head()
        except Unanswered as reason:
            raise Blocked(str(reason)) from reason
        async with probe.exchange() as second:
            try:
                await second.head()
            except Unanswered as reason:
                expected = "a response while a stream to another client is open"
                raise Violation(expected=expected, observed=str(reason)) from reason
