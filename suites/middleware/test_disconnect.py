"""Middleware: the application inside hears that the client is gone."""

import asyncio

from asgi_conformance import PRACTICE, Faults, NotApplicable, Probe, Unanswered, Violation, check, waits
from asgi_conformance.drivers.base import Request
from asgi_conformance.drivers.http import InProcessHTTPExchange
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.judging import http_call
from asgi_conformance.onion import LEFT, Onion, Passing, Step
from asgi_conformance.spec import ASGI_HTTP, PRACTICES
from asgi_conformance.waits import Limit

from .layers import layers, seconds

PAUSE = 10.0  # seconds between two parts of the body, so that the response is not over too soon
PLACES = 4  # the first so many receives and sends, at each of which the client leaves once
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


@check(
    "middleware.disconnect.raises-nothing",
    level=PRACTICE,
    clause=PRACTICES["middleware-disconnect"],
    needs={"http", "script"},
)
async def test_layers_raise_nothing_of_their_own(probe: Probe) -> None:
    """A layer must not raise an error of its own because the client has left, when the application inside has not.

    Clients leave all the time. An error for each of them fills the log, and hides the errors that matter.

    Usual cause: a layer that waits for a response from inside, and takes it for a fault when there is none.
    Usual mend: return when the application inside has returned.
    """
    async with layers(probe) as onion, probe.exchange() as exchange:
        await exchange.ending(WITHIN)
    always = _own_errors(onion).keys()  # there is a check of its own about those
    for version in ("2.3", "2.4"):
        for place in range(PLACES):
            async with layers(probe) as onion:
                call = await http_call(
                    probe,
                    spec_version=version,
                    farewell={"type": "http.disconnect"},
                    faults=Faults(leave_at=place),
                    window=8,
                )
                await waits.ending(call, Limit(60.0, 2.0))
                left = call.gone
            for layer, error in _own_errors(onion).items():
                if layer not in always:
                    raise Violation(
                        expected=f"no error of {onion.names[layer]} when the client leaves (spec_version {version})",
                        observed=f"{type(error).__name__}: {error}",
                    )
            if not left:
                break


def _own_errors(onion: Onion) -> dict[int, BaseException]:
    """The layers that raised although the application inside had not, and it was not the client's leaving."""
    found = {}
    for layer in range(onion.innermost):
        error = next((step.error for step in onion.at(layer, Passing.RAISED)), None)
        inside = onion.at(layer + 1, *LEFT)
        if error is not None and inside and inside[-1].what is not Passing.RAISED and not _is_about_the_client(error):
            found[layer] = error
    return found


def _is_about_the_client(error: BaseException | None) -> bool:
    """Whether the error is what `send` has raised, or was raised while that was handled."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) or "disconnect" in type(error).__name__.lower():
            return True
        if isinstance(error, BaseExceptionGroup) and all(_is_about_the_client(one) for one in error.exceptions):
            return True
        error = error.__cause__ or error.__context__
    return False
