"""Clients that call an application in batches, beside the floor: what a client costs is measured like all else."""

import asyncio
import importlib
from collections.abc import Callable
from typing import Any

from asgi_conformance.bench.floor import Floor, WrongResponse
from asgi_conformance.bench.scenarios import SPEC_VERSION, WORKLOADS, Workload
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.protocol.types import ASGIApp

URL = "http://127.0.0.1"


class TaskCaller(Floor):
    """The floor, with a task for each request, as a server has it."""

    async def batch(self, requests: int) -> None:
        """One request after the other."""
        loop = asyncio.get_running_loop()
        for _ in range(requests):
            await loop.create_task(self.call())


class _Client:
    """What the clients below have in common: one request, made again and again, whose response has to be right."""

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
        self._spec_version = spec_version
        self._body = b"".join(workload.body)

    async def close(self) -> None:
        """Nothing to do."""

    def _looked_at(self, status: int, body: bytes) -> None:
        if status != 200 or self._workload.answer not in {None, len(body)}:
            raise WrongResponse(f"{type(self).__name__}: status {status}, {len(body)} bytes")


class InProcessCaller(_Client):
    """Our own driver, as people's tests use it."""

    async def open(self) -> None:
        """Enter the driver; the lifespan is the sampler's."""
        self._client = InProcess(self._app, lifespan="off", spec_version=self._spec_version)
        await self._client.__aenter__()

    async def close(self) -> None:
        """Leave the driver."""
        await self._client.__aexit__(None, None, None)

    async def batch(self, requests: int) -> None:
        """One request after the other."""
        method, path, body = self._workload.method, self._workload.path, self._body
        for _ in range(requests):
            await self._client.request(method, path, body=body)

    async def check(self) -> None:
        """Raises WrongResponse."""
        response = await self._client.request(self._workload.method, self._workload.path, body=self._body)
        self._looked_at(response.status, response.body)


class HttpxTransportCaller(_Client):
    """An ``httpx.AsyncClient`` with httpx's own ``ASGITransport``."""

    module = "httpx"

    async def open(self) -> None:
        """Make the client."""
        httpx: Any = importlib.import_module(self.module)
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=URL)

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    async def batch(self, requests: int) -> None:
        """One request after the other."""
        for _ in range(requests):
            await self._client.request(self._workload.method, self._workload.path, content=self._body)

    async def check(self) -> None:
        """Raises WrongResponse."""
        response = await self._client.request(self._workload.method, self._workload.path, content=self._body)
        self._looked_at(response.status_code, response.content)


class BareHttpxTransportCaller(_Client):
    """httpx's ``ASGITransport`` called without a client around it."""

    async def open(self) -> None:
        """Make the transport."""
        self._httpx: Any = importlib.import_module("httpx")
        self._transport = self._httpx.ASGITransport(self._app)

    async def batch(self, requests: int) -> None:
        """One request after the other."""
        for _ in range(requests):
            await self._one()

    async def _one(self) -> Any:
        request = self._httpx.Request(self._workload.method, f"{URL}{self._workload.path}", content=self._body)
        response = await self._transport.handle_async_request(request)
        await response.aread()
        return response

    async def check(self) -> None:
        """Raises WrongResponse."""
        response = await self._one()
        self._looked_at(response.status_code, response.content)


class TestClientCaller(_Client):
    """Starlette's ``TestClient``, its portal open all the time. It calls the application in another thread."""

    __test__ = False  # for pytest

    async def open(self) -> None:
        """Enter the client."""
        make: Callable[..., Any] = importlib.import_module("starlette.testclient").TestClient
        self._client = await asyncio.to_thread(lambda: make(self._app).__enter__())

    async def close(self) -> None:
        """Leave the client."""
        await asyncio.to_thread(self._client.__exit__, None, None, None)

    async def batch(self, requests: int) -> None:
        """One request after the other; it blocks, as it does in people's tests."""
        for _ in range(requests):
            self._one()

    def _one(self) -> Any:
        return self._client.request(self._workload.method, self._workload.path, content=self._body)

    async def check(self) -> None:
        """Raises WrongResponse."""
        response = self._one()
        self._looked_at(response.status_code, response.content)


class AsyncTestClientCaller(_Client):
    """The client of the package ``async-asgi-testclient``."""

    async def open(self) -> None:
        """Make the client."""
        module: Any = importlib.import_module("async_asgi_testclient")
        self._client = module.TestClient(self._app)

    async def batch(self, requests: int) -> None:
        """One request after the other."""
        for _ in range(requests):
            await self._one()

    async def _one(self) -> Any:
        return await self._client.open(self._workload.path, method=self._workload.method, data=self._body or None)

    async def check(self) -> None:
        """Raises WrongResponse."""
        response = await self._one()
        self._looked_at(response.status_code, response.content)
