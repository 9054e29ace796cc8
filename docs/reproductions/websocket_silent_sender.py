"""A sender is told ten seconds late of a client that keepalive has found silent."""

import asyncio, queue, socket, sys, threading, time

import uvicorn

LINES = "GET / HTTP/1.1|Host: x|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: "
ended = queue.SimpleQueue()


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    try:
        await asyncio.sleep(2)  # keepalive finds the client silent
        await send({"type": "websocket.send", "text": "tick"})
    finally:
        ended.put(time.monotonic())


listener = socket.create_server(("127.0.0.1", 0))
options = {"ws": (sys.argv[1:] or ["websockets"])[0], "lifespan": "off", "log_level": "critical"}
config = uvicorn.Config(app, **options, ws_ping_interval=0.5, ws_ping_timeout=1)
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client, begun = socket.create_connection(listener.getsockname()), time.monotonic()
client.sendall(f"{LINES}AAECAwQFBgcICQoLDA0ODw==||".replace("|", "\r\n").encode())
late = ended.get(timeout=30) - begun - 2
print(f"the error from send came after {late:.0f} s")
sys.exit(late < 5)
