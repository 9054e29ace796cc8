"""What the linter costs: an application with it and without it, in turns, on this machine.

    PYTHONPATH=harness python harness/benchmarks/lint_cost.py [--rounds N]

Each round calls the bare application and the linted one for a small batch, one right after the other and in
changing order, and takes the difference; the median over all rounds is told with the quartiles. The coroutines
are driven by hand, so that no event loop is measured. The control takes the same application for both sides:
what it shows is noise.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, NamedTuple

from asgi_conformance.lint import lint
from asgi_conformance.protocol.types import ASGIApp, Message, Receive, Scope, Send

BODY = b'{"message":"Hello World"}'
STREAMED = 1000

Call = Callable[[ASGIApp], Any]


class Case(NamedTuple):
    """An application, and how it is called."""

    name: str
    unit: str
    app: ASGIApp
    call: Call
    units: int  # in one call
    calls: int  # in a batch
    target: float | None  # microseconds


def scope() -> dict[str, Any]:
    """The scope of a request as a server makes it, with the headers of a small client."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": "/items/1",
        "raw_path": b"/items/1",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"user-agent", b"lint-cost"),
            (b"accept", b"*/*"),
            (b"accept-encoding", b"gzip, deflate"),
            (b"connection", b"keep-alive"),
        ],
        "state": {},
    }


def websocket_scope() -> dict[str, Any]:
    """The scope of a websocket."""
    without = {key: value for key, value in scope().items() if key != "method"}
    return {**without, "type": "websocket", "scheme": "ws", "subprotocols": []}


async def plain(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with one small body."""
    await receive()
    headers = [(b"content-length", b"%d" % len(BODY)), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def stream(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Send many small pieces."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for _ in range(STREAMED):
        await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
    await send({"type": "http.response.body"})


async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
    """Send every message of a websocket back."""
    await receive()
    await send({"type": "websocket.accept"})
    for _ in range(STREAMED // 2):
        await send({"type": "websocket.send", "text": (await receive())["text"]})
    await send({"type": "websocket.close"})


async def request() -> Message:
    """The `receive` of a request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def ignore(_message: Message) -> None:
    """A `send` that does nothing."""


def over_http(app: ASGIApp) -> Any:
    """A call with a request."""
    return app(scope(), request, ignore)


def over_websocket(app: ASGIApp) -> Any:
    """A call with a websocket whose client sends text for ever."""
    connected = False

    async def receive() -> Message:
        nonlocal connected
        if connected:
            return {"type": "websocket.receive", "text": "hello"}
        connected = True
        return {"type": "websocket.connect"}

    return app(websocket_scope(), receive, ignore)


CASES = (
    Case("plain request", "request", plain, over_http, 1, 50, 5.0),
    Case("streamed response", "message", stream, over_http, STREAMED, 1, 1.0),
    Case("websocket echo", "message", echo, over_websocket, STREAMED, 1, 1.0),
)


def batch(case: Case, app: ASGIApp) -> float:
    """Microseconds for one unit, over a batch."""
    began = perf_counter_ns()
    for _ in range(case.calls):
        try:
            case.call(app).send(None)
        except StopIteration:
            pass
        else:
            raise RuntimeError(f"{case.name}: the application waits for something")
    return (perf_counter_ns() - began) / 1000 / case.calls / case.units


def differences(case: Case, other: ASGIApp, rounds: int) -> tuple[list[float], float]:
    """The differences between `other` and the bare application, sorted, and the median of the latter."""
    found, bare = [], []
    for number in range(rounds + rounds // 10):
        if number % 2:
            first, second = batch(case, case.app), batch(case, other)
        else:
            second, first = batch(case, other), batch(case, case.app)
        if number >= rounds // 10:  # the first tenth is for warming up
            found.append(second - first)
            bare.append(first)
    return sorted(found), statistics.median(bare)


def row(name: str, found: list[float], bare: float, target: float | None = None) -> str:
    """A line of the report."""
    low, middle, high = statistics.quantiles(found, n=4)
    verdict = "" if target is None else f"   target {target:.1f}: {'kept' if middle <= target else 'missed'}"
    return f"  {name:<12} {middle:8.3f} µs  ({low:.3f} to {high:.3f})   bare {bare:.3f} µs{verdict}"


def asgion(app: ASGIApp) -> ASGIApp | None:
    """The application with asgion around it, another linter; None if that is not installed."""
    if importlib.util.find_spec("asgion") is None:
        return None
    wrapped: ASGIApp = importlib.import_module("asgion").inspect(app)
    return wrapped


def main() -> None:
    """Measure every case, and print a report."""
    parser = argparse.ArgumentParser(description="What the linter costs over the bare application.")
    parser.add_argument("--rounds", type=int, default=600, help="pairs of batches for each line (default: 600)")
    rounds = parser.parse_args().rounds
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, {rounds} pairs of batches"
    )
    print("medians of paired differences (quartiles), wall clock, coroutines driven by hand\n")
    for case in CASES:
        print(f"{case.name}, for each {case.unit}")
        print(row("lint", *differences(case, lint(case.app), rounds), target=case.target))
        print(row("control", *differences(case, case.app, rounds)))
        other = asgion(case.app)
        if other is not None:
            print(row("asgion", *differences(case, other, rounds)))
        print()
    if asgion(plain) is None:
        why = "needs Python 3.12 and cannot be installed here" if sys.version_info < (3, 12) else "is not installed"
        print(f"asgion: not compared; it {why}")


if __name__ == "__main__":
    main()
