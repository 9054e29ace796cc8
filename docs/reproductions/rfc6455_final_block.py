"""A compressed message whose last block is final is the last one that is understood (RFC 7692, 7.2.3.4)."""

import socket, sys, threading, zlib

import uvicorn

LINES = "GET / HTTP/1.1|Host: x|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: "
HANDSHAKE = f"{LINES}AAECAwQFBgcICQoLDA0ODw==||".replace("|", "\r\n").encode()


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, ws=(sys.argv[1:] or ["websockets-sansio"])[0], lifespan="off", loop="asyncio", log_level="critical")
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client = socket.create_connection(listener.getsockname(), timeout=5)
client.sendall(HANDSHAKE[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
client.recv(4096)
received = b""
for deflated in (b"\xcb\xcfK\x05\x00\x00", b"*)\xcf\x07\x00"):  # "one" in a final block, then "two"
    client.sendall(b"\xc1" + bytes([0x80 | len(deflated)]) + bytes(4) + deflated)
    received = client.recv(4096)
print(received)
# What comes back should inflate to "two".
sys.exit(zlib.decompressobj(-15).decompress(received[2:] + b"\0\0\xff\xff") == b"two")
