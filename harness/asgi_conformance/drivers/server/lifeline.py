"""The lifeline: no process that the runner has started outlives it, however it ends.

Two ways, because each has a gap. The kernel's parent-death signal cannot be missed, but it is Linux only and
follows the thread that started the process. The control pipe works everywhere: when the runner is gone, however
it went, the kernel closes its end; but a thread has to be alive to notice.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

CUT = 113  # the exit code of a process whose runner is gone; nobody is left to read it
THREAD = "asgi-conformance-lifeline"

_PR_SET_PDEATHSIG = 1


def tie_to_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent`, which has to be its parent, ends; 0 for not at all."""
    if not parent or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(CUT)


def follow(control: int, obey: Callable[[dict[str, Any]], None]) -> None:
    """Hand each command (a JSON object a line) to `obey`, in a thread; end the process when the pipe ends."""

    def listen() -> None:
        rest = b""
        while chunk := os.read(control, 65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                obey(json.loads(line))
        os._exit(CUT)

    threading.Thread(target=listen, name=THREAD, daemon=True).start()
