"""`send` raises a RuntimeError, which is no OSError, after `websocket.disconnect` was received."""

import queue, socket, sys, threading

import uvicorn
from websockets.sync.client import connect

raised = queue.SimpleQueue()


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    try:
        raised.put(await send({"type": "websocket.send", "text": "late"}))
    except Exception as error:
        raised.put(error)


listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, ws=(sys.argv[1:] or ["websockets"])[0], lifespan="off", loop="asyncio", log_level="critical")
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
connect("ws://{}:{}".format(*listener.getsockname())).close()
error = raised.get(timeout=5)
print(f"raised: {error!r}")
sys.exit(error is None or isinstance(error, OSError))
