"""The remote driver, against peers that are scripted byte by byte, with and without TLS."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest

from asgi_conformance.drivers.base import Ability, Ending, Request, Unreachable
from asgi_conformance.drivers.remote import RemoteDriver
from asgi_conformance.transcript import Transcript

# For localhost and 127.0.0.1, valid for a century, signed by itself, and worth nothing to anybody.
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9C3K+Js4uZ/0P7Zv
pjttuUAbTyqIKOhsVAg/2+r3Dz+hRANCAASAZM4qTIxnYomNaa6l6BaZEYGVm1I0
gUx10soxvxCIS++hiEcJ2JYhvwlIe7SzZ1VVVLrkqZhTxoI7GPExjYVb
-----END PRIVATE KEY-----
"""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBaDCCAQ2gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIBkzipMjGdiiY1p
rqXoFpkRgZWbUjSBTHXSyjG/EIhL76GIRwnYliG/CUh7tLNnVVVUuuSpmFPGgjsY
8TGNhVujTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAPBgNVHRMBAf8E
BTADAQH/MB0GA1UdDgQWBBQscKW1XVz9q2ineTL4izM3bXd18zAKBggqhkjOPQQD
AgNJADBGAiEAkzi3w18682t3avZdDKtRoI/p53mO5E/Vx/vW1ZPstfcCIQDSz3A2
NcUkM91C0blgW1flZ+YL7Y+cwrwKrBysaTlRTA==
-----END CERTIFICATE-----
"""


def run(scene: Callable[[], Awaitable[None]]) -> None:
    """Play a scene on a loop of its own, for 20 seconds at most."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scene()

    asyncio.run(bounded())


class Peer:
    """Answers each request with its request line, and keeps the bytes that came."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.heads: list[bytes] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            line = head.partition(b"\r\n")[0]
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(line), line))
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the driver has a look at the door first
        finally:
            writer.close()


async def body_of(driver: RemoteDriver, request: Request) -> bytes:
    exchange = await driver.http(request)
    assert (await exchange.head()).status == 200
    body = b""
    while (piece := await exchange.piece()) is not None:
        body += piece.data
    assert exchange.complete
    return body


def test_a_request_goes_to_the_url_and_below_its_path():
    async def scene() -> None:
        async with Peer() as peer:
            async with RemoteDriver(f"http://127.0.0.1:{peer.port}") as driver:
                assert driver.name == "remote"
                assert driver.abilities == {Ability.WIRE, Ability.BROWSER}
                assert await body_of(driver, Request(path="/x?y=1")) == b"GET /x?y=1 HTTP/1.1"
            async with RemoteDriver(f"http://127.0.0.1:{peer.port}/api/") as driver:
                assert await body_of(driver, Request(path="/x")) == b"GET /api/x HTTP/1.1"
            assert f"host: 127.0.0.1:{peer.port}\r\n".encode() in peer.heads[0]

    run(scene)


def test_the_application_cannot_be_seen():
    async def scene() -> None:
        async with Peer() as peer, RemoteDriver(f"http://127.0.0.1:{peer.port}") as driver:
            exchange = await driver.http(Request())
            assert await exchange.ending() == Ending("unknown")
            assert list(exchange.messages) == []

    run(scene)


def test_both_sides_are_noted():
    async def scene() -> None:
        transcript = Transcript(asyncio.get_running_loop().time)
        async with Peer() as peer:
            async with RemoteDriver(f"http://127.0.0.1:{peer.port}", transcript=transcript) as driver:
                await body_of(driver, Request(path="/x"))
        assert [(direction, text) for _, direction, text in transcript.lines()] == [
            (">", "GET /x HTTP/1.1"),
            ("<", "HTTP/1.1 200 OK · content-length: 15 · b'GET /x HTTP/1.1'"),
        ]

    run(scene)


def test_a_server_that_is_not_there_is_unreachable():
    async def scene() -> None:
        async with Peer() as peer:
            port = peer.port
        with pytest.raises(Unreachable, match=f"^nothing accepts connections at 127.0.0.1 port {port}$"):
            async with RemoteDriver(f"http://127.0.0.1:{port}"):
                pass

    run(scene)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://[::1", "main:app"]
)
def test_what_is_no_url_is_said_to_be_none(url: str):
    with pytest.raises(Unreachable, match="is not a URL"):
        RemoteDriver(url)


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """How the server and a client that trusts it speak TLS."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_text(CERTIFICATE)
    key.write_text(KEY)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))


def test_tls_is_spoken(tls: tuple[ssl.SSLContext, ssl.SSLContext]):
    async def scene() -> None:
        async with Peer(tls[0]) as peer, RemoteDriver(f"https://127.0.0.1:{peer.port}", tls=tls[1]) as driver:
            assert await body_of(driver, Request(path="/x")) == b"GET /x HTTP/1.1"
            exchange = await driver.http(Request(path="/x"))
            await exchange.head()
            await exchange.disconnect("half")  # TLS has no halves: nothing happens
            await exchange.disconnect("reset")
            assert await exchange.piece() is not None

    run(scene)


def test_an_unknown_certificate_is_not_accepted(tls: tuple[ssl.SSLContext, ssl.SSLContext]):
    async def scene() -> None:
        async with Peer(tls[0]) as peer:
            with pytest.raises(Unreachable, match=r"the certificate of 127.0.0.1 port \d+ is not accepted"):
                async with RemoteDriver(f"wss://127.0.0.1:{peer.port}"):
                    pass

    run(scene)


def test_a_server_without_tls_is_told_apart(tls: tuple[ssl.SSLContext, ssl.SSLContext]):
    async def scene() -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable, match=r"127.0.0.1 port \d+ does not speak TLS as expected"):
            async with RemoteDriver(f"https://127.0.0.1:{port}", tls=tls[1]):
                pass
        server.close()

    run(scene)
