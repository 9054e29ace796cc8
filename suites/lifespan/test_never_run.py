"""Lifespan: what is written to be run at startup and shutdown is run."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from asgi_conformance import PRACTICE, NotApplicable, Probe, Violation, check
from asgi_conformance.onion import Onion
from asgi_conformance.spec import PRACTICES

from .runs import cycle

CLAUSE = PRACTICES["lifespan-never-run"]
HANDLERS = ("on_startup", "on_shutdown")


@check("lifespan.handlers.run", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_registered_handlers_run(probe: Probe) -> None:
    """A handler that is registered for startup or shutdown must run.

    Nothing says that it does not: what it was to prepare is missing when the first request needs it.

    Usual cause: the application has a lifespan as well, which takes the place of all handlers.
    Usual mend: move what the handlers do into the lifespan.
    """
    waiting: list[str] = []
    undo: list[Callable[[], object]] = []
    for router in _routers(probe):
        for event in HANDLERS:
            handlers = getattr(router, event, None)
            if isinstance(handlers, list) and handlers:
                undo.append(functools.partial(handlers.__setitem__, slice(None), list(handlers)))
                handlers[:] = [_noted(handler, waiting) for handler in handlers]
    if not waiting:
        raise NotApplicable("no handler is registered")
    try:
        await cycle(probe)
    finally:
        for put_back in undo:
            put_back()
    if waiting:
        raise Violation(expected="every registered handler run", observed=f"not run: {', '.join(waiting)}")


def _noted(handler: Callable[[], Any], waiting: list[str]) -> Callable[[], Any]:
    """The handler, which takes its name off the list when it is called."""
    name = getattr(handler, "__name__", type(handler).__name__)
    waiting.append(name)

    def noted() -> Any:
        if name in waiting:
            waiting.remove(name)
        return handler()

    async def awaited() -> Any:
        return await noted()

    return awaited if inspect.iscoroutinefunction(handler) else noted


@check("lifespan.mounted.run", level=PRACTICE, clause=CLAUSE, needs={"lifespan", "script"})
async def test_lifespans_of_mounted_applications_run(probe: Probe) -> None:
    """The lifespan of a mounted application must run, if it has one.

    Frameworks hand lifespan events to the outermost application only. A mounted one that was written and
    tested alone then serves without what its startup prepares.

    Usual cause: `app.mount("/sub", sub)` with a `sub` that has a lifespan of its own.
    Usual mend: `async with sub.router.lifespan_context(sub): yield` in the lifespan of the outer application.
    """
    waiting: list[str] = []
    undo: list[Callable[[], object]] = []
    for path, router in _mounted(probe):
        context = router.lifespan_context
        waiting.append(path)
        undo.append(functools.partial(setattr, router, "lifespan_context", context))
        router.lifespan_context = _entered(context, path, waiting)
    if not waiting:
        raise NotApplicable("no mounted application has a lifespan of its own")
    try:
        await cycle(probe)
    finally:
        for put_back in undo:
            put_back()
    if waiting:
        raise Violation(expected="the lifespan of each mounted application", observed=f"none at {', '.join(waiting)}")


def _entered(context: Any, path: str, waiting: list[str]) -> Callable[[Any], AbstractAsyncContextManager[Any]]:
    """The lifespan, which takes its path off the list when it is used."""

    def entered(app: Any) -> Any:
        if path in waiting:
            waiting.remove(path)
        return context(app)

    return entered


# Frameworks are known here by the names of their attributes only.


def _routers(probe: Probe) -> Iterator[Any]:
    """The routers of the applications in the stack, the outermost first."""
    with Onion(probe.inprocess.app) as onion:
        stack = list(onion.inside)
    for layer in stack:
        router = getattr(layer, "router", None)
        if router is not None:
            yield router


def _mounted(probe: Probe) -> Iterator[tuple[str, Any]]:
    """The path and the router of each mounted application that has something to run."""
    for router in _routers(probe):
        for route in getattr(router, "routes", ()):
            app: Any = getattr(route, "app", None)
            if inspect.isroutine(app) or not isinstance(getattr(route, "path", None), str):
                continue
            while getattr(app, "router", None) is None and getattr(app, "app", None) is not None:
                app = app.app
            inner = getattr(app, "router", None)
            if inner is not None and _does_something(getattr(inner, "lifespan_context", None)):
                yield route.path, inner


def _does_something(context: Any) -> bool:
    """Whether a lifespan is more than the one that frameworks put where there is none."""
    if type(context).__name__ == "_DefaultLifespan":
        router = getattr(context, "_router", None)
        return any(getattr(router, event, None) for event in HANDLERS)
    if getattr(context, "__name__", "") == "merged_lifespan":
        merged = inspect.getclosurevars(inspect.unwrap(context)).nonlocals.values()
        return any(_does_something(part) for part in merged)
    return context is not None
