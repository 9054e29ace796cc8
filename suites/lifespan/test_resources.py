"""Lifespan: resources that are opened one after the other, and closed whatever happens."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.lifespan import Answer
from asgi_conformance.onion import Onion
from asgi_conformance.spec import PRACTICES

from .runs import GRACE, SHUTDOWN, STARTUP, forget, started

CLAUSE = PRACTICES["lifespan-resources"]
NEEDS = {"lifespan", "lifespan.resources", "script"}


@check("lifespan.resources.reverse-order", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_resources_are_closed_in_reverse_order(probe: Probe) -> None:
    """What startup opens should be closed in shutdown, each once, in the reverse of the order in which it was opened.

    What was opened later may need what was opened before, and needs it for its farewell as well.

    Usual cause: a shutdown that is written in the order of the startup, by copying it.
    Usual mend: an `AsyncExitStack`, or nested `async with`, around the `yield`.
    """
    with Watch.over(probe) as watch:
        run = probe.lifespan(state={})
        await started(run)
        await run.shutdown(SHUTDOWN)
        await run.ending(GRACE)
        forget(probe, run)
    _require(watch, "after shutdown")


@check("lifespan.resources.failed-startup", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_failed_startup_closes_what_it_has_opened(probe: Probe) -> None:
    """When startup fails halfway, what it has opened by then should be closed, in reverse order.

    The server ends, or whoever embeds it tries again, with one more connection each time.

    Usual cause: the resources are opened one below the other, and closed after the `yield`, which is not reached.
    Usual mend: an `AsyncExitStack`, or nested `async with`, around the `yield`.
    """
    for failing in probe.promise("lifespan.resources").split()[1:]:
        with Watch.over(probe) as watch:
            watch.fails_to_open = failing
            run = probe.lifespan(state={})
            phase = await run.startup(STARTUP)
            await run.ending(GRACE)
            forget(probe, run)
        if phase.answer is Answer.COMPLETE:
            raise Violation(expected=f"no startup.complete without {failing}", observed="startup.complete")
        _require(watch, f"when {failing} fails")


@check("lifespan.resources.closed-in-spite", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_resources_are_closed_in_spite_of_each_other(probe: Probe) -> None:
    """When closing one resource fails, the others should be closed all the same.

    Usual cause: the steps of the shutdown stand below each other, so that the first error leaves out the rest.
    Usual mend: an `AsyncExitStack`, or nested `async with`, around the `yield`.
    """
    for failing in probe.promise("lifespan.resources").split():
        with Watch.over(probe) as watch:
            watch.fails_to_close = failing
            run = probe.lifespan(state={})
            await started(run)
            await run.shutdown(SHUTDOWN)
            await run.ending(GRACE)
            forget(probe, run)
        if len(watch.to_be_closed) < 2:
            raise NotApplicable("two resources that have to be closed")
        if failing in watch.to_be_closed:
            _require(watch, f"when closing what {failing} gave fails", ordered=False)


def _require(watch: "Watch", when: str, *, ordered: bool = True) -> None:
    expected, observed = watch.to_be_closed[::-1], watch.closed
    if not ordered:
        expected, observed = sorted(expected), sorted(observed)
    if observed != expected:
        raise Violation(
            expected=f"closed {when}: {', '.join(expected) or 'nothing'}", observed=", ".join(observed) or "nothing"
        )


@dataclass
class Watch:
    """The functions that open resources, stood in for: which were opened and closed, and which are to fail."""

    to_be_closed: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    fails_to_open: str = ""
    fails_to_close: str = ""

    @classmethod
    @contextmanager
    def over(cls, probe: Probe) -> Iterator["Watch"]:
        """Stand in for the functions of the application's module that it names in its promise."""
        names = probe.promise("lifespan.resources").split()
        module = _module(probe, names)
        own = {name: module[name] for name in names}
        watch = cls()
        try:
            module.update({name: watch.opener(name, opener) for name, opener in own.items()})
            yield watch
        finally:
            module.update(own)

    def opener(self, name: str, opener: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which fails where it is to, and whose result tells when it is closed."""

        @functools.wraps(opener)
        async def awaited(*args: Any, **how: Any) -> Any:
            self._maybe_fail(name)
            return self._watched(name, await opener(*args, **how))

        @functools.wraps(opener)
        def called(*args: Any, **how: Any) -> Any:
            self._maybe_fail(name)
            return self._watched(name, opener(*args, **how))

        return awaited if inspect.iscoroutinefunction(opener) else called

    def _maybe_fail(self, name: str) -> None:
        if name == self.fails_to_open:
            raise ConnectionError(f"{name} fails")

    def _watched(self, name: str, resource: Any) -> Any:
        close: Callable[[], Awaitable[None]] | None = getattr(resource, "close", None)
        if close is None:
            return resource
        self.to_be_closed.append(name)

        async def noted() -> None:
            self.closed.append(name)
            await close()
            if name == self.fails_to_close:
                raise ConnectionError(f"closing what {name} gave fails")

        resource.close = noted
        return resource


def _module(probe: Probe, names: list[str]) -> dict[str, Any]:
    """The globals of the application's module, found by its endpoints. Frameworks are known by attributes only."""
    with Onion(probe.inprocess.app) as onion:
        routers = [getattr(layer, "router", None) for layer in onion.inside]
    for router in routers:
        for route in getattr(router, "routes", ()):
            endpoint: Any = getattr(route, "endpoint", None)
            module: dict[str, Any] = getattr(inspect.unwrap(endpoint), "__globals__", {})
            if all(name in module for name in names):
                return module
    raise Blocked(f"the application's module has no {' and '.join(names)}")
