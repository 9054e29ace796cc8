"""Thirty applications that leak, one thing each; the line that makes it is marked."""
# ruff: noqa: SIM115 - that files stay open is what it is about

import asyncio
import contextlib
import functools
import multiprocessing
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import aiosqlite
import httpx
from fastapi import Depends, FastAPI
from starlette.responses import PlainTextResponse

from asgi_conformance.pattern import Route

from .catalogue import HTTP, Case, served

APPS = {}
KEPT = []
STOP = threading.Event()
ROOT = (Route("GET", "/", HTTP),)
SLEEPER = [sys.executable, "-S", "-c", "input()"]


def leaky(check, *words, also=()):
    """Register the factory of an application that leaks."""

    def register(factory):
        APPS[factory.__name__] = Case(factory, ROOT, check, words, frozenset(also))
        return factory

    return register


def tidy():
    """End and close what was leaked, so that one test does not burden the next."""
    for kept in KEPT:
        if hasattr(kept, "kill"):
            kept.kill()
            (kept.wait if hasattr(kept, "wait") else kept.join)()
        if isinstance(kept, subprocess.Popen):
            kept.stdin.close()
        elif isinstance(kept, ThreadPoolExecutor):
            kept.shutdown()
        elif isinstance(kept, aiosqlite.Connection):
            kept.stop()
        elif not isinstance(kept, httpx.AsyncClient) and hasattr(kept, "close"):
            kept.close()
    KEPT.clear()
    STOP.set()
    STOP.clear()


async def tick():
    while True:
        await asyncio.sleep(1)


# Tasks.


@leaky("lifespan.leaks.tasks", "task tick")
def worker_task():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        app.state.worker = asyncio.create_task(tick())  # leak
        yield

    return served(lifespan)


@leaky("lifespan.leaks.tasks", "task tick")
def task_of_an_event_handler():
    app = FastAPI()

    @app.on_event("startup")
    async def start():
        app.state.workers = [asyncio.ensure_future(tick())]  # leak

    return app


@leaky("lifespan.leaks.tasks", "queue_reader")
def consumer_of_a_queue():
    async def queue_reader(queue):
        while True:
            await queue.get()

    class App:
        async def __call__(self, scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                self.task = asyncio.get_running_loop().create_task(queue_reader(asyncio.Queue()))  # leak
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await send({"type": "lifespan.shutdown.complete"})

    return App()


@leaky("asgi.tasks.none-left")
def task_for_each_request():
    async def endpoint(request):
        KEPT.append(asyncio.create_task(tick()))
        return PlainTextResponse("hello")

    return served(endpoint=endpoint)


# Generators.


@leaky("lifespan.leaks.generators", "asynchronous generator", "connection")
def generator_dependency_entered_by_hand():
    async def connection():
        yield 1  # leak

    @contextlib.asynccontextmanager
    async def lifespan(app):
        app.state.generator = connection()
        await anext(app.state.generator)
        yield

    return served(lifespan)


@leaky("lifespan.leaks.sync-generators", "generator", "session")
def sync_generator_dependency_entered_by_hand():
    def session():
        try:
            yield 1  # leak
        finally:
            KEPT.clear()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        KEPT.append(session())
        next(KEPT[-1])
        yield

    return served(lifespan)


@leaky("asgi.leaks.resources", "generator", "rows")
def generator_kept_for_each_request():
    def rows():
        yield 1  # leak
        yield 2

    async def endpoint(request):
        KEPT.append(rows())
        return PlainTextResponse(str(next(KEPT[-1])))

    return served(endpoint=endpoint)


# Threads.


@leaky("lifespan.leaks.threads", "thread", "poller")
def thread_without_an_end():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        thread = threading.Thread(target=STOP.wait, name="poller", daemon=True)
        thread.start()  # leak
        yield

    return served(lifespan)


@leaky("lifespan.leaks.threads", "thread pool", "jobs")
def executor_that_is_not_shut_down():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        KEPT.append(ThreadPoolExecutor(4, thread_name_prefix="jobs"))
        KEPT[-1].submit(int).result()  # leak
        yield

    return served(lifespan)


@leaky("asgi.leaks.resources", "thread pool", "render")
def executor_for_each_request():
    async def endpoint(request):
        KEPT.append(ThreadPoolExecutor(2, thread_name_prefix="render"))
        await asyncio.get_running_loop().run_in_executor(KEPT[-1], int)  # leak
        return PlainTextResponse("hello")

    return served(endpoint=endpoint)


@leaky("asgi.leaks.resources", "thread", "timer")
def timer_thread_for_each_request():
    def endpoint(request):
        timer = threading.Thread(target=STOP.wait, name="timer", daemon=True)
        timer.start()  # leak
        return PlainTextResponse("hello")

    return served(endpoint=endpoint)


# Files.


@leaky("lifespan.leaks.descriptors", "descriptor", os.devnull)
def file_opened_in_startup():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        KEPT.append(open(os.devnull))  # leak
        yield

    return served(lifespan)


@leaky("lifespan.leaks.descriptors", "descriptor", os.devnull)
def raw_descriptor():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        os.open(os.devnull, os.O_RDONLY)  # leak
        yield

    return served(lifespan)


@leaky("lifespan.leaks.descriptors", "descriptor", "leaky.db")
def database_connection():
    folder = tempfile.mkdtemp()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        KEPT.append(sqlite3.connect(f"{folder}/leaky.db", check_same_thread=False))  # leak
        KEPT[-1].execute("create table if not exists t (x)")
        yield

    return served(lifespan)


@leaky("lifespan.leaks.threads", "thread", also=("lifespan.leaks.descriptors",))
def asynchronous_database_connection():
    """aiosqlite has a thread for each connection."""
    folder = tempfile.mkdtemp()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        KEPT.append(await aiosqlite.connect(f"{folder}/leaky.db"))  # leak
        yield

    return served(lifespan)


@leaky("asgi.leaks.resources", "descriptor", os.devnull)
def file_opened_for_each_request():
    def endpoint(request):
        KEPT.append(open(os.devnull, "rb"))  # leak
        return PlainTextResponse("hello")

    return served(endpoint=endpoint)


@leaky("asgi.leaks.resources", "temporary file")
def temporary_file_left_by_each_request():
    def endpoint(request):
        number, path = tempfile.mkstemp()  # leak
        os.close(number)
        return PlainTextResponse(path)

    return served(endpoint=endpoint)


@leaky("lifespan.leaks.descriptors", "temporary file")
def temporary_folder_in_startup():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        app.state.folder = tempfile.mkdtemp()  # leak
        yield

    return served(lifespan)


# Sockets.


@leaky("lifespan.leaks.descriptors", "descriptor socket")
def socket_of_a_metrics_client():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        KEPT.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))  # leak
        yield

    return served(lifespan)


@leaky("lifespan.leaks.descriptors", "descriptor socket")
def listening_side_server():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        app.state.server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)  # leak
        KEPT.append(app.state.server)
        yield

    return served(lifespan)


@leaky("asgi.leaks.resources", "descriptor socket")
def client_for_each_request():
    """An HTTP client whose connection is kept alive, made anew for each request."""

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async def answer(reader, writer):
            while await reader.readline() not in {b"\r\n", b""}:
                pass
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await reader.read()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            app.state.port = server.sockets[0].getsockname()[1]
            yield
            for client in KEPT:
                await client.aclose()
            KEPT.clear()

    async def endpoint(request):
        KEPT.append(httpx.AsyncClient())
        await KEPT[-1].get(f"http://127.0.0.1:{request.app.state.port}/")  # leak
        return PlainTextResponse("hello")

    return served(lifespan, endpoint)


# Processes.


@leaky("lifespan.leaks.processes", "child process", "input()", also=("lifespan.leaks.descriptors",))
def child_process_left_running():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        KEPT.append(subprocess.Popen(SLEEPER, stdin=subprocess.PIPE))  # leak
        yield

    return served(lifespan)


@leaky("asgi.leaks.resources", "child process", "input()")
def child_process_for_each_request():
    def endpoint(request):
        KEPT.append(subprocess.Popen(SLEEPER, stdin=subprocess.PIPE))  # leak
        return PlainTextResponse("hello")

    return served(endpoint=endpoint)


@leaky("lifespan.leaks.processes", "child process", also=("lifespan.leaks.descriptors",))
def forked_worker_left_running():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        forking = multiprocessing.get_context("fork")
        KEPT.append(forking.Process(target=time.sleep, args=(600,), daemon=True))
        KEPT[-1].start()  # leak
        yield

    return served(lifespan)


# Timers.


@leaky("lifespan.leaks.timers", "timer", "refresh")
def timer_that_sets_itself_anew():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        loop = asyncio.get_running_loop()

        def refresh():  # leak
            loop.call_later(30, refresh)

        loop.call_later(30, refresh)
        yield

    return served(lifespan)


@leaky("asgi.leaks.resources", "timer", "expire")
def timer_for_each_request():
    class Session:
        def expire(self):  # leak
            KEPT.remove(self)

    async def endpoint(request):
        KEPT.append(Session())
        asyncio.get_running_loop().call_later(86400, functools.partial(KEPT[-1].expire))
        return PlainTextResponse("hello")

    return served(endpoint=endpoint)


# What is forgotten.


async def save():
    await asyncio.sleep(0)


@leaky("lifespan.leaks.unheard", "coroutine never awaited", "save")
def await_forgotten_in_shutdown():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield
        save()  # leak

    return served(lifespan)


@leaky("asgi.leaks.unheard", "coroutine never awaited", "save")
def await_forgotten_in_a_dependency():
    app = FastAPI()

    async def audit():
        save()  # leak

    @app.get("/", dependencies=[Depends(audit)])
    async def root():
        return {"a": 1}

    return app


@leaky("lifespan.leaks.unheard", "exception unheard", "ValueError: no more rows")
def worker_that_dies():
    async def work():
        await asyncio.sleep(5)
        raise ValueError("no more rows")  # leak

    @contextlib.asynccontextmanager
    async def lifespan(app):
        app.state.worker = asyncio.create_task(work())
        yield
        app.state.worker.cancel()

    return served(lifespan)


@leaky("asgi.leaks.unheard", "exception unheard", "KeyError: 'name'")
def task_beside_the_response_that_fails():
    async def count(row):
        return row["name"]  # leak

    async def endpoint(request):
        KEPT.append(asyncio.create_task(count({})))
        return PlainTextResponse("hello")

    return served(endpoint=endpoint)


@leaky("lifespan.leaks.unheard", "exception unheard", "ZeroDivisionError")
def thread_that_dies():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        def work():
            print(1 / 0)  # leak

        thread = threading.Thread(target=work)
        thread.start()
        yield
        thread.join()

    return served(lifespan)


@leaky("lifespan.leaks.unclosed", "left to the garbage collector", "unclosed <socket.socket")
def socket_in_a_local_variable():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        probe = socket.socket()
        del probe
        yield

    return served(lifespan)
