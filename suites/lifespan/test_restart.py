"""Lifespan: the application can be started again."""

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.drivers.lifespan import Answer
from asgi_conformance.spec import PRACTICES

from .runs import STARTUP, cycle


@check(
    "lifespan.restart.starts-again",
    level=PRACTICE,
    clause=PRACTICES["lifespan-restart"],
    needs={"lifespan", "lifespan.restart", "script"},
)
async def test_second_lifespan_starts(probe: Probe) -> None:
    """An application that promises it must start again in the same process after it was stopped.

    Servers do not ask for it, test suites do: every test client starts the same application object anew. An
    application may refuse, and then it does not declare `lifespan.restart`.

    Usual cause: a resource that is made when the module is imported, and closed by the first shutdown.
    Usual mend: make it in startup.
    """
    await cycle(probe)
    phase = await probe.lifespan(state={}).startup(STARTUP)
    if phase.answer is not Answer.COMPLETE:
        reason = (phase.message.strip().splitlines() or [""])[-1]
        raise Violation(expected="a second startup.complete", observed=f"{phase.answer.value} {reason}".strip())
