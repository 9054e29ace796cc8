"""`send` does not raise for a message without payload, with two, or with bytes as its text."""

import queue, socket, sys, threading

import uvicorn
from websockets.sync.client import connect

raised = queue.SimpleQueue()


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    for payload in ({}, {"text": "t", "bytes": b"b"}, {"text": b"t"}):
        try:
            raised.put(await send({"type": "websocket.send", **payload}))
        except Exception as error:
            raised.put(error)


listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, ws=(sys.argv[1:] or ["websockets-sansio"])[0], lifespan="off", loop="asyncio", log_level="critical")
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client = connect("ws://{}:{}".format(*listener.getsockname()))
seen = [raised.get(timeout=5) for _ in range(3)]
print(f"raised for none, for two, for bytes as text: {seen}")
sys.exit(None not in seen)
