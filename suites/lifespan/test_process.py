"""Lifespan: the end of a server process."""

import signal

from asgi_conformance import PRACTICE, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.drivers.server.calls import Call
from asgi_conformance.spec import ASGI_LIFESPAN

TOLD = 10.0  # real seconds until the application hears of the shutdown, with nothing left to do
BOUND = 30.0  # real seconds until the process is gone, which is what supervisors commonly give
ANSWERS = {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}


@check(
    "lifespan.process.sigterm",
    level=PRACTICE,
    clause=ASGI_LIFESPAN["shutdown-receive-event"],
    needs={"lifespan", "process"},
)
async def test_sigterm_ends_the_process_after_the_cleanup(probe: Probe) -> None:
    """SIGTERM should run the application's shutdown, and end the process within 30 seconds.

    That is how supervisors and containers stop a process; afterwards they kill.

    Usual cause: a signal handler of the application, or of a library that it uses, takes the place of the
    server's; a thread that is no daemon holds the end of the process up.
    Usual mend: leave the signals to the server and clean up in the lifespan; tell threads to stop, and join them.
    """
    await _ends_after_the_cleanup(probe, signal.SIGTERM)


@check(
    "lifespan.process.sigint",
    level=PRACTICE,
    clause=ASGI_LIFESPAN["shutdown-receive-event"],
    needs={"lifespan", "process"},
)
async def test_sigint_ends_the_process_after_the_cleanup(probe: Probe) -> None:
    """SIGINT should run the application's shutdown, and end the process within 30 seconds.

    That is Ctrl-C in a terminal, and what some supervisors send.

    Usual cause: a handler of the application's own for Ctrl-C that takes the place of the server's; a loop that
    takes `KeyboardInterrupt` for an ordinary error.
    Usual mend: leave the signals to the server and clean up in the lifespan.
    """
    await _ends_after_the_cleanup(probe, signal.SIGINT)


async def _ends_after_the_cleanup(probe: Probe, number: signal.Signals) -> None:
    await probe.start()
    server = probe.driver_as(ServerDriver)
    server.signal(number)
    await server.call(lambda call: server.process.ended or _told(call), TOLD)
    if not server.process.ended and not any(map(_told, server.calls)):
        raise Violation(expected=f"lifespan.shutdown within {TOLD:g} s of {number.name}", observed="no such event")
    try:
        await server.wait_exit(BOUND)
    except Unanswered as reason:
        raise Violation(
            expected=f"the end of the process within {BOUND:g} s of {number.name}", observed=str(reason)
        ) from None
    lifespans = [call for call in server.calls if call.type == "lifespan"]
    if not any(message.get("type") in ANSWERS for call in lifespans for message in call.sent):
        raise Violation(expected="an answer to shutdown before the end of the process", observed="none")


def _told(call: Call) -> bool:
    return any(message.get("type") == "lifespan.shutdown" for message in call.received)
