"""How the leaky and the clean applications are registered: by the check that finds the leak, or by none."""

import contextlib
import inspect
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route as StarletteRoute

from asgi_conformance.pattern import Route

HTTP = frozenset({"http", "http.finite"})
LIFESPAN = frozenset({"lifespan", "lifespan.restart"})


@dataclass(frozen=True)
class Case:
    """An application: its factory, its routes, and what must be found: a check, and words of what it observes.

    The line of the factory's source that has ``# leak`` in it must be named as well.
    """

    factory: object
    routes: tuple[Route, ...]
    check: str = ""
    words: tuple[str, ...] = ()
    also: frozenset[str] = frozenset()
    module: str = field(default="")

    @property
    def line(self):
        lines, first = inspect.getsourcelines(self.factory)
        marked = [first + number for number, line in enumerate(lines) if "# leak" in line]
        return f"{inspect.getsourcefile(self.factory).rpartition('/')[2]}:{marked[0]}" if marked else ""


def served(lifespan=None, endpoint=None, middleware=()):
    """A Starlette application with a lifespan and one route."""

    async def hello(request):
        return PlainTextResponse("hello")

    return Starlette(routes=[StarletteRoute("/", endpoint or hello)], lifespan=lifespan, middleware=list(middleware))


def around(function):
    """A lifespan from a generator function without arguments."""

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async for state in function():
            yield state

    return lifespan
