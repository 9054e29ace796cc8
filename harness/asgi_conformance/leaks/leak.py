"""One thing that was left behind, and how it is told."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType

HERE = f"{Path(__file__).resolve().parents[1]}{os.sep}"
LIBRARY = f"{Path(asyncio.__file__).resolve().parents[1]}{os.sep}"


@dataclass(frozen=True, slots=True)
class Leak:
    """One thing that was left behind: its kind, what it is called, where its code is, and where it was made.

    Kinds: task, asynchronous generator, generator, thread, thread pool, timer, descriptor, temporary file, child
    process; and what :class:`Complaints` hears: coroutine never awaited, exception unheard, left to the garbage
    collector. `made` is known inside of :class:`Origins`.
    """

    kind: str
    name: str
    place: str = ""
    made: str = ""

    def __str__(self) -> str:
        where = f" at {self.place}" if self.place else ""
        return f"{self.kind} {self.name}{where}" + (f", made at {self.made}" if self.made else "")


def told(leaks: Iterable[Leak], most: int = 5) -> str:
    """Some leaks in one line, equal ones counted, the rest as a number."""
    counted = Counter(str(leak) for leak in leaks).most_common()
    lines = [f"{times} × {name}" if times > 1 else name for name, times in counted[:most]]
    more = sum(times for _, times in counted[most:])
    return "; ".join(lines) + (f"; and {more} more" if more else "")


def place_of(frames: Iterable[FrameType | None]) -> str:
    """The innermost of the frames, given from the outside in, whose code is somebody's own.

    Where there is none, code of an installed distribution will do, and where there is none of that, any.
    """
    known = [frame for frame in frames if frame is not None]
    known = [frame for frame in known if not is_ours(frame.f_code)] or known
    outside = [frame for frame in known if not frame.f_code.co_filename.startswith((LIBRARY, "<frozen"))]
    own = [frame for frame in outside if "site-packages" not in frame.f_code.co_filename]
    chosen = own or [frame for frame in known if is_installed(frame.f_code.co_filename)] or known
    return told_frame(chosen[-1]) if chosen else ""


def told_frame(frame: FrameType) -> str:
    """A place in the code: "main.py:12 in lifespan"."""
    return told_line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def told_line(file: str, line: int | None, function: str) -> str:
    """The same, of its parts."""
    return f"{Path(file).name}:{line} in {function}"


def is_installed(file: str) -> bool:
    """Whether the code is a distribution's."""
    return "site-packages" in file


def is_library(file: str) -> bool:
    """Whether the code is the standard library's or an installed distribution's."""
    return file.startswith((LIBRARY, "<")) or is_installed(file)


def is_ours(code: CodeType | None) -> bool:
    """Whether the code is this package's; fixture apps and suites may lie inside it, and are not meant."""
    if code is None or not code.co_filename.startswith(HERE):
        return False
    return not code.co_filename[len(HERE) :].startswith(("fixtures", "suites"))
