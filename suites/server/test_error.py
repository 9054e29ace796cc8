"""Server: what an application gets wrong, and what it may do."""

from typing import Any

from asgi_conformance import MUST, PRACTICE, SHOULD, Probe, Violation, check
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.spec import ASGI

from .script import DRAIN, NEEDS, OK, Step, body, play, start

CLAUSE = ASGI["error-handling"]
FIVE = (b"content-length", b"5")


async def _raised(probe: Probe, what: str, *steps: Step) -> None:
    """Violation unless the last of these sends raises; a valid response follows, so that the server can go on."""
    played = await play(probe, *steps, *OK)
    await played.response()
    told = await played.record()
    outcomes = [event for event in told.events if event[0] in {"sent", "send-raised"}]
    if len(outcomes) < len(steps) or outcomes[len(steps) - 1][0] != "send-raised":
        raise Violation(expected=f"a send() that raises for {what}", observed="a send() that returned")


def _send(message: Any) -> Step:
    return ("send", message)


@check("server.send.unknown-type", level=SHOULD, clause=CLAUSE, needs=NEEDS)
async def test_unknown_type_raises(probe: Probe) -> None:
    """`send` should raise for an event of a type that the server does not know, or of another protocol."""
    await _raised(probe, "an unknown type", _send({"type": "http.response.conformance"}))
    await _raised(probe, "an event of another protocol", _send({"type": "websocket.accept"}))


@check("server.send.out-of-order", level=SHOULD, clause=CLAUSE, needs=NEEDS)
async def test_event_out_of_order_raises(probe: Probe) -> None:
    """`send` should raise for a body before the start, and for a second start."""
    await _raised(probe, "a body before the start", body(b"early"))
    await _raised(probe, "a second start", start(200, [FIVE]), start(200, [FIVE]))


@check("server.send.missing-key", level=SHOULD, clause=CLAUSE, needs=NEEDS)
async def test_missing_key_raises(probe: Probe) -> None:
    """`send` should raise for an event that lacks what it must have: a start without `status`, no `type`."""
    await _raised(probe, "a start without 'status'", _send({"type": "http.response.start"}))
    await _raised(probe, "an event without 'type'", _send({"status": 200}))


@check("server.send.wrong-type", level=SHOULD, clause=CLAUSE, needs=NEEDS)
async def test_wrong_type_raises(probe: Probe) -> None:
    """`send` should raise for values of the wrong type: text as header name or body, a status as text.

    Otherwise the mistake shows somewhere else, or nowhere, until another server is used.
    """
    await _raised(probe, "a header name that is text", start(200, [("x-a", b"1"), FIVE]))  # type: ignore[list-item]
    await _raised(probe, "a status that is text", start("200", [FIVE]))
    await _raised(probe, "a body that is text", start(200, [FIVE]), body("hello"))
    await _raised(probe, "a list for an event", _send(["http.response.start"]))


@check("server.send.extra-keys", level=SHOULD, clause=CLAUSE, needs=NEEDS)
async def test_unknown_keys_are_accepted(probe: Probe) -> None:
    """An event with keys that the server does not know should be accepted: new versions add keys."""
    more = {"conformance": {"key": [1]}}
    steps = start(200, [FIVE], **more), _send({"type": "http.response.body", "body": b"hello", **more})
    played = await play(probe, *steps)
    response = await played.response()
    if (await played.record()).raised or response.body != b"hello":
        raise Violation(expected="the response", observed=f"status {response.status}, {response.body!r}")


@check("server.exception.before-start", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_exception_is_answered(probe: Probe) -> None:
    """An exception before the response, or a call that returns without one, must end the request: with a 500.

    The client waits otherwise.
    """
    for how, steps in (("raises", (("raise", "on purpose"),)), ("returns without a response", ())):
        response = await (await play(probe, DRAIN, *steps)).response()
        if response.status != 500 and response.end not in {"cut", "reset"}:
            raise Violation(
                expected=f"status 500 when the application {how}", observed=f"{response.status or response.end}"
            )


@check("server.exception.midway", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_exception_midway_breaks_off(probe: Probe) -> None:
    """A response whose application raises, or returns, before its end must not look complete: the connection ends."""
    raising: Step = ("raise", "on purpose")
    part = body(b"hel", more=True)
    ways: tuple[tuple[str, tuple[Step, ...]], ...] = (
        ("raises after the start", (start(200, [FIVE]), raising)),
        ("raises in the middle of the body", (start(), part, raising)),
        ("raises in the middle of a body with a length", (start(200, [FIVE]), part, raising)),
        ("returns after the start", (start(),)),
        ("returns in the middle of the body", (start(), part)),
    )
    for how, steps in ways:
        response = await (await play(probe, DRAIN, *steps)).response()
        if response.end == "timeout" or (response.end == "complete" and response.status < 500):
            raise Violation(expected=f"a response that breaks off when the application {how}", observed=response.end)


@check("server.exception.shown", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_exception_is_shown(probe: Probe) -> None:
    """An exception that leaves the application should be shown somewhere: here, in what the server prints."""
    await probe.start()
    played = await play(probe, DRAIN, ("raise", "the-words-of-the-exception"))
    await played.response()
    await played.nothing_left_behind()  # by then it was printed, if at all
    if "the-words-of-the-exception" not in probe.driver_as(ServerDriver).log():
        raise Violation(expected="the exception in the server's log", observed="nothing of it")
