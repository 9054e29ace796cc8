"""A server that is started by its own command line, for what only that can do: several workers, other interfaces."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Literal, Self

from asgi_conformance.drivers.base import Unanswered
from asgi_conformance.drivers.server.adapters import CommandLine, find_variant
from asgi_conformance.drivers.server.spec import APP_VARIABLE
from asgi_conformance.loading import AppRef

_RUN = (
    "import runpy, sys; from asgi_conformance.drivers.server.lifeline import tie_to_parent; "
    "tie_to_parent(int(sys.argv.pop(1))); sys.argv.pop(0); "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


class NoCommandLine(Exception):
    """The server has no command line that the harness knows."""


class ServerCommand:
    """A server and its workers, from its start to its end; used as an async context manager, which kills it.

    Args:
        server: its name.
        app: the application.
        workers: how many processes are to serve.
        interface: ``auto`` or ``wsgi``.

    Raises NoCommandLine on construction.
    """

    def __init__(
        self, server: str, app: AppRef, *, workers: int = 1, interface: Literal["auto", "wsgi"] = "auto"
    ) -> None:
        command = find_variant(server).adapter.command
        if command is None:
            raise NoCommandLine(f"a command line of {server} that the harness knows")
        self._command = command
        self._app = app
        self._workers = workers
        self._interface = interface
        self.address: tuple[str, int] = ("127.0.0.1", 0)
        self.lines: list[str] = []
        self._change = asyncio.Event()

    async def __aenter__(self) -> Self:
        path = os.pathsep.join(str(place) for place in sys.path if place)
        environment = {**os.environ, "PYTHONPATH": path, APP_VARIABLE: json.dumps(self._app.to_json())}
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.address = listener.getsockname()
            served = "asgi_conformance.drivers.server.served:app"
            line = CommandLine(served, listener.fileno(), self._workers, self._interface)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", _RUN, str(os.getpid()), *self._command(line)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(listener.fileno(),),
                env=environment,
                start_new_session=True,
            )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        output = self._process.stdout
        while output is not None and (line := await output.readline()):
            self.lines.append(line.decode("utf-8", "replace").rstrip())
            self._change.set()

    async def until(self, known: Callable[[list[str]], object], within: float) -> None:
        """Wait until the lines that were printed so far satisfy `known`. Raises Unanswered."""
        deadline = time.monotonic() + within
        while not known(self.lines):
            self._change.clear()
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await self._change.wait()
            except TimeoutError:
                raise Unanswered(f"nothing of it within {within:g} s") from None

    async def stop(self, within: float) -> int:
        """SIGTERM; the exit code. Raises Unanswered when it goes on."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(within):
                return await self._process.wait()
        except TimeoutError:
            raise Unanswered(f"a server process that still runs after {within:g} s") from None
