"""A request that is cancelled after the grace period does not come to the end of its cleanup. [SIGTERM|SIGINT]"""

import asyncio, multiprocessing, signal, socket, sys, tempfile

import uvicorn

events = tempfile.TemporaryFile("w+")
number = signal.Signals[(sys.argv[1:] or ["SIGTERM"])[0]]


async def app(scope, receive, send):
    assert scope["type"] == "http"
    signal.raise_signal(number)
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.2)  # a rollback
        print("cleanup", file=events, flush=True)


listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
server = uvicorn.Server(uvicorn.Config(app, timeout_graceful_shutdown=1, log_level="critical"))
process = multiprocessing.get_context("fork").Process(target=server.run, args=([listener],))
process.start()
process.join()
events.seek(0)
print(f"cleaned up: {(done := 'cleanup' in events.read())}; exit code {process.exitcode}")
sys.exit(done)
