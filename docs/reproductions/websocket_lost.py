"""A lost connection is told as 1005, as if it had been closed without a code, and told once only."""

import asyncio, queue, socket, sys, threading

import uvicorn
from websockets.sync.client import connect

seen = queue.SimpleQueue()


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    seen.put(await receive())
    seen.put(not (await asyncio.wait([asyncio.create_task(receive())], timeout=2))[0])


listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, ws=(sys.argv[1:] or ["websockets-sansio"])[0], lifespan="off", loop="asyncio", log_level="critical")
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client = connect("ws://{}:{}".format(*listener.getsockname()))
client.socket.shutdown(socket.SHUT_RDWR)
told, waits = seen.get(timeout=5), seen.get(timeout=5)
print(f"{told}; a second receive waits for ever: {waits}")
sys.exit(told["code"] != 1005 or not waits)
