"""The cheapest correct way to call an application again and again: no client, no task for each request."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from asgi_conformance.bench.scenarios import SPEC_VERSION, WORKLOADS, Workload
from asgi_conformance.protocol.types import ASGIApp, Message, Send

WARM_UP = 500  # requests; the first one builds the stack, and must not set a benchmark's calibration


class WrongResponse(Exception):
    """The application does not answer as the workload wants it; what it sent is in the text."""


class Floor:
    """Calls an application with one prepared request.

    Args:
        app: the application; its lifespan is whoever's who made it.
        workload: the request.
        spec_version: what the scope announces.
        state: the lifespan's state, a copy of which goes with each request.
    """

    def __init__(
        self,
        app: ASGIApp,
        workload: Workload = WORKLOADS["plain"],
        *,
        spec_version: str = SPEC_VERSION,
        state: dict[str, Any] | None = None,
    ) -> None:
        self._app = app
        self._workload = workload
        self._scope = scope_of(workload, spec_version)
        if state is not None:
            self._scope["state"] = state
        last = len(workload.body) - 1
        self._request: list[Message] = [
            {"type": "http.request", "body": part, "more_body": index < last}
            for index, part in enumerate(workload.body)
        ]

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def batch(self, requests: int) -> None:
        """Call the application that many times: one after the other in this task, or so many tasks at a time."""
        width = self._workload.concurrency
        if width == 1:
            for _ in range(requests):
                await self._app(self._scope.copy(), receiver(self._request), _ignore)
            return
        for begun in range(0, requests, width):
            calls = [self.call() for _ in range(min(width, requests - begun))]
            await asyncio.gather(*calls)

    async def call(self, send: Send | None = None) -> None:
        """Call the application once."""
        await self._app(self._scope.copy(), receiver(self._request), send or _ignore)

    async def check(self) -> list[Message]:
        """Call the application once, and look at its response.

        Raises WrongResponse when it is not complete, not of status 200, or not of the workload's size.
        """
        sent: list[Message] = []

        async def collect(message: Message) -> None:
            sent.append(message)

        await self.call(collect)
        size = sum(len(message.get("body", b"")) for message in sent[1:])
        status = sent[0].get("status") if sent else None
        complete = len(sent) > 1 and not sent[-1].get("more_body")
        if status != 200 or not complete or self._workload.answer not in {None, size}:
            request = f"{self._workload.method} {self._workload.path}"
            what = f"status {status}, {size} bytes{'' if complete else ', without an end'}"
            raise WrongResponse(f"{request} is not answered as it should be: {what}")
        return sent


def scope_of(workload: Workload, spec_version: str = SPEC_VERSION) -> dict[str, Any]:
    """The scope of the workload's request."""
    path, _, query = workload.path.partition("?")
    headers = [(b"host", b"127.0.0.1")]
    size = sum(map(len, workload.body))
    if size:
        headers.append((b"content-length", b"%d" % size))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "http_version": "1.1",
        "method": workload.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }


def receiver(request: list[Message]) -> Callable[[], Awaitable[Message]]:
    """A `receive` that gives one finished request, and then waits for a client that stays."""
    given = 0

    async def receive() -> Message:
        nonlocal given
        if given == len(request):
            await asyncio.Event().wait()
        given += 1
        return request[given - 1]

    return receive


async def _ignore(message: Message) -> None:
    pass
