"""Whether a websocket endpoint sends back what it is sent: the cases of the WebSocket protocol build on that."""

import asyncio
from dataclasses import replace

from asgi_conformance.clock import VirtualLoop
from asgi_conformance.discovery import OutOfReach
from asgi_conformance.drivers.base import Closed, Driver, Request, Unanswered, Unreachable
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.drivers.remote import RemoteDriver
from asgi_conformance.isolation import ChildEnded, can_fork, in_child
from asgi_conformance.loading import load
from asgi_conformance.pattern import Route
from asgi_conformance.runner import close_loop
from asgi_conformance.target import Target
from asgi_conformance.watchdog import guard

MIRROR = "websocket.mirror"
HELLO = "hello"
WITHIN = 5.0  # seconds for an answer
TOTAL = 60.0  # real seconds for all routes


def mirrored(target: Target) -> Target:
    """The target, with a capability more for the first of its websockets that sends "hello" back.

    One is enough: what is to be judged is the server below. Raises OutOfReach when none does, with what they do
    instead.
    """
    routes = [route for route in target.routes if "websocket" in route.capabilities]
    needs = "the cases of rfc6455 need a websocket that sends each message back as it was: name one with --websocket"
    if not routes:
        raise OutOfReach(f"{target.name} has no websocket that was named or found; {needs}")
    found = _asked(target, routes)
    if all(found.values()):
        told = "; ".join(f"{route}: {instead}" for route, instead in found.items())
        raise OutOfReach(f"{target.name} does not send {HELLO!r} back ({told}); {needs}")
    chosen = next(route for route in routes if not found[str(route)])
    able = replace(chosen, capabilities=chosen.capabilities | {MIRROR})
    return replace(target, routes=tuple(able if route is chosen else route for route in target.routes))


def _asked(target: Target, routes: list[Route]) -> dict[str, str]:
    """What each route does instead of sending "hello" back; nothing for those that do."""

    async def ask(driver: Driver) -> dict[str, str]:
        async with driver:
            return {str(route): await _instead(driver, route) for route in routes}

    def in_process() -> dict[str, str]:
        if target.app is None:
            return {}
        loop = VirtualLoop()
        found: dict[str, str] | None = None
        try:
            with guard(loop) as watched:
                found = loop.run_until_complete(ask(InProcess(load(target.app), raise_app_exceptions=False)))
        finally:
            close_loop(loop)
        return found if found is not None else {str(route): str(watched.fired) for route in routes}

    try:
        if target.url is not None:
            return asyncio.run(ask(RemoteDriver(target.url)))
        return in_child(in_process, within=TOTAL) if can_fork() else in_process()
    except (Unreachable, ChildEnded) as error:
        raise OutOfReach(f"{target.name}: {error}") from None


async def _instead(driver: Driver, route: Route) -> str:
    exchange = await driver.websocket(Request("GET", route.path, route.headers))
    try:
        handshake = await exchange.opened(WITHIN)
        if not handshake.accepted:
            return f"it refuses the handshake with status {handshake.status}"
        await exchange.send(HELLO)
        answer = await exchange.receive(WITHIN)
    except Unanswered as silence:
        return str(silence)
    finally:
        await exchange.disconnect()
        await exchange.ending(1.0)
    if isinstance(answer, Closed):
        return f"it closes with {answer.code}"
    return "" if answer == HELLO else f"it answers {answer[:40]!r}"
