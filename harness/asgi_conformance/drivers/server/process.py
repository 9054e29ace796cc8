"""A server process: started, watched and stopped, without an event loop of its own."""

import contextlib
import fcntl
import itertools
import json
import os
import re
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Self

from asgi_conformance.drivers.base import Unanswered, Unreachable
from asgi_conformance.drivers.server import launch
from asgi_conformance.drivers.server.adapters import NotInstalled, ServerOptions, find_variant
from asgi_conformance.drivers.server.calls import Call, CallBook
from asgi_conformance.drivers.server.events import EventReader
from asgi_conformance.drivers.server.snapshot import Snapshot
from asgi_conformance.drivers.server.spec import Descriptors, Spec
from asgi_conformance.loading import AppRef

START_WITHIN = 30.0  # seconds; importing a large application on a busy machine is slow
STOP_WITHIN = 5.0  # seconds from SIGTERM to SIGKILL

_BACKLOG = 2048


class ServerProcess:
    """A server with an application, in a process of its own on a port of its own.

    It is not bound to an event loop, so that it can outlive the checks that use it. What it reports is taken in
    by :meth:`poll`, which never blocks; :attr:`descriptors` become readable when there is something to take in.
    The methods with a bound (`within`, in seconds) block; :class:`ServerDriver` has their asynchronous forms.

    Args:
        server: the variant's name, such as ``uvicorn-h11``. Raises UnknownServer when there is none.
        app: the application, by name.
        options: what to ask of the server.
        env: set in the process's environment, on top of this one's.
        how: ``fork`` from a process that holds the common imports, or ``exec`` a new interpreter.

    Used as a context manager it is started, and stopped at the end.
    """

    def __init__(
        self,
        server: str,
        app: AppRef,
        *,
        options: ServerOptions = ServerOptions(),  # noqa: B008 - it is frozen
        env: Mapping[str, str] | None = None,
        how: launch.How = "fork",
    ) -> None:
        self.server = server
        self.app = app
        self._variant = find_variant(server)
        self._options = options
        self._env = dict(env or {})
        self._how = how
        self._numbers = itertools.count(1)
        self._resources = contextlib.ExitStack()
        self.listener: Callable[[Call, dict[str, Any]], None] | None = None  # is told of every event of a call
        self._reset()

    def _reset(self) -> None:
        self.calls = CallBook()
        self.address: tuple[str, int] = ("127.0.0.1", 0)
        self.pid: int | None = None
        self.exit_code: int | None = None  # negative: the signal that ended it
        self._status: socket.socket | None = None
        self._status_rest = b""
        self._started = False
        self._refusal: str | None = None  # why the host did not even begin
        self._snapshots: dict[int, Snapshot] = {}
        self._log: IO[bytes] | None = None
        self._printed = ""  # what the log held when it was closed
        self._reader: EventReader | None = None
        self._bell = -1
        self._commands = -1

    # Starting

    def begin(self, how: launch.How | None = None) -> None:
        """Begin to start; :attr:`ready` tells when it serves. A process that has ended may begin again.

        Raises NotInstalled when the server is not there.
        """
        if self._variant.missing is not None:
            raise NotInstalled(self._variant.missing)
        self._resources.close()
        self._reset()
        keep = self._resources
        log, events = keep.enter_context(_appendable()), keep.enter_context(_appendable())
        self._bell, ringer = os.pipe()
        control, self._commands = os.pipe()
        for descriptor in (self._bell, ringer):
            os.set_blocking(descriptor, False)
        # The writing end of the bell is kept open here as well: the pipe must not end before it is closed.
        for descriptor in (self._bell, ringer, self._commands):
            keep.callback(os.close, descriptor)
        self._log, self._reader = log, EventReader(events.fileno(), self._bell)
        try:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                listener.listen(_BACKLOG)
                self.address = listener.getsockname()
                spec = Spec(
                    server=self.server,
                    app=self.app,
                    options=self._options,
                    cwd=str(Path.cwd()),
                    sys_path=tuple(map(str, sys.path)),
                    env={**os.environ, **self._env},
                    descriptors=Descriptors(listener.fileno(), log.fileno(), events.fileno(), ringer, control),
                )
                self._status = keep.enter_context(launch.launch(spec, how or self._how))
        finally:
            os.close(control)

    def start(self, within: float = START_WITHIN) -> Self:
        """Start and wait until it serves. Raises Unreachable, with the process gone, when it does not."""
        self.begin()
        try:
            self._await(lambda: self.settled, within)
            self.check_ready(within)
        except BaseException:
            self.kill()
            raise
        return self

    @property
    def ready(self) -> bool:
        """Whether it has come to serve (it may have ended since)."""
        if self._variant.adapter.tells_start:
            return self._started
        lifespan = self.calls.lifespan()
        if lifespan is None or self._startup_failure() is not None:
            return False
        return lifespan.ending is not None or _startup_is_answered(lifespan)

    @property
    def settled(self) -> bool:
        """Whether the start has come to an end, good or bad."""
        return self.ready or self.ended

    def check_ready(self, within: float) -> None:
        """Raise Unreachable, in the user's terms, unless it serves; `within` is how long it was waited for."""
        if self.ready and not self.ended:
            return
        if not self.ended:
            last = self._last_line()
            raise Unreachable(f"{self.server} did not start {self.app.app} within {within:g} s{last}")
        if self._refusal is not None:
            raise Unreachable(self._refusal)
        failed = self._startup_failure()
        if failed is not None:
            raise Unreachable(f"the startup of {self.app.app} failed: {_plain(failed)}")
        raise Unreachable(f"{self.server} ended before it served, {_told_exit(self.exit_code)}{self._last_line()}")

    # Watching

    @property
    def running(self) -> bool:
        """Whether there is a process that has not ended, as far as :meth:`poll` knows."""
        return self._status is not None and not self.ended

    @property
    def ended(self) -> bool:
        """Whether the process has ended, as far as :meth:`poll` knows."""
        return self.exit_code is not None

    @property
    def descriptors(self) -> frozenset[int]:
        """What becomes readable when :meth:`poll` has something to take in."""
        if self._status is None:
            return frozenset()
        status = () if self.ended else (self._status.fileno(),)
        return frozenset({self._bell, *status})

    def poll(self) -> bool:
        """Take in what the process has told since the last time; whether there was anything."""
        if self._status is None or self._reader is None:
            return False
        # The status first: once the exit is known, every event is in the log.
        news = not self.ended and self._read_status(self._status)
        events = self._reader.read() if self._reader is not None else []
        for event in events:
            self._take(event)
        return news or bool(events)

    def _read_status(self, status: socket.socket) -> bool:
        try:
            while chunk := status.recv(4096):
                self._status_rest += chunk
        except BlockingIOError:
            over = False
        except ConnectionError:
            over = True
        else:
            over = True
        *lines, self._status_rest = self._status_rest.split(b"\n")
        for line in lines:
            news = json.loads(line)
            self.pid = news.get("pid", self.pid)
            self.exit_code = news.get("exit", self.exit_code)
        if over and self.exit_code is None:
            if self.pid is None and self._how == "fork":
                self._how = "exec"  # the zygote could not be started, or has died
                self.begin()
            else:
                # Whoever waited for it was killed, and the lifeline kills the server with it.
                self.exit_code = -signal.SIGKILL
        return over or bool(lines)

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "started":
            self._started = True
        elif kind == "failed":
            self._refusal = event["reason"]
        elif kind == "snapshot":
            self._snapshots[event["number"]] = Snapshot.from_event(event)
        else:
            call = self.calls.take(event)
            if call is not None and self.listener is not None:
                self.listener(call, event)

    def log(self) -> str:
        """What the process has printed so far, stdout and stderr together."""
        if self._log is None:
            return self._printed
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode("utf-8", "replace")

    def ask_snapshot(self) -> int:
        """Ask for a snapshot; its number for :meth:`take_snapshot`. Raises Unanswered when nobody is there to ask."""
        number = next(self._numbers)
        try:
            os.write(self._commands, json.dumps({"snapshot": number}).encode() + b"\n")
        except OSError:
            raise Unanswered(f"no snapshot: the server is not running, {_told_exit(self.exit_code)}") from None
        return number

    def has_snapshot(self, number: int) -> bool:
        """Whether the snapshot of that number is there."""
        return number in self._snapshots

    def take_snapshot(self, number: int, within: float) -> Snapshot:
        """The snapshot of that number. Raises Unanswered when it has not come in the `within` seconds that are over."""
        taken = self._snapshots.pop(number, None)
        if taken is None:
            raise Unanswered(f"no snapshot within {within:g} s: the server's event loop does not come round")
        return taken

    def snapshot(self, within: float = STOP_WITHIN) -> Snapshot:
        """What the process holds now. Raises Unanswered when its loop does not come round to tell."""
        number = self.ask_snapshot()
        self._await(lambda: self.has_snapshot(number) or self.ended, within)
        return self.take_snapshot(number, within)

    # Ending

    def signal(self, signum: int) -> None:
        """Send a signal to the process; nothing when it has ended."""
        self.poll()
        if self.pid is not None and not self.ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signum)

    def wait_exit(self, within: float) -> int:
        """The exit code, negative for a signal. Raises Unanswered when the process goes on."""
        self._await(lambda: self.ended, within)
        return self.check_exit(within)

    def check_exit(self, within: float) -> int:
        """The exit code. Raises Unanswered when there is none yet; `within` is how long it was waited for."""
        if self.exit_code is None:
            raise Unanswered(f"a server process that still runs after {within:g} s")
        return self.exit_code

    def stop(self, within: float = STOP_WITHIN) -> int:
        """SIGTERM, and SIGKILL when that does not end it within the bound; the exit code."""
        self.signal(signal.SIGTERM)
        self._await(lambda: not self.running, within)
        return self.kill()

    def kill(self) -> int:
        """End the process and its own children at once, and let go of everything; the exit code."""
        self.send_kill()
        if self.pid is not None:
            self._await(lambda: not self.running, STOP_WITHIN)
        self.close()
        return -signal.SIGKILL if self.exit_code is None else self.exit_code

    def send_kill(self) -> None:
        """SIGKILL to the process and its own children, if it still runs."""
        # A process that was asked for may not exist yet; then there is no group to kill, and the end of the
        # control pipe, which comes with close(), is what ends it.
        self.poll()
        if self.pid is None or self.ended:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # it has not got its group yet
            self.signal(signal.SIGKILL)

    def close(self) -> None:
        """Let go of pipes and files; a process that still runs ends by its lifeline, as do its own children."""
        if self._status is None:
            return
        self.poll()
        if self.pid is not None and self.ended:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # there are none, as there should be
                os.killpg(self.pid, signal.SIGKILL)
        self._printed = self.log()
        self._resources.close()
        self._status = self._reader = self._log = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _await(self, done: Callable[[], bool], within: float) -> None:
        """Block until `done` or the bound is over."""
        deadline = time.monotonic() + within
        while True:
            self.poll()
            left = deadline - time.monotonic()
            if done() or left <= 0:
                return
            with selectors.DefaultSelector() as selector:
                for descriptor in self.descriptors:
                    selector.register(descriptor, selectors.EVENT_READ)
                selector.select(left)

    def _startup_failure(self) -> str | None:
        lifespan = self.calls.lifespan()
        for message in lifespan.sent if lifespan is not None else ():
            if isinstance(message, dict) and message.get("type") == "lifespan.startup.failed":
                return str(message.get("message") or "it sent lifespan.startup.failed without a message")
        return None

    def _last_line(self) -> str:
        lines = [line.strip() for line in self.log().splitlines() if line.strip()]
        return f"\n  its last words: {lines[-1]}" if lines else ""


def _appendable() -> IO[bytes]:
    """A file without a name that is only ever appended to, whoever writes."""
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - the caller closes it
    fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
    return file


def _startup_is_answered(lifespan: Call) -> bool:
    taken = [event["event"] for event in lifespan.events]
    complete = any(isinstance(sent, dict) and sent.get("type") == "lifespan.startup.complete" for sent in lifespan.sent)
    return complete and "sent" in taken


def _told_exit(code: int | None) -> str:
    if code is None:
        return "for no known reason"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def _plain(message: str) -> str:
    """The exception of a traceback and the user's line that it came from; any other text as it is."""
    lines = [line for line in message.splitlines() if line.strip()]
    if not lines or not message.lstrip().startswith("Traceback"):
        return "\n  ".join(lines[:3])
    last = max(index for index, line in enumerate(lines) if not line[0].isspace())
    told = lines[last].strip()
    frames = re.findall(r'^ +File "(.+)", line (\d+)', message, re.MULTILINE)
    own = [(path, line) for path, line in frames if "site-packages" not in path and not path.startswith(_STDLIB)]
    return f"{told}\n  at {os.path.relpath(own[-1][0])}:{own[-1][1]}" if own else told


_STDLIB = os.path.dirname(os.__file__)  # noqa: PTH120 - a prefix to compare with, not a path to use
