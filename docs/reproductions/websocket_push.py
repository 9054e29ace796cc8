"""An application that only sends is not told of a close that comes behind unread messages."""

import asyncio, socket, sys, threading, time

import uvicorn
from websockets.sync.client import connect

sent = [0]


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        await send({"type": "websocket.send", "text": "tick"})  # raises an OSError once the client is gone
        sent[0] += 1
        await asyncio.sleep(0.01)


listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, ws=(sys.argv[1:] or ["websockets-sansio"])[0], lifespan="off", loop="asyncio", log_level="critical")
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client = connect("ws://{}:{}".format(*listener.getsockname()), close_timeout=3)
for _ in range(40):
    client.send("unread")
time.sleep(0.5)
before = sent[0]
client.close()  # waits three seconds for the answer
print(f"sends without an error after the close: {sent[0] - before}")
sys.exit(sent[0] - before < 100)
