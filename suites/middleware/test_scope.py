"""Middleware: what a layer has no business with passes to the application inside."""

import contextlib

from asgi_conformance import PRACTICE, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Request
from asgi_conformance.drivers.lifespan import Answer, LifespanRun
from asgi_conformance.onion import LEFT, Onion, Passing
from asgi_conformance.protocol.types import ASGIApp
from asgi_conformance.spec import ASGI, ASGI_LIFESPAN, ASGI_WEBSOCKET

from .layers import layers

WITHIN = 30.0
GRACE = 5.0
UNKNOWN = "asgi-conformance.unknown"


@check(
    "middleware.scope.lifespan-passes",
    level=PRACTICE,
    clause=ASGI_LIFESPAN["scope"],
    needs={"script"},
)
async def test_lifespan_reaches_the_application_that_answers_it(probe: Probe) -> None:
    """A layer must hand lifespan events on when the application inside answers them.

    Servers take an application that raises, or returns, for one without lifespan, and say nothing: the
    application serves, and its startup never ran.

    Usual cause: a layer that begins with `if scope["type"] != "http": return`, or that looks for a key that
    only HTTP scopes have.
    Usual mend: `await self.app(scope, receive, send)` for every scope type that the layer does not handle.
    """
    async with layers(probe, start=False) as onion:
        applications = [onion.app, *onion.inside[1:]]
        for number, app in enumerate(applications):
            if await _answers_startup(probe, app):
                if number == 0:
                    return
                raise Violation(
                    expected=f"lifespan.startup at {onion.names[number]}, which answers it",
                    observed=f"nothing gets past {onion.names[number - 1]}",
                )
    raise NotApplicable("no application in the stack has a lifespan")


async def _answers_startup(probe: Probe, app: ASGIApp) -> bool:
    run = LifespanRun(app, state={}, transcript=probe.transcript)
    phase = await run.startup(WITHIN)
    if phase.answer is Answer.COMPLETE:
        await run.shutdown(WITHIN)
    await run.call.stop(GRACE)
    return phase.answer in {Answer.COMPLETE, Answer.FAILED}


@check(
    "middleware.scope.websocket-passes",
    level=PRACTICE,
    clause=ASGI_WEBSOCKET["websocket-connection-scope"],
    needs={"websocket", "script"},
)
async def test_websocket_reaches_the_innermost_application(probe: Probe) -> None:
    """A layer must hand a websocket on, or answer the handshake itself.

    Usual cause: a layer that returns, or raises a KeyError for `method` or `status`, when the scope is not
    an HTTP one. The client sees a failed handshake, the log often nothing.
    Usual mend: `await self.app(scope, receive, send)` for every scope type that the layer does not handle.
    """
    async with layers(probe) as onion, probe.websocket() as exchange:
        with contextlib.suppress(Unanswered):
            await exchange.opened(WITHIN)
    _all_entered(onion, answered=bool(exchange.messages))


@check(
    "middleware.scope.unknown-passes",
    level=PRACTICE,
    clause=ASGI["protocol-specifications"],
    needs={"script"},
)
async def test_unknown_scope_types_reach_the_innermost_application(probe: Probe) -> None:
    """A layer should hand a scope of a type that it does not know to the application inside.

    It is the application that says, by raising, that it does not serve the protocol. A layer that returns
    instead tells the server that all went well; one that raises keeps a protocol away from an application
    that may well serve it.

    Usual cause: a layer that treats everything that is no websocket and no lifespan as HTTP.
    Usual mend: `await self.app(scope, receive, send)` for every scope type that the layer does not handle.
    """
    async with layers(probe) as onion:
        # The keys that a connection of any protocol has; a layer may look at them whatever the type is.
        scope = probe.inprocess.http_scope(Request()) | {"type": UNKNOWN}
        call = await probe.call({key: value for key, value in scope.items() if key not in {"method", "http_version"}})
        await call.ending(WITHIN)
    _all_entered(onion, answered=False)


def _all_entered(onion: Onion, *, answered: bool) -> None:
    """Find the layer at which the call stopped, unless it was answered there."""
    deepest = max(step.layer for step in onion.steps if step.what is Passing.ENTERED)
    if deepest == onion.innermost or answered:
        return
    ends = onion.at(deepest, *LEFT)
    how = f"raises {type(ends[0].error).__name__}" if ends and ends[0].error else "returns" if ends else "waits"
    raise Violation(
        expected=f"a call of {onion.names[deepest + 1]} inside {onion.names[deepest]}",
        observed=f"{onion.names[deepest]} {how} without it",
    )
