"""Lifespan: the call lasts from startup to shutdown."""

from asgi_conformance import MUST, Probe, Violation, check
from asgi_conformance.drivers.call import describe
from asgi_conformance.spec import ASGI_LIFESPAN

from .runs import a_while, started


@check(
    "lifespan.call.lasts",
    level=MUST,
    clause=ASGI_LIFESPAN["scope"],
    needs={"lifespan", "script"},
)
async def test_call_lasts_until_shutdown(probe: Probe) -> None:
    """The lifespan call must last until shutdown has been answered.

    An application that is gone gets no shutdown: nothing of what it opened is closed. Servers say nothing, or
    an error in the log long after the cause.

    Usual cause: an application that returns after `startup.complete` instead of waiting for the next event; a
    task of the lifespan that dies and takes the call with it.
    Usual mend: receive in a loop until `lifespan.shutdown`; await what runs beside it and handle its errors.
    """
    run = probe.lifespan(state={})
    await started(run)
    ending = await run.ending(a_while())
    if ending.how != "running":
        raise Violation(expected="a call that waits for shutdown", observed=f"the application {describe(ending)}")
