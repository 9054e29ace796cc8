"""The remote driver: a URL, and nothing but bytes."""

import ssl
from typing import Self
from urllib.parse import urlsplit

from asgi_conformance.drivers.base import Ability, Request, Unreachable
from asgi_conformance.drivers.wire import WireClient, WireExchange
from asgi_conformance.drivers.wire_connection import Connection
from asgi_conformance.drivers.wire_sight import silent
from asgi_conformance.drivers.wire_websocket import WireWebSocket
from asgi_conformance.transcript import Transcript

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class RemoteDriver:
    """Reaches an application that somebody else runs.

    Args:
        url: ``http``, ``https``, ``ws`` or ``wss``; a path in it is put in front of every request's path.
            Raises Unreachable when it is no such URL.
        transcript: where to note the bytes.
        tls: how to speak TLS; by default certificates are verified with the system's authorities.
    """

    abilities = frozenset({Ability.WIRE, Ability.BROWSER})

    def __init__(self, url: str, *, transcript: Transcript | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.name = "remote"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise Unreachable(f"{url!r} is not a URL: {error}") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise Unreachable(f"{url!r} is not a URL of a server; it should look like http://127.0.0.1:8000")
        secure = parts.scheme in {"https", "wss"}
        self._client = WireClient(
            parts.hostname,
            port or _PORTS[parts.scheme],
            tls=(tls or ssl.create_default_context()) if secure else None,
            base_path=parts.path,
            note=transcript.add if transcript is not None else silent,
        )

    async def __aenter__(self) -> Self:
        # Nobody wants to hear from every single check that there is nothing there.
        await (await self._client.raw()).dispose()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.close()

    async def http(self, request: Request, *, streaming: bool = False) -> WireExchange:
        """Send a request; with `streaming`, its body follows."""
        return await self._client.http(request, streaming=streaming)

    async def websocket(self, request: Request) -> WireWebSocket:
        """Send a websocket handshake."""
        return await self._client.websocket(request)

    def place(self, path: str) -> tuple[str, str]:
        """What a request by hand has to say to reach that path: the value of ``host``, and the target."""
        return self._client.authority, self._client.target(path)

    async def raw(self, *, receive_buffer: int | None = None) -> Connection:
        """A connection on which nothing was sent yet, for any bytes."""
        return await self._client.raw(receive_buffer=receive_buffer)
