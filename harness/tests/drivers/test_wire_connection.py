"""Connections, against peers that are scripted byte by byte."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from asgi_conformance.drivers.base import Unanswered, Unreachable
from asgi_conformance.drivers.wire_connection import HIGH_WATER, Connection, connect

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.asynccontextmanager
async def peer(script: Script) -> AsyncIterator[int]:
    """A server whose connections follow `script`; its port."""
    tasks = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        try:
            await script(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def connected(script: Script, **how: int) -> AsyncIterator[Connection]:
    async with peer(script) as port:
        connection = await connect("127.0.0.1", port, **how)
        try:
            yield connection
        finally:
            await connection.dispose()


def run(scene: Callable[[], Awaitable[None]]) -> None:
    """Play a scene on a loop of its own, for 20 seconds at most."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scene()

    asyncio.run(bounded())


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def test_bytes_go_both_ways():
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))

    async def scene() -> None:
        async with connected(echo) as connection:
            await connection.send(b"hello")
            read = await connection.read()
            assert read is not None
            assert read.data == b"hello"
            assert connection.port > 0

    run(scene)


def test_the_end_is_told_apart():
    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")

    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        reset(writer)

    async def scene() -> None:
        async with connected(closes) as connection:
            assert await connection.ended() == "closed"
            assert await connection.read_all() == b"bye"
            assert await connection.read() is None
        async with connected(resets) as connection:
            await connection.send(b"x")
            assert await connection.ended() == "reset"
            assert await connection.read() is None
        async with connected(silent) as connection:
            assert await connection.ended(within=0.05) == "open"
            with pytest.raises(Unanswered, match=r"nothing within 0.05 s, the connection still open"):
                await connection.read(within=0.05)

    run(scene)


def test_a_client_may_close_reset_or_half_close():
    ends: asyncio.Queue[object]

    async def watches(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ends.put_nowait(await reader.read())
        except ConnectionError as error:
            ends.put_nowait(type(error))
            return
        with contextlib.suppress(ConnectionError):
            writer.write(b"still here")
            await writer.drain()

    async def scene() -> None:
        nonlocal ends
        ends = asyncio.Queue()
        async with connected(watches) as connection:
            await connection.send(b"x")
            connection.close()
            assert await ends.get() == b"x"
            assert connection.gone
        async with connected(watches) as connection:
            connection.reset()
            assert await ends.get() is ConnectionResetError
        async with connected(watches) as connection:
            connection.half_close()
            assert await ends.get() == b""
            assert await connection.read_all() == b"still here"

    run(scene)


def test_what_is_sent_after_the_end_vanishes():
    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    async def scene() -> None:
        async with connected(closes) as connection:
            await connection.ended()
            await connection.send(b"x" * 1_000_000)
            connection.close()
            await connection.send(b"x")

    run(scene)


def test_a_peer_that_does_not_read_is_noticed():
    async def scene() -> None:
        async with connected(silent) as connection:
            with pytest.raises(Unanswered, match="a peer that does not read"):
                await connection.send(b"x" * 50_000_000, within=0.2)

    run(scene)


def test_a_client_may_stop_reading():
    taken = 0

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        for _ in range(1000):
            writer.write(b"x" * 65536)
            await writer.drain()
            taken += 1

    async def scene() -> None:
        async with connected(floods, receive_buffer=8192) as connection:
            connection.hold()
            while await connection.change(0.2):
                pass
            assert taken < 1000
            connection.release()
            assert len(await connection.read_all()) == 65536 * 1000

    run(scene)


def test_a_flood_does_not_fill_the_memory():
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async def scene() -> None:
        async with connected(floods) as connection:
            while await connection.change(0.3):
                pass
            assert HIGH_WATER < connection._kept < 2 * HIGH_WATER
            taken = 0
            while taken < 3 * HIGH_WATER:  # and it goes on as it is taken
                read = await connection.read()
                assert read is not None
                taken += len(read.data)

    run(scene)


def test_a_receiver_gets_what_waits_what_comes_and_the_end():
    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"one")
        await reader.readexactly(1)
        writer.write(b"two")

    async def scene() -> None:
        async with connected(talks) as connection:
            got: list[bytes | None] = []
            await connection.change(5)
            connection.deliver(lambda read: got.append(None if read is None else read.data))
            assert got == [b"one"]
            await connection.send(b"x")
            await connection.ended()
            assert got == [b"one", b"two", None]

    run(scene)


def test_bytes_can_be_put_back():
    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"two")

    async def scene() -> None:
        async with connected(talks) as connection:
            await connection.ended()
            connection.unread(b"one")
            connection.unread(b"")
            assert await connection.read_all() == b"onetwo"

    run(scene)


def test_nothing_to_connect_to_is_said_in_plain_words():
    async def scene() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            with pytest.raises(Unreachable, match=f"^nothing accepts connections at 127.0.0.1 port {port}$"):
                await connect("127.0.0.1", port)
            with pytest.raises(Unreachable, match="nothing accepts connections"):
                await connect("127.0.0.1", port, receive_buffer=4096)
        with pytest.raises(Unreachable, match=r"^there is no host named 'no-such-host.invalid'$"):
            await connect("no-such-host.invalid", 80)

    run(scene)


def test_a_server_that_does_not_answer_is_given_up():
    async def scene() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            waiting = [await connect("127.0.0.1", port)]  # the only place in the queue
            with pytest.raises(Unreachable, match=r"no connection to 127.0.0.1 port \d+ within 0.2 s"):
                for _ in range(3):
                    waiting.append(await connect("127.0.0.1", port, within=0.2))
            for connection in waiting:
                await connection.dispose()

    run(scene)
