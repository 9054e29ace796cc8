"""The cheapest correct way to call an application again and again: no client, no task for each request."""

import asyncio
from typing import Any, Self

from asgi_conformance.protocol.types import ASGIApp, Message

WARM_UP = 500  # requests; the first one builds the stack, and must not set a benchmark's calibration


class Floor:
    """Calls an application with one prepared GET request, on a loop of its own.

    The response is looked at before the timing begins, in :meth:`warm_up`; the timed calls do nothing else.
    """

    def __init__(self, app: ASGIApp, path: str = "/", *, spec_version: str = "2.3") -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": spec_version},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.close()

    def warm_up(self) -> list[Message]:
        """Call the application some hundred times; the messages of the last response."""
        sent: list[Message] = []

        async def collect(message: Message) -> None:
            sent.append(message)

        async def one() -> None:
            sent.clear()
            await self._app(self._scope.copy(), _receive(), collect)

        for _ in range(WARM_UP):
            self._loop.run_until_complete(one())
        return sent

    def run(self, requests: int) -> None:
        """Call the application that many times, one after the other, in one task."""
        self._loop.run_until_complete(self._run(requests))

    async def _run(self, requests: int) -> None:
        for _ in range(requests):
            await self._app(self._scope.copy(), _receive(), _ignore)


def _receive() -> Any:
    """A `receive` that gives one finished request, and then waits for a client that stays."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            await asyncio.Event().wait()
        given = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def _ignore(message: Message) -> None:
    pass
