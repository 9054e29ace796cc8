"""The server driver, against uvicorn in several of its variants."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_conformance.drivers.base import Ability, Closed, Ending, Head, Request, Unanswered, Unreachable
from asgi_conformance.drivers.server import ServerDriver, ServerOptions, ServerProcess
from asgi_conformance.drivers.server.codec import Foreign
from asgi_conformance.drivers.wire import WireExchange, read_response
from asgi_conformance.loading import AppRef
from asgi_conformance.transcript import Transcript

HERE = str(Path(__file__).parent)
VARIANTS = [
    "uvicorn",
    "uvicorn-h11-asyncio-wsproto",
    "uvicorn-httptools-uvloop-websockets",
    "uvicorn-websockets-sansio-uvloop-h11",
]


def served(name: str, **how: object) -> AppRef:
    return AppRef(f"served:{name}", app_dir=HERE, **how)  # type: ignore[arg-type]


APP = served("app")


def driver(server: str = "uvicorn", app: AppRef | ServerProcess = APP, **how: object) -> ServerDriver:
    """A driver whose process is killed at the end, where nothing depends on its shutdown."""
    return ServerDriver(server, app, **({"leaving": "kill"} | how))  # type: ignore[arg-type]


def run(scene: Callable[[], Awaitable[None]]) -> None:
    """Play a scene on a loop of its own, for a minute at most."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scene()

    asyncio.run(bounded())


async def response_of(exchange: WireExchange) -> tuple[Head, bytes]:
    head = await exchange.head()
    body = b""
    while (piece := await exchange.piece()) is not None:
        body += piece.data
    return head, body


async def body_of(driver: ServerDriver, path: str, **how: object) -> bytes:
    _, body = await response_of(await driver.http(Request(path=path, **how)))  # type: ignore[arg-type]
    return body


@pytest.mark.parametrize("server", VARIANTS)
def test_both_sides_of_a_request_are_seen(server: str):
    async def scene() -> None:
        async with driver(server) as reached:
            assert reached.name == server
            exchange = await reached.http(Request(path="/hello?x=1", headers=((b"x-mixed", b"\xe9"),)))
            head, body = await response_of(exchange)
            assert (head.status, head.get("content-type"), body) == (200, "text/plain", b"hello")
            assert exchange.complete
            assert await exchange.ending() == Ending("returned")
            assert exchange.messages == [
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"5")],
                },
                {"type": "http.response.body", "body": b"hello", "more_body": True},
                {"type": "http.response.body", "body": b""},
            ]
            scope = (await reached.call(lambda call: call.type == "http", 5)).scope
            assert scope["raw_path"] == b"/hello"
            assert scope["query_string"] == b"x=1"
            assert (b"x-mixed", b"\xe9") in [tuple(pair) for pair in scope["headers"]]
            assert scope["asgi"]["version"] == "3.0"

    run(scene)


@pytest.mark.parametrize("server", VARIANTS)
def test_a_request_body_is_streamed(server: str):
    async def scene() -> None:
        async with driver(server) as reached:
            exchange = await reached.http(Request(method="POST", path="/echo"), streaming=True)
            await exchange.send(b"one", more=True)
            # The second part is sent when the application has the first.
            got = await reached.call(lambda call: any(m.get("body") == b"one" for m in call.received), 5)
            assert got is not None
            await exchange.send(b"two", more=False)
            assert (await response_of(exchange))[1] == b"onetwo"

    run(scene)


@pytest.mark.parametrize("server", VARIANTS)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_application_learns_that_the_client_has_left(server: str, how: str):
    async def scene() -> None:
        async with driver(server) as reached:
            exchange = await reached.http(Request(path="/wait"))
            assert (await exchange.piece()).data == b"first"
            assert await exchange.ending(within=0.05) == Ending("running")
            await exchange.disconnect(how)  # type: ignore[arg-type]
            assert await exchange.ending() == Ending("returned")
            call = await reached.call(lambda call: call.type == "http", 0)
            assert call.received[-1] == {"type": "http.disconnect"}

    run(scene)


@pytest.mark.parametrize("server", VARIANTS)
def test_a_websocket_is_seen_from_both_sides(server: str):
    async def scene() -> None:
        async with driver(server) as reached:
            websocket = await reached.websocket(Request(path="/chat", subprotocols=("a", "b")))
            handshake = await websocket.opened()
            assert (handshake.accepted, handshake.subprotocol) == (True, "a")
            await websocket.send("grüß")
            assert await websocket.receive() == "grüß"
            await websocket.send(b"\xff")
            assert await websocket.receive() == b"\xff"
            await websocket.close(4007, "done")
            assert (await websocket.receive()).code == 4007
            assert await websocket.ending() == Ending("returned")
            assert [message["type"] for message in websocket.messages] == ["websocket.accept"] + 2 * ["websocket.send"]
            call = await reached.call(lambda call: call.type == "websocket", 0)
            assert (call.received[-1]["code"], call.received[-1]["reason"]) == (4007, "done")

            websocket = await reached.websocket(Request(path="/chat"))
            await websocket.send("close")
            assert await websocket.receive() == Closed(4002, "später")

            websocket = await reached.websocket(Request(path="/chat"))
            await websocket.send("raise")
            assert await websocket.ending() == Ending("raised", "LookupError: in the chat")

            websocket = await reached.websocket(Request(path="/chat"))
            await websocket.opened()
            await websocket.disconnect("reset")
            assert await websocket.ending() == Ending("returned")
            lost = [call for call in reached.calls if call.type == "websocket"][-1]
            assert lost.received[-1]["code"] in {1005, 1006}

    run(scene)


@pytest.mark.parametrize("server", VARIANTS)
def test_a_websocket_may_be_refused(server: str):
    async def scene() -> None:
        async with driver(server) as reached:
            websocket = await reached.websocket(Request(path="/refuse"))
            refused = await websocket.opened()
            assert (refused.accepted, refused.status) == (False, 403)
            websocket = await reached.websocket(Request(path="/deny"))
            denied = await websocket.opened()
            assert (denied.accepted, denied.status, denied.body) == (False, 401, b"denied")
            assert (b"x-why", b"no ticket") in denied.headers

    run(scene)


def test_an_exception_of_the_application_is_told():
    async def scene() -> None:
        async with driver() as reached:
            exchange = await reached.http(Request(path="/raises"))
            assert (await exchange.head()).status == 500
            assert await exchange.ending() == Ending("raised", "LookupError: no such row")
            exchange = await reached.http(Request(path="/half"))
            assert (await response_of(exchange))[1] == b"12345"
            assert not exchange.complete
            assert await exchange.ending() == Ending("raised", "LookupError: half way")
            assert "LookupError: half way" in reached.log()

    run(scene)


def test_messages_that_are_none_are_told_as_they_are():
    async def scene() -> None:
        async with driver() as reached:
            exchange = await reached.http(Request(path="/odd"))
            assert (await response_of(exchange))[1] == b"odd"
            assert list(exchange.messages[:2]) == [
                {"type": "http.response.bogus", "extra": Foreign("set")},
                ["no", "dict"],
            ]
            call = await reached.call(lambda call: call.type == "http", 0)
            assert len(call.failures) == 2
            assert all(failure["kinds"] for failure in call.failures)

    run(scene)


def test_requests_at_once_are_not_mixed_up():
    async def scene() -> None:
        async with driver() as reached:
            paths = ["/hello", "/raises", "/pid", "/wait"] * 5
            exchanges = await asyncio.gather(*(reached.http(Request(path=path)) for path in paths))
            endings = await asyncio.gather(*(exchange.ending(0.3) for exchange in exchanges))
            expected = {"/hello": "returned", "/raises": "raised", "/pid": "returned", "/wait": "running"}
            assert [ending.how for ending in endings] == [expected[path] for path in paths]

    run(scene)


def test_a_client_address_that_a_proxy_claims_is_no_matter():
    async def scene() -> None:
        async with driver() as reached:
            forwarded = Request(path="/peer", headers=((b"x-forwarded-for", b"203.0.113.7"),))
            exchange = await reached.http(forwarded)
            assert (await response_of(exchange))[1] == b"203.0.113.7 0"
            assert await exchange.ending() == Ending("returned")
            assert exchange.messages[1]["body"] == b"203.0.113.7 0"

    run(scene)


def test_a_request_that_never_reaches_the_application_has_no_ending():
    async def scene() -> None:
        async with driver() as reached:
            exchange = await reached.http(Request(path="/hello", headers=((b"bad header", b"x"),)))
            assert (await exchange.head()).status == 400
            begun = time.monotonic()
            assert await exchange.ending(30) == Ending("unknown")
            assert time.monotonic() - begun < 25  # it was not waited for
            assert list(exchange.messages) == []

    run(scene)


def test_raw_bytes_and_what_the_application_makes_of_them():
    async def scene() -> None:
        async with driver() as reached:
            connection = await reached.raw()
            pair = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\nGET /pid HTTP/1.1\r\nhost: x\r\n\r\n"
            await connection.send(pair)
            first, second = await read_response(connection), await read_response(connection)
            assert (first.end, first.body, second.end) == ("complete", b"hello", "complete")
            assert await connection.ended(0.05) == "open"
            calls = [call for call in reached.calls if call.port == connection.port]
            assert [call.scope["path"] for call in calls] == ["/hello", "/pid"]
            connection.half_close()
            assert await connection.ended() == "closed"

            connection = await reached.raw()
            await connection.send(b"\x00\x01 nonsense\r\n\r\n")
            assert (await read_response(connection)).status == 400
            assert await connection.ended() == "closed"

    run(scene)


def test_what_was_seen_survives_the_process():
    async def scene() -> None:
        async with driver() as reached:
            exchange = await reached.http(Request(path="/dies"))
            assert (await exchange.head()).status == 200
            assert await reached.wait_exit(5) == 7
            assert [message["type"] for message in exchange.messages] == ["http.response.start", "http.response.body"]
            assert exchange.messages[1]["body"] == b"last words"
            assert await exchange.ending() == Ending("unknown")
            assert not exchange.complete
            with pytest.raises(Unreachable, match="nothing accepts connections"):
                await reached.http(Request(path="/hello"))
            with pytest.raises(Unanswered, match="no snapshot: the server is not running, with exit code 7"):
                await reached.snapshot()

        async with driver() as reached:
            exchange = await reached.http(Request(path="/wait"))
            assert (await exchange.piece()).data == b"first"
            reached.signal(signal.SIGKILL)
            assert await reached.wait_exit(5) == -signal.SIGKILL
            assert await exchange.piece() is None
            assert [message["type"] for message in exchange.messages] == ["http.response.start", "http.response.body"]

    run(scene)


@pytest.mark.parametrize("server", VARIANTS)
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_a_signal_ends_the_server_on_its_own_terms(server: str, signum: int, code: int):
    async def scene() -> None:
        async with driver(server) as reached:
            await body_of(reached, "/hello")
            reached.signal(signum)
            assert await reached.wait_exit(10) == code
            (lifespan,) = [call for call in reached.calls if call.type == "lifespan"]
            assert lifespan.received[-1] == {"type": "lifespan.shutdown"}
            assert lifespan.ending == Ending("returned")
            assert "Finished server process" in reached.log()
            with pytest.raises(Unreachable):
                await reached.raw()

    run(scene)


def test_stopping_is_graceful_and_then_forced():
    async def scene() -> None:
        async with driver() as reached:
            assert await reached.stop() == -signal.SIGTERM
            assert await reached.stop() == -signal.SIGTERM

        async with driver() as reached:
            exchange = await reached.http(Request(path="/forever"))
            assert (await exchange.piece()).data == b"first"
            with pytest.raises(Unanswered, match=r"a server process that still runs after 0.05 s"):
                await reached.wait_exit(0.05)
            assert await reached.stop(within=0.5) == -signal.SIGKILL

    run(scene)


def test_leaving_stops_the_server_gracefully():
    async def scene() -> None:
        async with driver(leaving="stop") as reached:
            process = reached.process
        assert process.exit_code == -signal.SIGTERM
        assert process.calls.lifespan().ending == Ending("returned")
        assert "Application shutdown complete" in process.log()

    run(scene)


def test_an_option_reaches_the_server():
    async def scene() -> None:
        async with driver(options=ServerOptions(root_path="/api")) as reached:
            await body_of(reached, "/hello")
            call = await reached.call(lambda call: call.type == "http", 0)
            assert call.scope["root_path"] == "/api"
        async with driver(options=ServerOptions(grace=0)) as reached:
            exchange = await reached.http(Request(path="/wait"))
            await exchange.head()
            reached.signal(signal.SIGTERM)
            assert await reached.wait_exit(10) == -signal.SIGTERM
            assert await exchange.ending() == Ending("cancelled")

    run(scene)


def test_the_environment_reaches_the_application(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVED_GREETING", "hello from the runner")

    async def scene() -> None:
        for how in ("fork", "exec"):
            async with driver(how=how) as reached:
                assert "starting hello from the runner" in reached.log()
                assert os.readlink(f"/proc/{reached.process.pid}/cwd") == str(tmp_path)
            async with driver(how=how, env={"SERVED_GREETING": "hello from the check"}) as reached:
                assert "starting hello from the check" in reached.log()

    run(scene)


def test_a_mutation_is_applied_behind_the_observer():
    async def scene() -> None:
        async with driver(app=served("app", wrap="served:shouting")) as reached:
            exchange = await reached.http(Request(path="/hello"))
            assert (await exchange.head()).status == 418
            assert exchange.messages[0]["status"] == 418

    run(scene)


def test_a_snapshot_shows_what_is_left_behind():
    async def scene() -> None:
        async with driver("uvicorn-asyncio") as reached:
            await body_of(reached, "/hello")
            before = await reached.snapshot()
            assert await body_of(reached, "/leaks") == b"leaked"
            exchange = await reached.http(Request(path="/wait"))
            await exchange.head()
            after = await reached.snapshot()
            tasks = {task.name for task in after.tasks} - {task.name for task in before.tasks}
            assert "leaked-task" in tasks
            waiting = next(task for task in after.tasks if task.name in tasks - {"leaked-task"})
            assert waiting.function.endswith("run_asgi")
            assert waiting.where.rpartition(":")[0].endswith("_impl.py")
            assert set(after.threads) - set(before.threads) == {"leaked-thread"}
            assert after.descriptors - before.descriptors == 3  # the file, and two connections that are open
            assert (before.calls, after.calls) == (1, 2)

    run(scene)


def test_a_server_whose_loop_is_held_cannot_tell(tmp_path: Path):
    async def scene() -> None:
        async with driver() as reached:
            released = tmp_path / "released"
            exchange = await reached.http(Request(path=f"/blocks?{released}"))
            assert (await response_of(exchange))[1] == b"blocked"
            with pytest.raises(
                Unanswered, match=r"no snapshot within 0.2 s: the server's event loop does not come round"
            ):
                await reached.snapshot(within=0.2)
            released.touch()
            assert (await reached.snapshot()).calls == 1

    run(scene)


def test_a_process_is_used_again_on_another_loop():
    process = ServerProcess("uvicorn", APP)
    seen = []

    async def scene() -> None:
        async with driver(app=process) as reached:
            assert [call.type for call in reached.calls] == ["lifespan"]
            seen.append(await body_of(reached, "/pid"))
            waiting = await reached.http(Request(path="/wait"))
            await waiting.head()

    try:
        for _ in range(3):
            run(scene)
        assert len(set(seen)) == 1
        assert process.running
        assert process.snapshot().calls >= 1
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait_exit(5) == -signal.SIGKILL
        # The next check finds it gone, and gets a new one.
        run(scene)
        assert len(set(seen)) == 2
    finally:
        assert process.stop() == -signal.SIGTERM
    assert not process.running


def test_what_was_seen_can_be_looked_at_afterwards():
    kept: list[WireExchange] = []

    async def scene() -> None:
        async with driver() as reached:
            kept.append(await reached.http(Request(path="/hello")))
            await response_of(kept[0])
            await kept[0].ending()

    run(scene)
    assert len(kept[0].messages) == 3
    assert kept[0].complete


def test_the_transcript_tells_both_sides_in_order():
    async def scene() -> None:
        transcript = Transcript(asyncio.get_running_loop().time)
        async with driver(transcript=transcript) as reached:
            exchange = await reached.http(Request(path="/hello"))
            await response_of(exchange)
            await exchange.ending()
        lines = [f"{direction} {text}" for _, direction, text in transcript.lines()]
        order = [
            "receive {'type': 'lifespan.startup'}",
            "> GET /hello HTTP/1.1",
            "note the application is called: http /hello",
            "send {'type': 'http.response.start', 'status': 200,",
            "< HTTP/1.1 200 OK · ",
        ]
        positions = [next(i for i, line in enumerate(lines) if line.startswith(start)) for start in order]
        assert positions == sorted(positions)
        assert "note the http call is over: returned" in lines

    run(scene)


REFUSED = [
    (AppRef("no_such_module:app"), "there is no module 'no_such_module'"),
    (served("nothing"), "module 'served' has no attribute 'nothing'"),
    (served("no_app"), "'served:no_app' is not an ASGI application: it is an object of type int"),
    (served("fails_to_start"), "the startup of served:fails_to_start failed: the database is not there"),
    (
        served("framework_without_database", factory=True),
        "the startup of served:framework_without_database failed: ConnectionError: no database at .*\n  at .*served.py",
    ),
    (
        served("exits_at_start"),
        "uvicorn ended before it served, with exit code 9\n  its last words: out of patience",
    ),
]


@pytest.mark.parametrize("how", ["fork", "exec"])
@pytest.mark.parametrize(("app", "told"), REFUSED, ids=[app.app for app, _ in REFUSED])
def test_an_application_that_does_not_start_is_unreachable(app: AppRef, told: str, how: str):
    async def scene() -> None:
        reached = driver(app=app, how=how)
        with pytest.raises(Unreachable, match=told) as caught:
            await reached.__aenter__()
        assert "Traceback" not in str(caught.value)
        assert len(str(caught.value).splitlines()) <= 3
        assert reached.process.ended

    run(scene)


def test_a_failed_startup_ends_uvicorn_with_code_3():
    process = ServerProcess("uvicorn", served("fails_to_start"))
    with pytest.raises(Unreachable):
        process.start()
    assert process.exit_code == 3


@pytest.mark.parametrize("how", ["fork", "exec"])
def test_a_startup_without_end_is_given_up(how: str):
    process = ServerProcess("uvicorn", served("starts_never"), how=how)  # type: ignore[arg-type]
    process.begin()
    process._await(lambda: any(call.events for call in process.calls), 20)
    with pytest.raises(Unreachable) as caught:
        process.check_ready(within=10)
    assert str(caught.value) == ("uvicorn did not start served:starts_never within 10 s\n  its last words: still at it")
    assert process.kill() == -signal.SIGKILL


def test_an_application_without_lifespan_is_served():
    async def scene() -> None:
        async with driver(app=served("no_lifespan")) as reached:
            assert await body_of(reached, "/hello") == b"hello"
            (lifespan,) = [call for call in reached.calls if call.type == "lifespan"]
            assert lifespan.ending == Ending("raised", "TypeError: only http here")

    run(scene)


def test_the_lifespan_stands_for_the_start_of_a_server_that_does_not_tell():
    def process(app: str) -> ServerProcess:
        made = ServerProcess("uvicorn", served(app))
        made._variant = replace(made._variant, adapter=replace(made._variant.adapter, tells_start=False))
        return made

    async def scene() -> None:
        for app in ("app", "no_lifespan"):
            with process(app) as running:
                async with driver(app=running) as reached:
                    assert await body_of(reached, "/hello") == b"hello"
        with pytest.raises(Unreachable, match="the startup of served:fails_to_start failed"):
            process("fails_to_start").start()

    run(scene)


def test_everything_is_offered():
    every_one = {Ability.MESSAGES, Ability.LIFECYCLE, Ability.WIRE, Ability.PROCESS, Ability.BROWSER}
    assert ServerDriver.abilities == every_one
