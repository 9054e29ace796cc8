"""Lifespan: the namespace that requests get copies of."""

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.drivers.lifespan import Answer
from asgi_conformance.spec import ASGI_LIFESPAN

from .runs import STARTUP, started

CLAUSE = ASGI_LIFESPAN["lifespan-state"]


@check("lifespan.state.filled", level=PRACTICE, clause=CLAUSE, needs={"lifespan.state", "script"})
async def test_state_is_put_into_the_servers_namespace(probe: Probe) -> None:
    """What requests are to share must be in the server's own namespace when startup is complete.

    The server hands copies of that very dict to requests. One that the application made in its place is
    never looked at.

    Usual cause: `scope["state"] = {...}` instead of `scope["state"].update(...)`.
    Usual mend: change the dict that is there; in Starlette and FastAPI, yield a mapping from the lifespan.
    """
    offered: dict[str, object] = {}
    await started(probe.lifespan(state=offered))
    if not offered:
        raise Violation(expected="something in the namespace", observed="an empty one")


@check("lifespan.state.absence-is-told", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_missing_state_is_no_riddle(probe: Probe) -> None:
    """Where the server offers no `state`, an application should start, or say `startup.failed`.

    An application that raises without having answered is taken for one without lifespan: the server goes on
    and serves it unprepared.

    Usual cause: `scope["state"]` in a lifespan that is written by hand.
    Usual mend: `scope.get("state")`, and `startup.failed` with a message that names what is missing.
    """
    run = probe.lifespan(state=None)
    phase = await run.startup(STARTUP)
    if phase.answer not in {Answer.COMPLETE, Answer.FAILED}:
        await started(probe.lifespan(state={}))
        raise Violation(
            expected="startup.complete or startup.failed without state",
            observed=f"{phase.answer.value} {phase.message[:200]}".strip(),
        )
