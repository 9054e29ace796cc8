"""The process that runs the cases, so that an application that crashes or hangs cannot take the run with it.

It reads the options from its standard input, writes one JSON object a line to the channel, and ends when
its standard input is closed: its parent is gone then.
"""

import json
import os
import sys
import threading
import traceback
from dataclasses import asdict
from typing import IO, Any

from asgi_conformance.config import Options, UsageError
from asgi_conformance.discovery import OutOfReach
from asgi_conformance.drivers.base import Unreachable
from asgi_conformance.loading import LoadError
from asgi_conformance.runner import Case
from asgi_conformance.session import Session
from asgi_conformance.watchdog import guard

LOADING = 60.0  # real seconds for finding and loading everything


def main() -> None:
    """Run the cases of the options on standard input, from the case that the first argument numbers."""
    channel_fd, skip = int(sys.argv[1]), int(sys.argv[2])
    with os.fdopen(channel_fd, "w", encoding="utf-8", buffering=1) as channel:
        options = Options(**_tuples(json.loads(sys.stdin.readline())))
        threading.Thread(target=_end_with_parent, name="asgi-conformance lifeline", daemon=True).start()
        try:
            _work(options, channel, skip)
        except BaseException:
            traceback.print_exc()
            tell(channel, fatal="a fault of the harness, see the log", exit=3)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that an application left behind must not keep the process.
    os._exit(0)


def _work(options: Options, channel: IO[str], skip: int) -> None:
    session: Session | None = None
    with guard(None, total=LOADING) as watched:
        try:
            session = Session(options)
        except (UsageError, LoadError) as error:
            tell(channel, fatal=str(error), exit=2)
        except Unreachable as error:
            tell(channel, fatal=str(error), exit=2)
        except OutOfReach as error:
            tell(channel, fatal=str(error), exit=3)
    if watched.fired is not None:
        tell(channel, fatal=f"the application does not finish loading: {watched.fired}, at {watched.place}", exit=2)
    elif session is not None:
        try:
            _run(session, channel, skip)
        finally:
            session.close()


def _run(session: Session, channel: IO[str], skip: int) -> None:
    cases = list(session.cases())
    tell(channel, cases=len(cases), environment=session.environment(), notes=session.notes)
    for index, case in enumerate(cases):
        if index >= skip:
            tell(channel, begin=index, case=about(case))
            tell(channel, verdict=session.run(case).to_json())
    tell(channel, end=True)


def about(case: Case) -> dict[str, Any]:
    """What the parent needs to tell a verdict itself, if this process does not come back from the case."""
    return {
        "check": case.check.id,
        "level": case.check.level.value,
        "suite": case.check.suite,
        "target": case.target.name,
        "driver": case.driver,
        "route": str(case.route) if case.route else None,
    }


def tell(channel: IO[str], **record: Any) -> None:
    """Write one record. Text that is no Unicode (a lone surrogate in a path) is escaped by JSON."""
    channel.write(json.dumps(record) + "\n")


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(3)


def to_line(options: Options) -> str:
    """Options as the line that a worker reads first."""
    return json.dumps(asdict(options) | {"promises": dict(options.promises)}) + "\n"


def _tuples(record: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in record.items()}


if __name__ == "__main__":
    main()
