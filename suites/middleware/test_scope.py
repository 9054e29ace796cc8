"""Middleware: what a layer has no business with passes to the application inside."""

import contextlib

from asgi_conformance import PRACTICE, SHOULD, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Request
from asgi_conformance.drivers.lifespan import Answer, LifespanRun
from asgi_conformance.judging import http_call
from asgi_conformance.onion import LEFT, Onion, Passing
from asgi_conformance.protocol.types import ASGIApp
from asgi_conformance.spec import ASGI, ASGI_LIFESPAN, ASGI_WEBSOCKET, PRACTICES

from .layers import layers

WITHIN = 30.0
GRACE = 5.0
UNKNOWN = "asgi-conformance.unknown"
KEY = "asgi-conformance.key"


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


@check(
    "middleware.scope.keys-pass",
    level=PRACTICE,
    clause=PRACTICES["middleware-scope"],
    needs={"http", "script"},
)
async def test_unknown_keys_reach_the_innermost_application(probe: Probe) -> None:
    """A layer must hand down the keys of the scope that it does not know.

    Servers and layers further out put there what those inside rely on: a session, the user, lifespan state.

    Usual cause: a layer that makes a new scope of the keys that it knows.
    Usual mend: `scope = {**scope, "key": value}`, or `dict(scope)`.
    """
    async with layers(probe) as onion:
        call = await http_call(probe, farewell={"type": "http.disconnect"}, scope={KEY: UNKNOWN})
        await call.until(lambda: bool(call.sent), WITHIN)
        call.leave()
        await call.ending(GRACE)
    for step in onion.steps:
        if step.what is Passing.ENTERED and step.scope.get(KEY) != UNKNOWN:
            raise Violation(
                expected=f"every key of the scope in {onion.names[step.layer]}",
                observed=f"one that {onion.names[step.layer - 1]} does not know is missing",
            )


@check(
    "middleware.scope.no-late-change",
    level=SHOULD,
    clause=ASGI["middleware"],
    needs={"http", "script"},
)
async def test_layers_leave_the_scope_alone_afterwards(probe: Probe) -> None:
    """A layer should not change the scope that it has handed down once the application inside is at work.

    Whether the change arrives depends on whether a layer in between has made a copy; what runs on inside, such as
    a background task, may or may not see it.

    Usual cause: a result that is put into the scope after the call, for a layer further out.
    Usual mend: make the change before the call; keep results in an object that was put into the scope before.
    """
    async with layers(probe) as onion:
        call = await http_call(probe, farewell={"type": "http.disconnect"})
        await call.until(lambda: bool(call.sent), WITHIN)
        call.finish()
        await call.ending(GRACE)
        call.leave()
        await call.ending(GRACE)
    for layer in range(onion.innermost, 0, -1):
        left = onion.at(layer, *LEFT)
        handed = onion.scopes.get(layer)
        if not left or handed is None:
            continue
        before = left[-1].scope
        changed = sorted(
            str(key)
            for key in (before.keys() | handed.keys()) - {"state"}
            if key not in before or key not in handed or before[key] != handed[key]
        )
        if changed:
            raise Violation(
                expected=f"the scope of {onion.names[layer]} as it was when {onion.names[layer]} ended",
                observed=f"a change of {', '.join(changed)} further out",
            )
