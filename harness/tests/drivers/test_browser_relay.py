"""The relay between a browser and a server, with a client that needs no browser."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from asgi_conformance.drivers.browser.relay import Relay, Relayed
from asgi_conformance.drivers.wire import WireResponse, read_response
from asgi_conformance.drivers.wire_connection import Connection, connect

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Upstream:
    """A server that answers as it is told, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[bytes] = []
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            await self._answer(writer)
            await reader.read()
        except OSError:
            pass
        finally:
            self.left.set()
            writer.close()


@asynccontextmanager
async def relayed(answer: Answer) -> AsyncIterator[tuple[Relay, Upstream, Connection]]:
    """A relay in front of a server, and a connection to it."""
    upstream = Upstream(answer)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Relay(lambda: connect("127.0.0.1", port), lambda path: ("app.example", "/base" + path)) as relay:
        client = await connect("127.0.0.1", int(relay.origin.rpartition(":")[2]))
        yield relay, upstream, client
        client.close()
    server.close()


async def ask(client: Connection, path: str = "/events", *headers: bytes) -> None:
    lines = [f"GET {path} HTTP/1.1".encode(), b"Host: 127.0.0.1:1", *headers]
    await client.send(b"\r\n".join(lines) + b"\r\n\r\n")


async def response(client: Connection) -> WireResponse:
    return await read_response(client, within=10)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scene()

    asyncio.run(bounded())


def writes(*parts: bytes, then: Callable[[asyncio.StreamWriter], None] = lambda _: None) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        then(writer)

    return answer


def test_request_reaches_the_server_under_its_own_name():
    async def scene():
        async with relayed(writes(CHUNKED + chunk(b"id: 1\ndata: a\n\n") + b"0\r\n\r\n")) as (relay, upstream, client):
            await ask(client, "/events?x=1", b"Last-Event-ID: s\xc3\xbcd")
            answered = await response(client)
            assert (answered.end, answered.body) == ("complete", b"id: 1\ndata: a\n\n")
            assert upstream.asked == [
                b"GET /base/events?x=1 HTTP/1.1\r\nhost: app.example\r\nLast-Event-ID: s\xc3\xbcd\r\n\r\n"
            ]
            [exchange] = relay.exchanges
            assert (exchange.method, exchange.target, exchange.last_event_id) == ("GET", "/events?x=1", "süd")
            assert await relay.until(lambda: exchange.how == "complete", 5)
            assert [tuple(event) for event in exchange.events] == [("message", "a", "1")]

    play(scene)


def test_connection_is_good_for_a_second_request():
    async def scene():
        async with relayed(writes(CHUNKED + b"0\r\n\r\n")) as (relay, _, client):
            for _ in range(3):
                await ask(client)
                assert (await response(client)).end == "complete"
            assert len(relay.exchanges) == 3

    play(scene)


def test_end_by_closing_ends_the_connection():
    async def scene():
        answer = writes(HEAD + b"\r\ndata: a\n\n", then=lambda writer: writer.close())
        async with relayed(answer) as (relay, _, client):
            await ask(client)
            answered = await response(client)
            assert (answered.end, answered.body) == ("complete", b"data: a\n\n")
            assert relay.exchanges[0].how == "complete"

    play(scene)


def test_reset_by_the_server_is_passed_on():
    async def scene():
        answer = writes(CHUNKED + chunk(b"data: a\n\n"), then=lambda writer: writer.transport.abort())
        async with relayed(answer) as (relay, _, client):
            await ask(client)
            assert (await response(client)).end in {"cut", "reset"}
            assert relay.exchanges[0].how == "broken"

    play(scene)


def test_client_that_leaves_is_gone_for_the_server():
    async def scene():
        async with relayed(writes(CHUNKED + chunk(b"data: a\n\n"))) as (relay, upstream, client):
            await ask(client)
            await relay.until(lambda: relay.exchanges and relay.exchanges[0].events, 5)
            client.close()
            await asyncio.wait_for(upstream.left.wait(), 5)
            assert relay.exchanges[0].how == "left"

    play(scene)


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_stream_is_held_behind_an_event_and_cut(coding):
    import zlib

    packer = zlib.compressobj(wbits=31)

    def packed(data: bytes) -> bytes:
        return data if coding == "identity" else packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)

    head = HEAD + b"content-encoding: " + coding.encode() + b"\r\ntransfer-encoding: chunked\r\n\r\n"
    parts = [chunk(packed(b"id: %d\ndata: line\n\n" % number)) for number in range(5)]

    async def scene():
        async with relayed(writes(head + b"".join(parts))) as (relay, upstream, client):
            relay.holds = [2, None]
            await ask(client)
            await relay.until(lambda: relay.exchanges and len(relay.exchanges[0].events) == 2, 5)
            assert relay.exchanges[0].how == "open"
            relay.cut()
            answered = await response(client)
            assert answered.end == "cut"
            seen = answered.body if coding == "identity" else zlib.decompressobj(31).decompress(answered.body)
            assert seen.startswith(b"id: 0\ndata: line\n\nid: 1\ndata: line\n\n")
            assert b"id: 2" not in seen
            assert relay.exchanges[0].how == "cut"
            assert [event.last_event_id for event in relay.exchanges[0].events] == ["0", "1"]
            await asyncio.wait_for(upstream.left.wait(), 5)

    play(scene)


def test_what_is_no_stream_is_neither_read_nor_held():
    async def scene():
        answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\ndata: a\n\n"
        async with relayed(writes(answer)) as (relay, _, client):
            relay.holds = [0]
            await ask(client)
            assert (await response(client)).body == b"data: a\n\n"
            assert relay.exchanges[0].events == []
            assert not relay.exchanges[0].is_stream
            assert relay.holds == [0]

    play(scene)


def test_unknown_coding_is_not_readable():
    async def scene():
        answer = HEAD + b"content-encoding: br\r\ncontent-length: 3\r\n\r\nxyz"
        async with relayed(writes(answer)) as (relay, _, client):
            await ask(client)
            assert (await response(client)).body == b"xyz"
            assert (relay.exchanges[0].readable, relay.exchanges[0].events) == (False, [])

    play(scene)


def test_server_that_is_not_there_breaks_the_exchange():
    async def scene():
        async def nobody() -> Connection:
            return await connect("127.0.0.1", 1)

        async with Relay(nobody, lambda path: ("app.example", path)) as relay:
            client = await connect("127.0.0.1", int(relay.origin.rpartition(":")[2]))
            await ask(client)
            assert await client.ended(5) == "closed"
            assert [exchange.how for exchange in relay.exchanges] == ["broken"]
            client.close()

    play(scene)


def test_id_that_was_not_sent_is_none():
    assert Relayed("GET", "/", (), 0.0).last_event_id is None
