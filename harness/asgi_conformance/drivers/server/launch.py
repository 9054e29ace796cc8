"""Starting a server process: forked from the zygote, or executed anew."""

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import astuple, replace
from typing import Literal

from asgi_conformance.drivers.server import zygote
from asgi_conformance.drivers.server.adapters import find_variant
from asgi_conformance.drivers.server.spec import Spec

How = Literal["fork", "exec"]

# The modules are found by the runner's own path, whatever the working directory and PYTHONPATH are; `-m` would
# put the working directory in front and could not be told otherwise before the package is imported.
_EXECUTE = "import json, sys; spec = json.loads(sys.argv[1]); sys.path[:] = spec['sys_path']; {run}"
_HOST = _EXECUTE.format(run="from asgi_conformance.drivers.server.host import main; main()")
_ZYGOTE = _EXECUTE.format(run="from asgi_conformance.drivers.server.zygote import main; main(spec)")


def launch(spec: Spec, how: How) -> socket.socket:
    """Begin to start a server; the result tells its fate as JSON lines: ``pid``, and at last ``exit``.

    The descriptors of `spec` stay the caller's, who closes them afterwards. An end of the result before any
    ``pid`` means that no process could be made that way.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        if how == "fork":
            _the_zygote(spec.server).fork(spec, theirs)
        else:
            _execute(spec, theirs)
    return ours


def _execute(spec: Spec, status: socket.socket) -> None:
    # An argument is bounded more tightly than an environment.
    told = json.dumps(replace(spec, parent=_parent(), env={}).to_json())
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own arguments
        [sys.executable, "-c", _HOST, told],
        stdin=subprocess.DEVNULL,
        stdout=spec.descriptors.log,
        stderr=spec.descriptors.log,
        env=spec.env,
        pass_fds=astuple(spec.descriptors),
        # A session of its own: Ctrl-C in the terminal is for the runner, which knows what to do about servers.
        start_new_session=True,
    )
    teller = status.dup()

    def tell() -> None:
        with teller, contextlib.suppress(OSError):  # nobody wants to know any more
            teller.sendall(json.dumps({"exit": process.wait()}).encode() + b"\n")

    status.sendall(json.dumps({"pid": process.pid}).encode() + b"\n")
    threading.Thread(target=tell, name=f"asgi-conformance-wait-{process.pid}", daemon=True).start()


def _parent() -> int:
    """For the parent-death signal, which follows a thread: only the main one lasts as long as the process."""
    return os.getpid() if threading.current_thread() is threading.main_thread() else 0


class _Zygote:
    """The runner's end of its zygote."""

    def __init__(self, server: str) -> None:
        self.owner = os.getpid()
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        start = {
            "sys_path": [str(place) for place in sys.path],
            "control": theirs.fileno(),
            "parent": _parent(),
            "preload": find_variant(server).adapter.preload,
        }
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - as above
                [sys.executable, "-c", _ZYGOTE, json.dumps(start)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def fork(self, spec: Spec, status: socket.socket) -> None:
        """Ask for a server; when the zygote is gone, `status` simply ends."""
        text = json.dumps(spec.to_json()).encode()
        with self._lock, contextlib.suppress(ConnectionError):
            socket.send_fds(
                self._control, [zygote.HEADER.pack(len(text))], [*astuple(spec.descriptors), status.fileno()]
            )
            self._control.sendall(text)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the zygote, and with it every server that it has forked."""
        self._control.close()
        if self.owner != os.getpid():
            return
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_zygote: _Zygote | None = None
_zygote_lock = threading.Lock()


def _the_zygote(server: str) -> _Zygote:
    """This process's zygote, started when it is first needed; `server` is the one to be prepared for."""
    global _zygote  # noqa: PLW0603 - one for the process, like the modules that it holds
    with _zygote_lock:
        # A process that was forked from the runner must not ask the runner's zygote for servers.
        if _zygote is not None and (_zygote.owner != os.getpid() or not _zygote.alive):
            _zygote.close()
            _zygote = None
        if _zygote is None:
            _zygote = _Zygote(server)
        return _zygote


def prepare(server: str) -> None:
    """Start the zygote now, so that the first server need not wait for its imports."""
    _the_zygote(server)


@atexit.register
def close() -> None:
    """End the zygote; the next server that is to be forked gets a new one."""
    global _zygote  # noqa: PLW0603
    with _zygote_lock:
        if _zygote is not None:
            _zygote.close()
            _zygote = None
