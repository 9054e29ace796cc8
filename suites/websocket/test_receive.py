"""Practice: how an application receives."""

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.spec import PRACTICES

from .conversation import LOSS, end, quiet, rehearse, scope_for


@check(
    "websocket.receive.not-parallel",
    level=PRACTICE,
    clause=PRACTICES["websocket-receive"],
    needs={"websocket", "script"},
)
async def test_one_receive_at_a_time(probe: Probe) -> None:
    """An application should have one `receive` under way at a time.

    The specification does not say what two of them get. Servers disagree: one of the two gets each message,
    both get the disconnect, or the second one raises.

    Usual cause: a task that waits for the disconnect beside a handler that waits for messages.
    Usual mend: one reader that hands out what it gets, through a queue.
    """
    rehearsal = await rehearse(probe)
    call = await probe.call(scope_for(probe), rehearsal.inbox, LOSS)
    await call.until(lambda: False, quiet(probe))
    call.leave()
    await end(call)
    if call.most_receiving > 1:
        raise Violation(expected="one receive at a time", observed=f"{call.most_receiving} at once")
