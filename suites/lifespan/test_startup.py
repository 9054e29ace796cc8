"""Lifespan: the answer to `lifespan.startup`."""

from asgi_conformance import MUST, PRACTICE, SHOULD, Blocked, Probe, Violation, check
from asgi_conformance.drivers.lifespan import Answer
from asgi_conformance.spec import ASGI, ASGI_LIFESPAN

from .runs import STARTUP, a_while, started, waiting_at

ANSWERS = {"lifespan.startup.complete", "lifespan.startup.failed"}


@check(
    "lifespan.startup.answered",
    level=PRACTICE,
    clause=ASGI_LIFESPAN["startup-receive-event"],
    needs={"lifespan", "script"},
)
async def test_startup_is_answered_in_time(probe: Probe) -> None:
    """Startup must be answered, and within a minute.

    The server takes no connection before; whoever supervises it takes it for dead and starts it again.

    Usual cause: startup waits for a service without a timeout.
    Usual mend: a timeout around every wait of the startup, and an exception when it is over.
    """
    run = probe.lifespan(state={})
    phase = await run.startup(STARTUP)
    if phase.answer not in {Answer.COMPLETE, Answer.FAILED}:
        raise Violation(
            expected=f"startup.complete or startup.failed within {STARTUP:g} s",
            observed=f"{phase.answer.value} {phase.message[:200]}".strip() + waiting_at(run),
        )


@check(
    "lifespan.startup.answered-once",
    level=MUST,
    clause=ASGI_LIFESPAN["startup-complete-send-event"],
    needs={"lifespan", "script"},
)
async def test_startup_is_answered_once(probe: Probe) -> None:
    """Startup must be answered once: with `startup.complete` or with `startup.failed`.

    Servers stop with an error at the second answer, or begin to serve although startup has failed.

    Usual cause: a layer that answers for the application and hands the event on to it as well.
    Usual mend: only one of them answers.
    """
    run = probe.lifespan(state={})
    await started(run)
    await run.call.until(lambda: len(run.messages) > 1, a_while())
    answers = [message["type"] for message in run.messages if message.get("type") in ANSWERS]
    if len(answers) != 1:
        raise Violation(expected="one answer to startup", observed=", ".join(answers))


@check(
    "lifespan.startup.not-before-event",
    level=MUST,
    clause=ASGI_LIFESPAN["startup-complete-send-event"],
    needs={"lifespan", "script"},
)
async def test_nothing_is_sent_before_startup(probe: Probe) -> None:
    """Nothing must be sent before `lifespan.startup` was received.

    Servers that check the order stop with an error.

    Usual cause: an application that does not wait for the events, because it knows in which order they come.
    Usual mend: answer each event after having received it.
    """
    run = probe.lifespan(state={})
    run.call.start()
    await run.call.until(lambda: bool(run.messages), a_while())
    if run.messages:
        raise Violation(expected="no message before startup", observed=str(run.messages[0].get("type")))
    if run.call.done:
        raise Blocked("the application does not wait for startup")


@check(
    "lifespan.startup.without-spec-version",
    level=SHOULD,
    clause=ASGI_LIFESPAN["scope"],
    needs={"lifespan", "script"},
)
async def test_spec_version_may_be_absent(probe: Probe) -> None:
    """An application should start when the lifespan scope has no `spec_version`, which is optional.

    Usual cause: `scope["asgi"]["spec_version"]` in a layer that is written for HTTP.
    Usual mend: `scope["asgi"].get("spec_version", "1.0")`.
    """
    run = probe.lifespan(state={})
    run.call.scope["asgi"] = {"version": "3.0"}
    await _same_as_always(probe, await run.startup(STARTUP), "without spec_version")


@check(
    "lifespan.startup.extra-keys",
    level=SHOULD,
    clause=ASGI["error-handling"],
    needs={"lifespan", "script"},
)
async def test_unknown_keys_are_accepted(probe: Probe) -> None:
    """Keys that the application does not know should do no harm in lifespan messages and scope.

    Newer versions of the specification, and servers, add keys.

    Usual cause: messages unpacked into a function or class with a fixed list of names.
    Usual mend: take the keys that are needed, and leave the others alone.
    """
    run = probe.lifespan(state={})
    run.call.scope["asgi_conformance.extra"] = {"key": "value"}
    run.call.put({"type": "lifespan.startup", "asgi_conformance.extra": True})
    run.call.start()
    await run.call.until(lambda: bool(run.messages), STARTUP)
    kinds = [message.get("type") for message in run.messages]
    if kinds[:1] != ["lifespan.startup.complete"]:
        await started(probe.lifespan(state={}))
        observed = str(kinds[0]) if kinds else f"no answer: {run.call.ended().how} {run.call.ended().error}".strip()
        raise Violation(expected="startup.complete in spite of an unknown key", observed=observed)


async def _same_as_always(probe: Probe, phase: object, how: str) -> None:
    answer = phase.answer  # type: ignore[attr-defined]
    if answer is not Answer.COMPLETE:
        await started(probe.lifespan(state={}))
        raise Violation(expected=f"startup.complete {how}", observed=str(answer.value))
