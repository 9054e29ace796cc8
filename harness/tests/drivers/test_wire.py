"""The HTTP client, against servers that are scripted byte by byte."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from asgi_conformance.drivers.base import HTTPExchange, Request, Unanswered
from asgi_conformance.drivers.wire import IDLE, WireClient, WireExchange, read_response

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(scene: Callable[[], Awaitable[None]]) -> None:
    """Play a scene on a loop of its own, for 20 seconds at most."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scene()

    asyncio.run(bounded())


@contextlib.asynccontextmanager
async def client_of(script: Script, **how: str) -> AsyncIterator[WireClient]:
    """A client of a server whose connections follow `script`."""
    tasks = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        try:
            await script(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = WireClient("127.0.0.1", server.sockets[0].getsockname()[1], **how)
    try:
        yield client
    finally:
        await client.close()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answer(*parts: bytes, end: str = "stay") -> Script:
    """Take a request, and write parts, each when the one before it has been taken by the client's kernel."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif end == "stay":
            await reader.read()

    return script


async def body_of(exchange: HTTPExchange) -> bytes:
    body = b""
    while (piece := await exchange.piece()) is not None:
        body += piece.data
    return body


OK = b"HTTP/1.1 200 OK\r\n"


def test_a_response_is_read():
    async def scene() -> None:
        async with client_of(answer(OK + b"X-A: 1\r\ncontent-length: 5\r\n\r\nhello")) as client:
            exchange = await client.http(Request())
            head = await exchange.head()
            assert (head.status, head.get("x-a")) == (200, "1")
            assert await body_of(exchange) == b"hello"
            assert exchange.complete
            assert await exchange.head() == head
            assert await exchange.piece() is None

    run(scene)


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize(
    "head", [b"content-length: 10\r\n\r\nhello", b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"]
)
def test_a_response_that_is_cut_is_not_complete(head: bytes, end: str):
    async def scene() -> None:
        async with client_of(answer(OK + head, end=end)) as client:
            exchange = await client.http(Request())
            body = await body_of(exchange)
            assert body in ({b"hello"} if end == "close" else {b"hello", b""})  # a reset may overtake
            assert not exchange.complete

    run(scene)


@pytest.mark.parametrize(("end", "complete"), [("close", True), ("reset", False)])
def test_a_body_without_framing_is_complete_when_the_connection_is_closed(end: str, complete: bool):
    async def scene() -> None:
        async with client_of(answer(OK + b"\r\nhello", end=end)) as client:
            exchange = await client.http(Request())
            await body_of(exchange)
            assert exchange.complete is complete

    run(scene)


@pytest.mark.parametrize(
    ("script", "observed"),
    [
        (answer(end="close"), "no response: the connection was closed"),
        (answer(end="reset"), "no response: the connection was reset"),
        (answer(b"SSH-2.0\r\n"), "no response: a status line that reads 'SSH-2.0'"),
        (answer(), "no response within 0.1 s"),
    ],
)
def test_what_is_there_instead_of_a_response_is_said(script: Script, observed: str):
    async def scene() -> None:
        async with client_of(script) as client:
            exchange = await client.http(Request())
            with pytest.raises(Unanswered) as caught:
                await exchange.head(0.1 if "within" in observed else 5)
            assert str(caught.value) == observed

    run(scene)


def test_waiting_for_a_part_is_bounded():
    async def scene() -> None:
        async with client_of(answer(OK + b"content-length: 10\r\n\r\nhello")) as client:
            exchange = await client.http(Request())
            assert (await exchange.piece()).data == b"hello"
            with pytest.raises(Unanswered, match=r"no further part of the body within 0.05 s, the response still open"):
                await exchange.piece(0.05)

    run(scene)


def test_parts_come_as_they_were_sent_without_transfer_coding():
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in (
            OK + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n",
            b"3\r\ntwo\r\n1\r\n!\r\n",
            b"0\r\nx-t: 1\r\n\r\n",
        ):
            writer.write(part)
            await asks.acquire()

    asks: asyncio.Semaphore

    async def scene() -> None:
        nonlocal asks
        asks = asyncio.Semaphore(0)
        async with client_of(script) as client:
            exchange = await client.http(Request())
            first = await exchange.piece()
            asks.release()
            second = await exchange.piece()
            asks.release()
            assert (first.data, second.data) == (b"one", b"two!")
            assert 0 < first.at < second.at
            assert await exchange.piece() is None
            assert exchange.complete
            assert exchange.trailers == ((b"x-t", b"1"),)

    run(scene)


def test_interim_responses_are_passed_over_and_kept():
    async def scene() -> None:
        async with client_of(answer(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 0\r\n\r\n")) as client:
            exchange = await client.http(Request())
            assert (await exchange.head()).status == 200
            assert [head.status for head in exchange.interim] == [100]

    run(scene)


def test_a_response_to_head_has_no_body():
    async def scene() -> None:
        async with client_of(answer(OK + b"content-length: 5\r\n\r\n")) as client:
            exchange = await client.http(Request(method="HEAD"))
            assert await body_of(exchange) == b""
            assert exchange.complete

    run(scene)


def taken(request: Request, parts: tuple[tuple[bytes, bool], ...] = ()) -> bytes:
    """The bytes of a request as they come on the wire; the body parts follow when it is streamed."""
    got = bytearray()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            got.extend(data)

    async def scene() -> None:
        async with client_of(script) as client:
            exchange = await client.http(request, streaming=bool(parts))
            for data, more in parts:
                await exchange.send(data, more=more)
            await exchange.disconnect("half")
            await exchange.connection.ended()

    run(scene)
    return bytes(got)


def test_host_and_framing_are_added_where_they_are_missing():
    assert b"GET /a%20b?c HTTP/1.1\r\nhost: 127.0.0.1:" in taken(Request(path="/a%20b?c"))
    assert b"content-length" not in taken(Request())
    assert taken(Request(method="POST", body=b"hello")).endswith(b"content-length: 5\r\n\r\nhello")
    assert taken(Request(method="PUT")).endswith(b"content-length: 0\r\n\r\n")
    given = taken(Request(headers=((b"Host", b"example"), (b"content-length", b"9")), body=b"hello"))
    assert given == b"GET / HTTP/1.1\r\nHost: example\r\ncontent-length: 9\r\n\r\nhello"


def test_a_streamed_body_is_chunked_unless_its_length_is_given():
    parts = ((b"one", True), (b"", True), (b"two", False))
    assert taken(Request(method="POST"), parts).endswith(
        b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    )
    assert taken(Request(method="POST"), ((b"one", True), (b"", False))).endswith(b"3\r\none\r\n0\r\n\r\n")
    given = Request(method="POST", headers=((b"content-length", b"6"),))
    assert taken(given, parts).endswith(b"content-length: 6\r\n\r\nonetwo")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_after_leaving_nothing_comes_any_more(how: str):
    async def scene() -> None:
        async with client_of(answer(OK + b"content-length: 10\r\n\r\nhello")) as client:
            exchange = await client.http(Request())
            await exchange.head()
            assert (await exchange.piece()).data == b"hello"
            waiting = asyncio.create_task(exchange.piece())
            await asyncio.sleep(0)
            await exchange.disconnect(how)
            assert await waiting is None
            assert not exchange.complete

        async with client_of(answer()) as client:
            exchange = await client.http(Request())
            await exchange.disconnect(how)
            with pytest.raises(Unanswered, match="the client had gone"):
                await exchange.head()

    run(scene)


def test_the_client_ends_its_half_when_the_server_has_ended_its_own():
    ended: asyncio.Event

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"\r\nhello")
        writer.write_eof()
        assert await reader.read() == b""
        ended.set()

    async def scene() -> None:
        nonlocal ended
        ended = asyncio.Event()
        async with client_of(script) as client:
            assert await body_of(await client.http(Request())) == b"hello"
            await ended.wait()

    run(scene)


def test_only_so_many_connections_are_kept():
    async def scene() -> None:
        async with client_of(answer(OK + b"content-length: 0\r\n\r\n")) as client:
            exchanges: list[WireExchange] = []
            for _ in range(IDLE + 3):
                exchanges.append(await client.http(Request()))
                await exchanges[-1].head()
            gone = [exchange.connection.gone for exchange in exchanges]
            assert gone == [True] * 3 + [False] * IDLE

    run(scene)


def test_two_responses_on_one_connection_are_read_one_after_the_other():
    pair = OK + b"content-length: 3\r\n\r\none" + b"HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\ntwo"

    async def scene() -> None:
        async with client_of(answer(pair, end="close")) as client:
            connection = await client.raw()
            await connection.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            first, second = await read_response(connection), await read_response(connection)
            assert (first.end, first.status, first.body) == ("complete", 200, b"one")
            assert (second.end, second.status, second.body) == ("complete", 404, b"two")
            assert (await read_response(connection)).end == "cut"
            assert await connection.ended() == "closed"

    run(scene)


@pytest.mark.parametrize(
    ("script", "end"),
    [
        (answer(OK + b"content-length: 5\r\n\r\nhell", end="close"), "cut"),
        (answer(end="reset"), "reset"),
        (answer(OK + b"content-length: 5\r\n\r\nhell"), "timeout"),
        (answer(b"nonsense\r\n"), "malformed"),
        (answer(OK + b"\r\nhell", end="close"), "complete"),
    ],
)
def test_the_end_of_a_response_is_told_apart(script: Script, end: str):
    async def scene() -> None:
        async with client_of(script) as client:
            connection = await client.raw()
            await connection.send(b"GET / HTTP/1.1\r\n\r\n")
            response = await read_response(connection, within=0.2 if end == "timeout" else 5)
            assert response.end == end
            assert bool(response.fault) is (end == "malformed")
            assert response.status == (0 if end in {"reset", "malformed"} else 200)

    run(scene)
