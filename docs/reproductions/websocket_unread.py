"""A client that answers every ping is killed by keepalive while two of its messages are unread."""

import asyncio, socket, sys, threading, time

import uvicorn
from websockets.sync.client import connect


async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.sleep(60)  # busy: nothing is received


listener = socket.create_server(("127.0.0.1", 0))
options = {"ws": (sys.argv[1:] or ["websockets-sansio"])[0], "lifespan": "off", "log_level": "critical"}
config = uvicorn.Config(app, **options, ws_ping_interval=0.5, ws_ping_timeout=1)
threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
client = connect("ws://{}:{}".format(*listener.getsockname()), ping_interval=None)
client.send("unread 1")
time.sleep(0.2)
client.send("unread 2")
client.recv_events_thread.join(5)  # it answers pings meanwhile, and ends with the connection
print(f"close code after 5 s: {client.close_code} {client.close_reason}")
sys.exit(client.close_code != 1011)
