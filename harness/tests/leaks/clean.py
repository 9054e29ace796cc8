"""Thirty applications that hold things by design, or make them and let go, in styles that look like leaks."""
# ruff: noqa: SIM115 - that files stay open is what it is about

import asyncio
import collections
import contextlib
import contextvars
import functools
import itertools
import logging
import logging.handlers
import multiprocessing
import os
import queue
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import aiosqlite
import anyio
import anyio.from_thread
import httpx
from fastapi import BackgroundTasks, Depends, FastAPI
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse

from asgi_conformance.pattern import Route

from .catalogue import HTTP, Case, served

APPS = {}
ROOT = (Route("GET", "/", HTTP),)
STREAM = (Route("GET", "/", frozenset({"http", "http.stream", "http.endless"})),)


def clean(*routes):
    """Register the factory of an application that leaks nothing."""

    def register(factory):
        APPS[factory.__name__] = Case(factory, routes or ROOT)
        return factory

    return register


hello = PlainTextResponse("hello")


# Kept by design.


@clean()
def client_of_the_module():
    """Made with the module, used by all requests, never closed."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200)))

    async def endpoint(request):
        await client.get("http://example.org/")
        return hello

    return served(endpoint=endpoint)


@clean()
def executor_of_the_module():
    pool = ThreadPoolExecutor(8)

    async def endpoint(request):
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, int) for _ in range(3)))
        return hello

    return served(endpoint=endpoint)


@clean()
def thread_started_lazily():
    """The first request starts a thread that all later ones use."""
    work = queue.SimpleQueue()
    started = threading.Lock()

    def worker():
        while (item := work.get()) is not None:
            item.set()

    def endpoint(request):
        if started.acquire(blocking=False):
            threading.Thread(target=worker, daemon=True).start()
        work.put(done := threading.Event())
        done.wait()
        return hello

    return served(endpoint=endpoint)


@clean()
def pool_that_fills_up_one_by_one():
    """Ten connections, one more with each request until they are there, then in turn."""
    connections = []
    turns = itertools.count()

    async def endpoint(request):
        if len(connections) < 10:
            connections.append(open(os.devnull))
            weakref.finalize(request.app, connections[-1].close)
        return PlainTextResponse(connections[next(turns) % len(connections)].name)

    return served(endpoint=endpoint)


@clean()
def cache_with_a_bound():
    cache = collections.OrderedDict()

    async def endpoint(request):
        cache[len(cache), id(request)] = open(os.devnull)
        while len(cache) > 5:
            cache.popitem(last=False)[1].close()
        return hello

    return served(endpoint=endpoint)


@clean()
def log_listener_kept_for_the_process():
    """Logging set up with the module, in a thread of its own."""
    records = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records, logging.NullHandler())
    listener.start()
    log = logging.Logger("app")
    log.addHandler(logging.handlers.QueueHandler(records))

    async def endpoint(request):
        log.warning("asked")
        return hello

    app = served(endpoint=endpoint)
    weakref.finalize(app, records.put, None)
    return app


@clean()
def handlers_of_signals():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        signal.signal(signal.SIGUSR1, lambda *_: None)
        yield

    return served(lifespan)


@clean()
def task_started_once_and_kept():
    """A refresher that the first request starts, and that runs until the process ends."""
    kept = []

    async def refresh():
        while True:
            await asyncio.sleep(60)

    async def endpoint(request):
        if not kept:
            kept.append(asyncio.create_task(refresh()))
        return hello

    return served(endpoint=endpoint)


@clean()
def ids_from_a_generator():
    """A generator that is kept and asked for one more with each request."""

    def numbers():
        number = 0
        while True:
            yield (number := number + 1)

    ids = numbers()

    async def endpoint(request):
        return PlainTextResponse(str(next(ids)))

    return served(endpoint=endpoint)


@clean()
def database_of_the_module():
    folder = tempfile.mkdtemp()
    database = sqlite3.connect(f"{folder}/clean.db", check_same_thread=False)
    database.execute("create table if not exists t (x)")

    def endpoint(request):
        database.execute("insert into t values (1)")
        database.commit()
        return hello

    app = served(endpoint=endpoint)
    weakref.finalize(app, database.close)
    return app


# Opened and closed.


@clean()
def resources_on_a_stack():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(open(os.devnull))
            stack.enter_context(socket.socket())
            stack.enter_context(ThreadPoolExecutor(2)).submit(int).result()
            await stack.enter_async_context(httpx.AsyncClient())
            yield

    return served(lifespan)


@clean()
def asynchronous_database():
    folder = tempfile.mkdtemp()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with aiosqlite.connect(f"{folder}/clean.db") as database:
            await database.execute("create table if not exists t (x)")
            yield {"database": database}

    async def endpoint(request):
        async with request.state.database.execute("select * from t") as cursor:
            return PlainTextResponse(str(await cursor.fetchall()))

    return served(lifespan, endpoint)


@clean()
def database_for_each_request():
    folder = tempfile.mkdtemp()

    def database():
        connection = sqlite3.connect(f"{folder}/clean.db", check_same_thread=False)
        try:
            yield connection
        finally:
            connection.close()

    app = FastAPI()

    @app.get("/")
    def root(connection: Annotated[Any, Depends(database)]):
        return connection.execute("select 1").fetchall()

    return app


@clean()
def cleaner_in_a_task_group():
    async def clean_up():
        while True:
            await asyncio.sleep(30)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with anyio.create_task_group() as group:
            group.start_soon(clean_up)
            yield
            group.cancel_scope.cancel()

    return served(lifespan)


@clean()
def pool_of_processes():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            app.state.pool = pool
            yield
            pool.terminate()
            pool.join()

    return served(lifespan)


@clean()
def command_for_each_request():
    def endpoint(request):
        done = subprocess.run([sys.executable, "-S", "-c", "print(1)"], capture_output=True, check=True)
        return PlainTextResponse(done.stdout)

    return served(endpoint=endpoint)


@clean()
def temporary_file_for_each_request():
    def endpoint(request):
        with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
            return PlainTextResponse(f"{file.name} {folder}")

    return served(endpoint=endpoint)


@clean()
def file_that_the_response_removes():
    def endpoint(request):
        number, path = tempfile.mkstemp()
        os.write(number, b"hello")
        os.close(number)
        return FileResponse(path, background=BackgroundTask(os.unlink, path))

    return served(endpoint=endpoint)


@clean()
def timer_that_is_cancelled():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        timer = asyncio.get_running_loop().call_later(3600, print)
        yield
        timer.cancel()

    return served(lifespan)


@clean()
def debounced_timer():
    """Each request sets the timer anew, and cancels the one before."""
    timers = []

    def flush():
        timers.clear()

    async def endpoint(request):
        while timers:
            timers.pop().cancel()
        timers.append(asyncio.get_running_loop().call_later(3600, flush))
        return hello

    return served(endpoint=endpoint)


@clean()
def thread_told_to_stop_and_joined():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        yield
        stop.set()
        await run_in_threadpool(thread.join)

    return served(lifespan)


@clean()
def log_listener_of_the_lifespan():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        listener = logging.handlers.QueueListener(queue.SimpleQueue(), logging.NullHandler())
        listener.start()
        yield
        listener.stop()

    return served(lifespan)


# Work beside requests.


@clean()
def tasks_kept_until_they_are_done():
    running = set()

    async def work():
        await asyncio.sleep(5)

    async def endpoint(request):
        running.add(task := asyncio.create_task(work()))
        task.add_done_callback(running.discard)
        return hello

    return served(endpoint=endpoint)


@clean()
def failures_that_are_logged():
    """A task whose exception is looked at by a callback."""
    log = logging.Logger("app")

    async def work():
        raise ValueError("no rows")

    def logged(task):
        if task.exception():
            log.error("failed", exc_info=task.exception())

    async def endpoint(request):
        asyncio.create_task(work()).add_done_callback(logged)
        return hello

    return served(endpoint=endpoint)


@clean()
def worker_that_fails_and_starts_again():
    failures = []

    async def work():
        await asyncio.sleep(5)
        raise ValueError("no rows")

    async def watch():
        while True:
            try:
                await asyncio.create_task(work())
            except ValueError as error:
                failures.append(str(error))
                await asyncio.sleep(60)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        watcher = asyncio.create_task(watch())
        yield
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)

    return served(lifespan)


@clean()
def background_tasks_in_threads():
    app = FastAPI()

    @app.get("/")
    async def root(tasks: BackgroundTasks):
        tasks.add_task(sum, [1, 2])
        tasks.add_task(functools.partial(asyncio.sleep, 1))
        return {}

    return app


@clean(STREAM[0])
def endless_stream_with_a_subscription():
    subscribers = set()

    async def ticks():
        subscribers.add(mine := object())
        try:
            while True:
                yield b"tick"
                await asyncio.sleep(1)
        finally:
            subscribers.discard(mine)

    async def endpoint(request):
        return StreamingResponse(ticks())

    return served(endpoint=endpoint)


@clean(STREAM[0])
def endless_stream_from_a_sync_generator():
    """It runs in threads; that nobody closes it when the client leaves is the collector's affair."""

    def ticks():
        while True:
            yield b"tick"

    async def endpoint(request):
        return StreamingResponse(ticks())

    return served(endpoint=endpoint)


@clean()
def context_variables_that_are_not_reset():
    current = contextvars.ContextVar("current", default=None)

    class Marks(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            current.set(request)
            return await call_next(request)

    async def endpoint(request):
        await anyio.to_thread.run_sync(current.get)
        await anyio.to_thread.run_sync(anyio.from_thread.run, anyio.sleep, 0)
        return hello

    return served(endpoint=endpoint, middleware=[Middleware(Marks)])


@clean()
def configuration_read_and_dropped():
    """Files are closed when nobody holds them any more, and that is at once."""

    @contextlib.asynccontextmanager
    async def lifespan(app):
        app.state.configuration = open(os.devnull).read()
        yield

    async def endpoint(request):
        return PlainTextResponse(open(os.devnull).read() + "hello")

    return served(lifespan, endpoint)
