"""Runs a piece of work in a forked child, so that what it does to an application is gone afterwards.

An application that was imported once is pristine in each child: its lifespan may run again, its registries are
empty, and what ends the process ends the child alone.
"""

import contextlib
import importlib
import inspect
import os
import pickle
import selectors
import signal
import struct
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from typing import NoReturn, TypeVar

from asgi_conformance.drivers.server.lifeline import tie_to_parent
from asgi_conformance.lint import linter as lint

T = TypeVar("T")

OUR_THREADS = "asgi-conformance"
_LENGTH = struct.Struct("!Q")


class ChildEnded(Exception):
    """The child ended without a result; the text says how."""


def can_fork() -> bool:
    """Whether a fork is safe here: the system has it, and no thread but ours would be missing in the child."""
    others = (
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.name.startswith(OUR_THREADS)
    )
    in_main = threading.current_thread() is threading.main_thread()
    return hasattr(os, "fork") and in_main and next(others, None) is None


def warm_up() -> None:
    """Do once, here, what every child would have to do anew."""
    lint.warm_up()
    inspect.getsource(warm_up)  # frameworks look at the source of endpoints, which compiles a tokenizer
    if "anyio" in sys.modules:  # it imports its backend when that is first needed
        with contextlib.suppress(ImportError):
            importlib.import_module("anyio._backends._asyncio")


def in_child(work: Callable[[], T], *, within: float) -> T:
    """The result of `work`, which has to be picklable, computed in a forked child.

    Raises ChildEnded when the child ends without a result, or has none within `within` real seconds. What
    `work` raises is raised here.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    with warnings.catch_warnings():
        # Python warns of forks beside threads; ours only wait, and `can_fork` looks for others.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(reading)
        tie_to_parent(parent)
        _work_and_end(work, writing)
    os.close(writing)
    told = b""
    try:
        told = _read(reading, within)
    finally:
        os.close(reading)
        # A child that has told its result has nothing more to do; one that has not is not waited for.
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if not told:
        code = os.waitstatus_to_exitcode(status)
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        raise ChildEnded(f"the application ended the process, or did not come back within {within:g} s ({how})")
    succeeded, result = pickle.loads(told)  # noqa: S301 - our own child wrote it
    if not succeeded:
        raise result
    return result  # type: ignore[no-any-return]


def _work_and_end(work: Callable[[], object], writing: int) -> NoReturn:
    """The whole life of the child. It ends without Python's own farewell, which belongs to the parent."""
    code = 0
    try:
        try:
            told = pickle.dumps((True, work()))
        except Exception as error:
            told = pickle.dumps((False, error))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(_LENGTH.pack(len(told)) + told)
    except BaseException:
        traceback.print_exc()
        code = 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _read(reading: int, within: float) -> bytes:
    """What the child has told; nothing when it ends, or the bound is over, before that is whole."""
    deadline = time.monotonic() + within
    held = b""
    with selectors.DefaultSelector() as selector:
        selector.register(reading, selectors.EVENT_READ)
        while len(held) < _LENGTH.size or len(held) < _LENGTH.size + _LENGTH.unpack_from(held)[0]:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return b""
            data = os.read(reading, 1 << 16)
            if not data:
                return b""
            held += data
    return held[_LENGTH.size :]
