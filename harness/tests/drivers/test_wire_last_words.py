"""What a peer said before it broke the connection off is read, also by a client that finds out by writing."""

import asyncio
import socket
import struct

from asgi_conformance.drivers.wire_connection import connect


def test_a_write_that_fails_loses_nothing() -> None:
    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = await connect("127.0.0.1", listener.getsockname()[1])
            peer, _ = listener.accept()
            client.hold()  # so that the write is the first to notice
            peer.sendall(b"last words")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
            await client.send(b"are you there?")
            read = await client.read()
            assert read is not None
            assert read.data == b"last words"
            assert await client.read() is None
            assert client.end == "reset"
            await client.dispose()

    asyncio.run(scene())
