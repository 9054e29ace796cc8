"""Lifespan: the message of `startup.failed` and `shutdown.failed`."""

from asgi_conformance import MUST, Faults, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.lifespan import Answer
from asgi_conformance.spec import ASGI_LIFESPAN

from .runs import GRACE, STARTUP

MOST = 10  # places at which startup is interrupted


@check(
    "lifespan.failed.message-is-text",
    level=MUST,
    clause=ASGI_LIFESPAN["startup-failed-send-event"],
    needs={"lifespan", "script"},
)
async def test_message_of_a_failure_is_text(probe: Probe) -> None:
    """The `message` of `startup.failed` and `shutdown.failed` must be a string, if it is there.

    The server writes it to its log; with anything else that fails too, and the cause is never told.

    Usual cause: the exception itself instead of its text.
    Usual mend: `str(error)`, or `traceback.format_exc()`.
    """
    failures = 0
    for place in range(MOST):
        run = probe.lifespan(state={}, faults=Faults(cancel_at=place))
        phase = await run.startup(STARTUP)
        await run.call.stop(GRACE)
        for message in run.messages:
            if str(message.get("type")).endswith(".failed"):
                failures += 1
                if not isinstance(message.get("message", ""), str):
                    kind = type(message["message"]).__name__
                    raise Violation(expected="a message of type str", observed=f"an object of type {kind}")
        if phase.answer is Answer.COMPLETE:
            break
    if not failures:
        raise NotApplicable("the application never says that it failed")
