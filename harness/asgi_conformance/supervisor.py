"""Runs the worker and follows it: what it finds is kept as it comes, and its death is told as a verdict."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from asgi_conformance import _paths
from asgi_conformance.config import Options
from asgi_conformance.verdict import Level, Outcome, Verdict
from asgi_conformance.worker import to_line

SILENCE = 180.0  # real seconds without a word; a case has a watchdog of its own, which is sooner
DEATHS = 5  # how often the worker is started again


@dataclass(frozen=True, slots=True)
class Begun:
    """The run is about to begin: how many cases there are, and on what."""

    cases: int
    environment: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fatal:
    """The run cannot take place; `exit_code` is 2 (wrong usage) or 3 (out of reach)."""

    text: str
    exit_code: int


Event = Begun | Fatal | Verdict


class Supervisor:
    """Iterate over it for the events of a run; use it as a context manager, so that nothing is left running."""

    def __init__(self, options: Options, log: IO[bytes]) -> None:
        self._options = options
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._case: dict[str, Any] | None = None
        self._index = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Event]:
        begun: Begun | None = None
        for death in range(DEATHS + 1):
            for record in self._records(skip=self._index):
                if "fatal" in record:
                    yield Fatal(record["fatal"], record["exit"])
                    return
                if "cases" in record and begun is None:
                    begun = Begun(record["cases"], record["environment"], tuple(record["notes"]))
                    yield begun
                elif "begin" in record:
                    self._index, self._case = record["begin"] + 1, record["case"]
                elif "verdict" in record:
                    self._case = None
                    yield Verdict.from_json(record["verdict"])
                elif "end" in record:
                    return
            how = self._how_it_ended()
            if begun is None:
                yield Fatal(f"the application ended the process while it was being loaded ({how})", 2)
                return
            if self._case is None:
                yield Fatal(f"the process that runs the checks ended between two of them ({how})", 3)
                return
            yield _lost(self._case, f"the process that ran it ended: {how}")
            self._case = None
            if death == DEATHS:
                yield Fatal(f"given up: the application ended the process {DEATHS + 1} times", 3)

    def stop(self) -> None:
        """End the worker, and with it every server it started."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        self._process = None

    def _records(self, skip: int) -> Iterator[dict[str, Any]]:
        reading, writing = os.pipe()
        environment = os.environ | {"PYTHONPATH": _python_path()}
        with os.fdopen(reading, "rb") as channel:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, in our own interpreter
                [sys.executable, "-m", "asgi_conformance.worker", str(writing), str(skip)],
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(writing,),
                env=environment,
                # Ctrl-C is for the supervisor, which then ends the worker in order.
                start_new_session=True,
            )
            os.close(writing)
            if self._process.stdin is None:
                raise RuntimeError("the worker has no standard input")
            try:
                self._process.stdin.write(to_line(self._options).encode())
                self._process.stdin.flush()
            except BrokenPipeError:
                return
            for line in _lines(channel, SILENCE):
                yield json.loads(line)

    def _how_it_ended(self) -> str:
        process = self._process
        if process is None:
            return "it was gone"
        if process.poll() is None:
            try:
                process.wait(2.0)
            except subprocess.TimeoutExpired:
                self.stop()
                return f"it said nothing for {SILENCE:g} s"
        code = process.returncode
        self.stop()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _lost(case: dict[str, Any], why: str) -> Verdict:
    return Verdict(
        check=case["check"],
        level=Level(case["level"]),
        suite=case["suite"],
        outcome=Outcome.COULD_NOT_RUN,
        target=case["target"],
        driver=case["driver"],
        route=case["route"],
        expected="a process that survives the check",
        observed=why,
    )


def _lines(channel: IO[bytes], silence: float) -> Iterator[bytes]:
    """Whole lines as they come; ends at the end of the channel, or when nothing comes for too long."""
    held = b""
    descriptor = channel.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            deadline = time.monotonic() + silence
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return
            data = os.read(descriptor, 1 << 16)
            if not data:
                return
            *lines, held = (held + data).split(b"\n")
            yield from lines


def _python_path() -> str:
    """Our own place first, so that the worker finds the same package; then what the user had."""
    own = str(_paths.PACKAGE.parent)
    before = os.environ.get("PYTHONPATH")
    return own if not before else f"{own}{os.pathsep}{before}"


def open_log(folder: Path | None) -> IO[bytes]:
    """Where the application's own output goes."""
    if folder is None:
        return tempfile.TemporaryFile()
    return (folder / "application-output.log").open("wb")
