"""An httpx transport over the in-process driver that really streams, in both directions."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from asgi_conformance.drivers.base import PATIENCE, Request, Unanswered
from asgi_conformance.drivers.http import InProcessHTTPExchange

try:
    import httpx
except ImportError as error:
    raise ImportError("the httpx transport needs httpx: pip install 'asgi-conformance[httpx]'") from error

if TYPE_CHECKING:
    from asgi_conformance.drivers.inprocess import InProcess


class StreamingTransport(httpx.AsyncBaseTransport):
    """Responses arrive head first and chunk by chunk; closing one early tells the application.

    Request bodies stream too: the application receives each part as httpx produces it. httpx's timeouts hold
    on the running loop's clock: ``read`` bounds the wait for the head and for each chunk. What the
    application raises before its response starts is raised here, or becomes a 500, as the driver says;
    after that the client sees a response that breaks off (`httpx.RemoteProtocolError`).
    """

    def __init__(self, driver: "InProcess") -> None:
        self._driver = driver

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Call the application; return as soon as the response has started."""
        within = _bound(request)
        path = request.url.raw_path.decode("ascii")
        headers = tuple((name.lower(), value) for name, value in request.headers.raw)
        exchange = await self._driver.http(Request(request.method, path, headers), streaming=True)
        upload = asyncio.get_running_loop().create_task(_upload(request, exchange))
        try:
            head = await exchange.head(within)
        except Unanswered as reason:
            await _leave(exchange, upload)
            error = exchange.call.ended().exception
            if isinstance(error, Exception) and self._driver.raises_app_exceptions:
                raise error from None
            if error is not None:
                return httpx.Response(500, request=request)
            raise httpx.ReadTimeout(str(reason), request=request) from None
        except BaseException:
            await _leave(exchange, upload)
            raise
        return httpx.Response(
            head.status, headers=list(head.headers), stream=_Body(exchange, upload, request, within), request=request
        )


class _Body(httpx.AsyncByteStream):
    def __init__(
        self, exchange: InProcessHTTPExchange, upload: asyncio.Task[None], request: httpx.Request, within: float
    ) -> None:
        self._exchange = exchange
        self._upload = upload
        self._request = request
        self._within = within

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                piece = await self._exchange.piece(self._within)
            except Unanswered as reason:
                raise httpx.ReadTimeout(str(reason), request=self._request) from None
            if piece is None:
                break
            yield piece.data
        if not self._exchange.complete:
            raise httpx.RemoteProtocolError("the response broke off before its end", request=self._request)

    async def aclose(self) -> None:
        await _leave(self._exchange, self._upload)


async def _upload(request: httpx.Request, exchange: InProcessHTTPExchange) -> None:
    """Hand over each part of the body as it comes; the last one says so where the length is known."""
    if not isinstance(request.stream, httpx.AsyncByteStream):
        raise TypeError("an async transport needs an async request body")
    length = request.headers.get("content-length", "")
    left = int(length) if length.isdigit() else None
    async for part in request.stream:
        if not part:
            continue
        left = None if left is None else left - len(part)
        await exchange.send(part, more=left != 0)
        # The application may have answered and gone: nobody reads the rest.
        if exchange.call.done or left == 0:
            return
        await exchange.taken()
    await exchange.send(b"", more=False)


async def _leave(exchange: InProcessHTTPExchange, upload: asyncio.Task[None]) -> None:
    upload.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await upload
    if not exchange.complete:
        await exchange.disconnect()
    await exchange.ending(PATIENCE)


def _bound(request: httpx.Request) -> float:
    timeout = request.extensions.get("timeout", {}).get("read")
    return PATIENCE * 1e6 if timeout is None else float(timeout)
