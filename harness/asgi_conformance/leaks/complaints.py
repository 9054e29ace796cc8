"""What Python and asyncio say about an application that forgets: coroutines, exceptions, what nobody has closed.

Nobody hears it where logs are not read and warnings are off, which is how servers run.
"""

import asyncio
import contextlib
import gc
import re
import sys
import threading
import traceback
import warnings
from types import TracebackType
from typing import Any, Self

from asgi_conformance.leaks.leak import HERE, Leak, is_library, told_line
from asgi_conformance.leaks.origins import Origins

COROUTINE = "coroutine never awaited"
EXCEPTION = "exception unheard"
UNCLOSED = "left to the garbage collector"

_NEVER_AWAITED = re.compile(r"coroutine '(?P<name>[^']+)' was never awaited")
_DEPTH = 12  # frames that a coroutine remembers of where it was made


class Complaints:
    """Hears what is said about forgotten things while it is entered, in a task of the loop that is meant.

    With `origins`, tasks that ended with an exception which nobody has asked for are found as well while somebody
    still holds them; asyncio says so only when they are gone.
    """

    def __init__(self, origins: Origins | None = None) -> None:
        self._origins = origins
        self._leaks: list[Leak] = []
        self._said: list[warnings.WarningMessage] = []
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        undo = self._undo
        self._said = undo.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", _NEVER_AWAITED.pattern, RuntimeWarning)
        warnings.filterwarnings("always", category=ResourceWarning)
        depth = sys.get_coroutine_origin_tracking_depth()
        undo.callback(sys.set_coroutine_origin_tracking_depth, depth)
        sys.set_coroutine_origin_tracking_depth(max(depth, _DEPTH))
        loop = asyncio.get_running_loop()
        undo.callback(self._put_back, loop, loop.get_exception_handler())
        loop.set_exception_handler(self._complained)
        undo.callback(setattr, threading, "excepthook", threading.excepthook)
        threading.excepthook = self._thread_died
        undo.callback(setattr, sys, "unraisablehook", sys.unraisablehook)
        sys.unraisablehook = self._unraisable
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._undo.close()

    def _put_back(self, loop: asyncio.AbstractEventLoop, handler: Any) -> None:
        if loop.get_exception_handler() == self._complained:
            loop.set_exception_handler(handler)

    async def heard(self) -> list[Leak]:
        """What was said so far, after whatever is garbage has been collected; in the order in which it was said."""
        for _ in range(2):  # what the first round closes may have held more
            gc.collect()
            await asyncio.sleep(0)
        said, self._said[:] = list(self._said), []
        self._leaks += [leak for leak in map(_of_warning, said) if leak is not None]
        self._leaks += self._held()
        return list(self._leaks)

    def _held(self) -> list[Leak]:
        """The exceptions of tasks that nobody has asked for up to now, and somebody still holds."""
        found = []
        for task in self._origins.tasks if self._origins is not None else ():
            # What asyncio itself looks at when it decides whether to complain; to cancel a task that has ended counts
            # as hearing for it.
            if task.done() and getattr(task, "_log_traceback", False):
                exception: Any = getattr(task, "_exception", None)
                found.append(_unheard(exception, self._made(task)))
                task._log_traceback = False  # noqa: SLF001 - it is told once
        return found

    def _made(self, task: object) -> str:
        return self._origins.of_task(task) if self._origins is not None and isinstance(task, asyncio.Task) else ""

    # Who says something.

    def _complained(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        task = context.get("task") or context.get("future")
        made = self._made(task)
        error = context.get("exception")
        if error is not None:
            self._leaks.append(_unheard(error, made))
        else:
            self._leaks.append(Leak(EXCEPTION, str(context.get("message", "")).strip(), made=made))

    def _thread_died(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            made = self._origins.of_thread(args.thread) if self._origins and args.thread else ""
            self._leaks.append(_unheard(args.exc_value, made))

    def _unraisable(self, unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, BaseException):
            self._leaks.append(_unheard(unraisable.exc_value, ""))


def _unheard(error: BaseException, made: str) -> Leak:
    return Leak(EXCEPTION, f"{type(error).__name__}: {error}", _raised_at(error.__traceback__), made)


def _raised_at(trace: TracebackType | None) -> str:
    """The innermost line of a traceback that is somebody's own."""
    frames = [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in traceback.walk_tb(trace)]
    return _own(frames)


def _of_warning(said: warnings.WarningMessage) -> Leak | None:
    text = str(said.message)
    never = _NEVER_AWAITED.match(text)
    if never is not None:
        origin = getattr(said.source, "cr_origin", None) or ()  # None in threads that were not told to note it
        code = getattr(said.source, "cr_code", None)
        place = told_line(code.co_filename, code.co_firstlineno, code.co_name) if code is not None else ""
        return Leak(COROUTINE, never["name"], place, _own([*reversed(origin)]))
    if issubclass(said.category, ResourceWarning):
        return Leak(UNCLOSED, text.partition("\n")[0])
    return None


def _own(frames: list[tuple[str, int, str]]) -> str:
    """The last of the lines, given from the outside in, that is neither a library's nor ours."""
    own = [frame for frame in frames if not is_library(frame[0]) and not _in_package(frame[0])]
    chosen = own or frames
    return told_line(*chosen[-1]) if chosen else ""


def _in_package(file: str) -> bool:
    return file.startswith(HERE) and not file[len(HERE) :].startswith(("fixtures", "suites"))
