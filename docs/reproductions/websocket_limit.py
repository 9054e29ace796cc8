"""The application is told ten seconds late of a connection that ended because a message was too large."""

import queue, socket, sys, threading, time

import uvicorn

LINES = "GET / HTTP/1.1|Host: x|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: "
HANDSHAKE = f"{LINES}AAECAwQFBgcICQoLDA0ODw==||".replace("|", "\r\n").encode()
told = queue.SimpleQueue()


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    told.put(await receive())


listener = socket.create_server(("127.0.0.1", 0))
options = {"ws": (sys.argv[1:] or ["websockets"])[0], "lifespan": "off", "log_level": "critical"}
config = uvicorn.Config(app, **options, ws_max_size=65_536)
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client = socket.create_connection(listener.getsockname())
client.sendall(HANDSHAKE)
client.recv(4096)
client.sendall(b"\x82\xff" + (1 << 17).to_bytes(8, "big") + bytes(4 + (1 << 17)))
refusal = client.recv(4)  # a close frame with 1009
client.close()
late = -time.monotonic(), told.get(timeout=30), time.monotonic()
print(f"{refusal}, and {late[0] + late[2]:.0f} s later {late[1]}")
sys.exit(late[0] + late[2] < 5)
