"""Middleware: the application inside hears that the client is gone."""

import asyncio

from asgi_conformance import PRACTICE, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Request
from asgi_conformance.drivers.http import InProcessHTTPExchange
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.onion import LEFT, Onion, Passing, Step
from asgi_conformance.spec import ASGI_HTTP

from .layers import layers, seconds

PAUSE = 10.0  # seconds between two parts of the body, so that the response is not over too soon
WITHIN = 35.0  # seconds until the application inside has to know


@check(
    "middleware.disconnect.passes-inwards",
    level=PRACTICE,
    clause=ASGI_HTTP["disconnect-receive-event"],
    needs={"http.stream", "script"},
)
async def test_disconnect_reaches_the_innermost_application(probe: Probe) -> None:
    """What says that the client is gone must pass every layer on its way to the application.

    Below spec_version 2.4 that is the `http.disconnect` message, from 2.4 on also the error that `send`
    raises. An application that hears of neither goes on producing for nobody.

    Usual cause: a layer with a `receive` of its own that never gives `http.disconnect`; a layer that catches
    `OSError` around `send` and returns as if all were well.
    Usual mend: hand `receive` down as it is; let what `send` raises pass.
    """
    told = 0
    for version in ("2.3", "2.4"):
        async with layers(probe, pause=PAUSE) as onion:
            scope = probe.inprocess.http_scope(probe.http_request())
            scope["asgi"] = {"version": "3.0", "spec_version": version}
            await _leave_early(probe.inprocess, scope, probe.http_request())
        if (fault := _deaf(onion)) is not None:
            expected = f"the news that the client is gone at {onion.names[-1]} (spec_version {version})"
            raise Violation(expected=expected, observed=fault)
        told += _told(onion)
    if not told:
        raise NotApplicable("the response is over before the news can arrive, or nobody asks for them")


async def _leave_early(driver: InProcess, scope: dict[str, object], request: Request) -> None:
    """Open the stream, read its beginning, go away, and give the application time to notice."""
    inbox = [{"type": "http.request", "body": request.body, "more_body": False}]
    exchange = InProcessHTTPExchange(driver.call(scope, inbox, {"type": "http.disconnect"}, window=1))
    try:
        await exchange.head()
        await exchange.piece()
    except Unanswered as reason:
        raise NotApplicable(f"there is no stream to leave: {reason}") from None
    if exchange.complete:
        raise NotApplicable("the response is over before anybody can leave")
    await exchange.disconnect()
    await asyncio.sleep(seconds(WITHIN))


def _deaf(onion: Onion) -> str | None:
    """Which layer kept the news from the application inside, and how; None where it was told, or never asked."""
    if onion.at(onion.innermost, *LEFT) or _told(onion):
        return None
    for layer in range(onion.innermost):
        if _waits(onion, layer + 1) and not _waits(onion, layer):
            return f"a call of receive() that {onion.names[layer]} leaves without an answer"
        refused = [number for number, step in enumerate(onion.steps) if step.layer == layer and _is_refusal(step)]
        told = any(_is_refusal(step) or step.what in LEFT for step in onion.at(layer + 1))
        if refused and not told and any(s.what is Passing.SENDS for s in onion.steps[refused[0] :] if s.layer > layer):
            return f"an error of send() that ends in {onion.names[layer]}"
    return None


def _told(onion: Onion) -> bool:
    """Whether the innermost application heard that the client is gone."""
    inner = onion.at(onion.innermost, Passing.RECEIVED, Passing.REFUSED, Passing.CANCELLED)
    return any(s.what is not Passing.RECEIVED or s.message.get("type") == "http.disconnect" for s in inner)


def _is_refusal(step: Step) -> bool:
    return step.what is Passing.REFUSED


def _waits(onion: Onion, layer: int) -> bool:
    """Whether the layer is waiting in receive() at the end."""
    asked = len(onion.at(layer, Passing.WAITS))
    return asked > len(onion.at(layer, Passing.RECEIVED)) and not onion.at(layer, *LEFT)
