"""A second SIGTERM is ignored: without a limit, which is the default, a stream that goes on keeps the process."""

import asyncio, multiprocessing, os, signal, socket, sys

import uvicorn


async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"tick", "more_body": True})
        await asyncio.sleep(0.05)


listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
process = multiprocessing.get_context("fork").Process(target=server.run, args=([listener],))
process.start()
client.recv(4096)
for _ in range(2):
    os.kill(process.pid, signal.SIGTERM)
    process.join(2)
alive = process.is_alive()
process.kill()
print(f"alive after two SIGTERM: {alive}")
sys.exit(not alive)
