"""The zygote: a process that has imported servers and frameworks, and forks into a server on request.

A fresh process for each check costs most of a second of imports when it is executed anew, and a few
milliseconds when it is forked from one that has them. The zygote has one thread and no event loop, ever, so that
a fork of it is as good as new. Each child's exit status is told on a socket that came with the request.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import struct
from dataclasses import astuple, fields, replace
from typing import Any

from asgi_conformance.drivers.server import host
from asgi_conformance.drivers.server.lifeline import tie_to_parent
from asgi_conformance.drivers.server.spec import Descriptors, Spec

# What most applications need; the modules of the server come with the command line.
FRAMEWORKS = (
    "anyio._backends._asyncio",
    "fastapi",
    "fastapi.responses",
    "sse_starlette",
    "starlette.applications",
    "starlette.middleware.base",
    "starlette.responses",
    "starlette.routing",
    "starlette.websockets",
    "asyncio",
    "ctypes",
    "logging.config",
    "multiprocessing.connection",
    "uvloop",
)

HEADER = struct.Struct("!Q")  # before each request, with the descriptors: the length of the specification


def main(start: dict[str, Any]) -> None:
    """Fork a server for each request on the socket ``control``, until its other end is closed.

    `start` has the descriptor ``control``, the ``parent`` to be tied to, and the modules to ``preload``.
    """
    tie_to_parent(start["parent"])
    for name in (*start["preload"], *FRAMEWORKS):
        # Not installed, or broken: the application that needs it will say so itself.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    # What follows happens in each child. Its end is that of the whole program, so that it exits like any other:
    # threads are waited for, exit functions run, and an exception is told on stderr.
    host.run(_serve(socket.socket(fileno=start["control"])))


def _serve(control: socket.socket) -> Spec:
    """Returns in each child with its specification, and never in the zygote itself."""
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([wake, control.fileno()], [], [])
        if wake in ready:
            os.read(wake, 65536)
            _reap(children)
        if control.fileno() not in ready:
            continue
        request = _receive(control)
        if request is None:
            for child in children:
                os.kill(child, signal.SIGKILL)
            os._exit(0)
        spec, status = request
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setpgid(0, 0)  # so that the server's own children can be killed with it
            os.close(wake)
            os.close(waker)
            for other in (control, status, *children.values()):
                other.close()
            return spec
        children[pid] = status
        _tell(status, {"pid": pid})
        for descriptor in astuple(spec.descriptors):
            os.close(descriptor)


def _receive(control: socket.socket) -> tuple[Spec, socket.socket] | None:
    """The next request: what to run, and the socket on which its fate is to be told."""
    header, descriptors, _, _ = socket.recv_fds(control, HEADER.size, len(fields(Descriptors)) + 1)
    if len(header) < HEADER.size:
        return None
    (missing,) = HEADER.unpack(header)
    text = b""
    while missing > len(text):
        chunk = control.recv(missing - len(text))
        if not chunk:
            return None
        text += chunk
    *rest, status = descriptors
    spec = replace(Spec.from_json(json.loads(text)), parent=os.getpid(), descriptors=Descriptors(*rest))
    return spec, socket.socket(fileno=status)


def _reap(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        teller = children.pop(pid)
        _tell(teller, {"exit": os.waitstatus_to_exitcode(status)})
        teller.close()


def _tell(status: socket.socket, news: dict[str, int]) -> None:
    with contextlib.suppress(OSError):  # nobody wants to know any more
        status.sendall(json.dumps(news).encode() + b"\n")
