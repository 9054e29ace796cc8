"""The client sees 1006, no close frame, when the application raises or returns."""

import socket, sys, threading

import uvicorn
from websockets.sync.client import connect


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    if (await receive())["text"] == "raise":
        raise LookupError


listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, ws=(sys.argv[1:] or ["websockets-sansio"])[0], lifespan="off", loop="asyncio", log_level="critical")
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
codes = {}
for how in ("raise", "return"):
    client = connect("ws://{}:{}".format(*listener.getsockname()))
    client.send(how)
    client.recv_events_thread.join(5)
    codes[how] = client.close_code
print(f"close codes: {codes}")
sys.exit(set(codes.values()) != {1006})
