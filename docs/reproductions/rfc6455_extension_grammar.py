"""A list of extensions that has no grammar does not fail the handshake (RFC 6455, section 9.1)."""

import socket, sys, threading

import uvicorn

LINES = "GET / HTTP/1.1|Host: x|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: "
HANDSHAKE = f"{LINES}AAECAwQFBgcICQoLDA0ODw==||".replace("|", "\r\n").encode()


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, ws=(sys.argv[1:] or ["wsproto"])[0], lifespan="off", loop="asyncio", log_level="critical")
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client = socket.create_connection(listener.getsockname(), timeout=5)
client.sendall(HANDSHAKE[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate; =10\r\n\r\n")
answer = client.recv(4096)
print(answer)
sys.exit(b" 101 " not in answer)
