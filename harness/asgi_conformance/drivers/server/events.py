"""The event log: what a server process reports, in a file that neither side ever has to wait for.

The process appends one JSON line for each event to a file without a name, and rings a bell: one byte into a
pipe. The reader sleeps on the pipe and reads the file. A pipe or socket alone would be simpler, but it is
bounded: a reader that is slow would stop the application, or events would have to be kept in the process and
would die with it. In the file they are safe at the moment of the write, whatever is killed afterwards; a full
pipe means only that the bell has rung already. Several processes may append (workers): a write is whole.
"""

import contextlib
import json
import os
from typing import Any

from asgi_conformance.drivers.server.codec import decode, encode

# An application that floods must not fill the disk; far more than any check needs for its judgement.
CAPACITY = 256 * 1024 * 1024


class EventWriter:
    """The end in the server process: a sink for the observer, and for the process's own news.

    Args:
        file: descriptor of the log, opened for appending.
        bell: descriptor of the pipe's writing end, non-blocking.
    """

    __slots__ = ("_bell", "_file", "_room")

    def __init__(self, file: int, bell: int) -> None:
        self._file = file
        self._bell = bell
        self._room = CAPACITY

    def __call__(self, event: dict[str, Any]) -> None:
        """Append the event; it is safe when this returns. Never raises, never blocks on the reader."""
        line = _line({**event, "pid": os.getpid()})
        self._room -= len(line)
        if self._room < 0:
            return
        with contextlib.suppress(OSError):  # a full disk is no reason to disturb the application
            os.write(self._file, line)
        with contextlib.suppress(OSError):  # it is ringing already, or nobody listens any more
            os.write(self._bell, b"!")


def _line(event: dict[str, Any]) -> bytes:
    try:
        return json.dumps(encode(event), separators=(",", ":")).encode() + b"\n"
    except Exception as error:  # whatever it is (an integer too long to print), the application goes on
        plain = {key: value for key, value in event.items() if isinstance(value, str | int | float)}
        return json.dumps({**plain, "untold": type(error).__name__}).encode() + b"\n"


class EventReader:
    """The end in the runner: reads what was appended since the last time, and never blocks."""

    __slots__ = ("_bell", "_file", "_offset", "_rest")

    def __init__(self, file: int, bell: int) -> None:
        self._file = file
        self._bell = bell
        self._offset = 0
        self._rest = b""

    def read(self) -> list[dict[str, Any]]:
        """The events since the last call."""
        # First the bell, then the file: what is appended in between rings again.
        with contextlib.suppress(BlockingIOError):
            while os.read(self._bell, 65536):
                pass
        parts = [self._rest]
        while chunk := os.pread(self._file, 1 << 20, self._offset):
            self._offset += len(chunk)
            parts.append(chunk)
        if len(parts) == 1:
            return []
        *lines, self._rest = b"".join(parts).split(b"\n")
        return [decode(json.loads(line)) for line in lines]
