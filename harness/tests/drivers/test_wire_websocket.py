"""The websocket client, against servers that are scripted frame by frame."""

import asyncio
import base64
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, Frame

from asgi_conformance.drivers.base import Closed, Ending, Handshake, Request, Unanswered
from asgi_conformance.drivers.wire import WireClient
from asgi_conformance.drivers.wire_websocket import WireWebSocket


def run(scene: Callable[[], Awaitable[None]]) -> None:
    """Play a scene on a loop of its own, for 20 seconds at most."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scene()

    asyncio.run(bounded())


def accept(head: bytes, *more: bytes) -> bytes:
    """The answer that accepts a handshake."""
    key = re.search(rb"sec-websocket-key: (.*)\r\n", head)[1]
    proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    lines = [b"upgrade: websocket", b"connection: Upgrade", b"sec-websocket-accept: " + proof, *more]
    return b"HTTP/1.1 101 Switching Protocols\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"


class Server:
    """Accepts, sends what it is told to, and keeps the frames that come."""

    def __init__(self, *frames: Frame | bytes, answer: bytes | None = None, end: bool = False) -> None:
        self.frames = frames
        self.answer = answer
        self.end = end
        self.head = b""
        self.got: asyncio.Queue[Frame | None] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What happens on a connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.head = await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer or accept(self.head))
            for frame in self.frames:
                writer.write(frame if isinstance(frame, bytes) else frame.serialize(mask=False))
            while not self.end:
                self.got.put_nowait(await self._frame(reader))
        self.got.put_nowait(None)

    async def _frame(self, reader: asyncio.StreamReader) -> Frame:
        first, second = await reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        mask = await reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
        data = bytes(octet ^ mask[i % 4] for i, octet in enumerate(await reader.readexactly(length)))
        return Frame(first & 0x0F, data, bool(first & 0x80))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def connected(server: Server, request: Request = Request()) -> AsyncIterator[WireWebSocket]:  # noqa: B008
    tasks = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        try:
            await server.serve(reader, writer)
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = WireClient("127.0.0.1", listener.sockets[0].getsockname()[1])
    try:
        yield await client.websocket(request)
    finally:
        await client.close()
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_messages_go_both_ways():
    async def scene() -> None:
        server = Server(Frame(TEXT, "grüß".encode()), Frame(BINARY, b"\xff"), Frame(TEXT, b""))
        async with connected(server) as websocket:
            assert (await websocket.opened()).accepted
            assert [await websocket.receive() for _ in range(3)] == ["grüß", b"\xff", ""]
            await websocket.send("grüß")
            await websocket.send(b"\xfe")
            assert [await server.got.get() for _ in range(2)] == [Frame(TEXT, "grüß".encode()), Frame(BINARY, b"\xfe")]
            with pytest.raises(Unanswered, match=r"no message within 0.05 s, the connection still open"):
                await websocket.receive(0.05)
            assert await websocket.ending() == Ending("unknown")

    run(scene)


def test_the_handshake_says_what_it_is_told():
    async def scene() -> None:
        server = Server()
        request = Request(path="/x?y", headers=((b"origin", b"http://here"),), subprotocols=("a", "b"))
        async with connected(server, request) as websocket:
            await websocket.opened()
            head = server.head
        assert head.startswith(b"GET /x?y HTTP/1.1\r\nhost: 127.0.0.1:")
        for line in (
            b"upgrade: websocket",
            b"connection: Upgrade",
            b"sec-websocket-version: 13",
            b"origin: http://here",
        ):
            assert line + b"\r\n" in head
        assert b"sec-websocket-protocol: a, b\r\n" in head
        assert b"extensions" not in head

        given = Request(headers=((b"Sec-WebSocket-Version", b"7"), (b"sec-websocket-key", b"short")))
        server = Server()
        async with connected(server, given) as websocket:
            assert (await websocket.opened()).accepted
        assert server.head.lower().count(b"sec-websocket-version") == 1
        assert b"sec-websocket-key: short\r\n" in server.head

    run(scene)


def test_the_answer_is_told_whole():
    async def scene() -> None:
        refusal = b"HTTP/1.1 401 Unauthorized\r\nx-why: no ticket\r\ncontent-length: 6\r\n\r\ndenied"
        async with connected(Server(answer=refusal)) as websocket:
            assert await websocket.opened() == Handshake(
                accepted=False,
                status=401,
                headers=((b"x-why", b"no ticket"), (b"content-length", b"6")),
                body=b"denied",
            )
        async with connected(Server(answer=b"HTTP/1.1 403 Forbidden\r\n\r\nuntil the end", end=True)) as websocket:
            handshake = await websocket.opened()
            assert (handshake.status, handshake.body) == (403, b"until the end")
            assert await websocket.receive() == Closed(1006)

    run(scene)


def test_a_subprotocol_is_told():
    class Choosing(Server):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(accept(await reader.readuntil(b"\r\n\r\n"), b"Sec-WebSocket-Protocol: b"))

    async def scene() -> None:
        async with connected(Choosing(), Request(subprotocols=("a", "b"))) as websocket:
            assert (await websocket.opened()).subprotocol == "b"
            await websocket.disconnect("close")

    run(scene)


@pytest.mark.parametrize(
    ("answer", "observed"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: x\r\n\r\n", "does not belong to the key"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "does not belong to the key"),
        (b"nonsense\r\n", "no answer to the handshake: a status line that reads 'nonsense'"),
    ],
)
def test_a_wrong_answer_is_named(answer: bytes, observed: str):
    async def scene() -> None:
        async with connected(Server(answer=answer)) as websocket:
            with pytest.raises(Unanswered, match=observed):
                await websocket.opened()

    run(scene)


def test_no_answer_is_waited_for_within_bounds():
    class Silent(Server):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

    class Closing(Server):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")

    async def scene() -> None:
        async with connected(Silent()) as websocket:
            with pytest.raises(Unanswered, match=r"no answer to the handshake within 0.05 s"):
                await websocket.opened(0.05)
        async with connected(Closing()) as websocket:
            with pytest.raises(Unanswered, match="no answer to the handshake: the connection was closed"):
                await websocket.opened()

    run(scene)


def test_fragments_are_put_together_around_control_frames():
    async def scene() -> None:
        octets = "grüß".encode()
        server = Server(
            Frame(TEXT, octets[:3], fin=False),
            Frame(PING, b"still there?"),
            Frame(CONT, octets[3:], fin=True),
            Frame(PONG, b"unasked"),
        )
        async with connected(server) as websocket:
            assert await websocket.receive() == "grüß"
            assert await server.got.get() == Frame(PONG, b"still there?")
            assert websocket.pings == [b"still there?"]
            while not websocket.pongs:
                assert await websocket.connection.change(5)
            assert websocket.pongs == [b"unasked"]

    run(scene)


def test_a_client_may_leave_pings_unanswered():
    async def scene() -> None:
        server = Server(Frame(PING, b"?"), Frame(TEXT, b"x"))
        async with connected(server) as websocket:
            websocket.answers = False
            assert await websocket.receive() == "x"
            await websocket.send("y")
            assert await server.got.get() == Frame(TEXT, b"y")

    run(scene)


@pytest.mark.parametrize(
    ("frame", "closed"),
    [
        (Frame(CLOSE, b"\x0f\xa2sp\xc3\xa4ter"), Closed(4002, "später")),
        (Frame(CLOSE, b""), Closed(1005)),
        (Frame(CLOSE, b"\x03\xe8"), Closed(1000)),
    ],
)
def test_a_close_of_the_server_is_told_and_answered(frame: Frame, closed: Closed):
    async def scene() -> None:
        server = Server(Frame(TEXT, b"last"), frame)
        async with connected(server) as websocket:
            assert await websocket.receive() == "last"
            assert await websocket.receive() == closed
            assert await websocket.receive() == closed
            assert await server.got.get() == Frame(CLOSE, frame.data)
            await websocket.send("too late")
            await websocket.close(1001)
            await websocket.disconnect("close")
            assert await server.got.get() is None

    run(scene)


def test_an_end_without_a_close_is_1006():
    async def scene() -> None:
        async with connected(Server(Frame(TEXT, b"last"), end=True)) as websocket:
            assert await websocket.receive() == "last"
            assert await websocket.receive() == Closed(1006)

    run(scene)


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [
        (1000, "", b"\x03\xe8"),
        (4001, "ciao", b"\x0f\xa1ciao"),
        (None, "", b""),
        (999, "x", b"\x03\xe7x"),
        (1005, "", b"\x03\xed"),
    ],
)
def test_any_close_can_be_sent(code: int | None, reason: str, payload: bytes):
    async def scene() -> None:
        server = Server()
        async with connected(server) as websocket:
            await websocket.opened()
            await websocket.close(code, reason)
            assert await server.got.get() == Frame(CLOSE, payload)

    run(scene)


@pytest.mark.parametrize(
    "frames",
    [
        (b"\x83\x00",),  # opcode 3
        (b"\x81\x81\0\0\0\0x",),  # masked by a server
        (Frame(CONT, b"nothing to go on from"),),
        (Frame(TEXT, b"\xff"),),
        (b"\x89\x7e\x00\x80" + b"x" * 128,),  # a ping that is too long
    ],
)
def test_a_server_that_breaks_the_protocol_is_named(frames: tuple[Frame | bytes, ...]):
    async def scene() -> None:
        async with connected(Server(Frame(TEXT, b"before"), *frames)) as websocket:
            assert await websocket.receive() == "before"
            with pytest.raises(Unanswered, match="breaks the websocket protocol|is no UTF-8"):
                await websocket.receive()

    run(scene)


def test_frames_and_bytes_can_be_sent_as_told():
    async def scene() -> None:
        server = Server()
        async with connected(server) as websocket:
            await websocket.opened()
            await websocket.frame(TEXT, b"on", fin=False)
            await websocket.frame(CONT, b"e", mask=False)
            await websocket.inject(b"\x8b\x80\0\0\0\0")
            got = [await server.got.get() for _ in range(3)]
            assert got == [Frame(TEXT, b"on", False), Frame(CONT, b"e"), Frame(11, b"")]  # type: ignore[arg-type]

    run(scene)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_losing_the_connection_is_1006_here_too(how: str):
    async def scene() -> None:
        server = Server()
        async with connected(server) as websocket:
            await websocket.opened()
            waiting = asyncio.create_task(websocket.receive())
            await asyncio.sleep(0)
            await websocket.disconnect(how)
            assert await waiting == Closed(1006)
            assert await server.got.get() is None  # without a close frame

    run(scene)
