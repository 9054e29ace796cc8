"""The host: the main function of a server process, with the observer between the server and the application."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from typing import Any

from asgi_conformance.drivers.server import snapshot
from asgi_conformance.drivers.server.adapters import Launch, find_variant
from asgi_conformance.drivers.server.events import EventWriter
from asgi_conformance.drivers.server.lifeline import follow, tie_to_parent
from asgi_conformance.drivers.server.spec import Spec
from asgi_conformance.loading import LoadError, load
from asgi_conformance.observer import observe

LOAD_FAILURE = 1


def run(spec: Spec) -> None:
    """Serve what `spec` says in this process; returns, or exits, when the server does."""
    tie_to_parent(spec.parent)
    _settle(spec)
    desk = Desk(EventWriter(spec.descriptors.events, spec.descriptors.bell))
    follow(spec.descriptors.control, desk.obey)
    variant = find_variant(spec.server)
    try:
        app = load(spec.app)
    except LoadError as error:
        desk.report({"event": "failed", "reason": str(error)})
        sys.exit(LOAD_FAILURE)
    launch = Launch(
        app=observe(app, desk.observed),
        sockets=(socket.socket(fileno=spec.descriptors.listener),),
        choices=variant.choices,
        options=spec.options,
        started=lambda: desk.report({"event": "started"}),
    )
    variant.adapter.run(launch)


class Desk:
    """Where reports leave a server process and commands arrive."""

    def __init__(self, report: EventWriter) -> None:
        self.report = report
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls = 0

    def observed(self, event: dict[str, Any]) -> None:
        """The observer's sink: pass the event on, and remember which loop the application runs on."""
        if event["event"] == "call":
            self._calls += 1
            with contextlib.suppress(RuntimeError):  # a server may run applications on another library's loop
                self._loop = asyncio.get_running_loop()
        elif event["event"] == "end":
            self._calls -= 1
        self.report(event)

    def obey(self, command: dict[str, Any]) -> None:
        """Carry out a command of the runner; called in the lifeline's thread."""
        number = command["snapshot"]
        if self._loop is None:
            self._answer(number)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is about to end
            # Between two steps of the loop, so that no task is seen half way through one.
            self._loop.call_soon_threadsafe(self._answer, number)

    def _answer(self, number: int) -> None:
        self.report({"event": "snapshot", "number": number, **snapshot.take(self._loop, self._calls)})


def _settle(spec: Spec) -> None:
    """Arrange the process as a server started in a terminal would find it, whoever started this one."""
    os.dup2(spec.descriptors.log, 1)
    os.dup2(spec.descriptors.log, 2)
    os.close(spec.descriptors.log)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)  # what was printed before a kill is evidence
    os.chdir(spec.cwd)
    if spec.env:
        os.environ.clear()
        os.environ.update(spec.env)
    sys.path[:] = spec.sys_path
    sys.argv[:] = [spec.server, spec.app.app]
    # They may have been inherited ignored: a shell does that for what it runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def main() -> None:
    """Serve what the only argument, a :class:`Spec` as JSON, says."""
    run(Spec.from_json(json.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
