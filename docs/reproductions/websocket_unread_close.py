"""Neither a ping nor a close is answered while a message of the client is unread."""

import asyncio, socket, sys, threading, time

import uvicorn
from websockets.sync.client import connect


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.sleep(60)  # busy: nothing is received


listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, ws=(sys.argv[1:] or ["websockets-sansio"])[0], lifespan="off", loop="asyncio", log_level="critical")
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client = connect("ws://{}:{}".format(*listener.getsockname()), close_timeout=3)
client.send("unread")
time.sleep(0.5)
pong = client.ping().wait(3)
client.close()
print(f"a pong within 3 s: {pong}; close code: {client.close_code}")
sys.exit(pong or client.close_code != 1006)
