"""A frame in the TCP segment of the handshake is lost; a moment later it would be delivered."""

import asyncio, queue, socket, sys, threading

import uvicorn

LINES = "GET / HTTP/1.1|Host: x|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: "
HANDSHAKE = f"{LINES}AAECAwQFBgcICQoLDA0ODw==||".replace("|", "\r\n").encode()
seen = queue.SimpleQueue()


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    seen.put(not (await asyncio.wait([asyncio.create_task(receive())], timeout=2))[0])


listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, ws=(sys.argv[1:] or ["websockets-sansio"])[0], lifespan="off", loop="asyncio", log_level="critical")
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client = socket.create_connection(listener.getsockname())
client.sendall(HANDSHAKE + b"\x81\x85\0\0\0\0early")
lost = seen.get(timeout=5)
print(f"the message is lost: {lost}")
sys.exit(not lost)
