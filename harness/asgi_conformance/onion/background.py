"""Background tasks of Starlette and FastAPI, reported while they run; nothing is imported for it."""

import functools
import sys
from collections.abc import Callable
from typing import Any

from asgi_conformance.onion.link import plain_name
from asgi_conformance.onion.step import Passing

MODULE, CLASS = "starlette.background", "BackgroundTask"


def watch_background(tell: Callable[[Passing, str], None]) -> Callable[[], None]:
    """Call `tell` with the beginning and end of each background task and its name; what is returned ends that.

    Where Starlette has not been imported there is nothing to watch.
    """
    kind = getattr(sys.modules.get(MODULE), CLASS, None)
    if kind is None:
        return lambda: None
    before = kind.__call__

    @functools.wraps(before)
    async def watched(task: Any) -> Any:
        name = plain_name(getattr(task, "func", task))
        tell(Passing.WORKS, name)
        try:
            return await before(task)
        finally:
            tell(Passing.WORKED, name)

    kind.__call__ = watched

    def undo() -> None:
        kind.__call__ = before

    return undo
