"""The in-process driver: streams, disconnects, faults, scopes, lifespan, websockets."""

import asyncio

import pytest

from asgi_conformance import Faults, InProcess, Unanswered, Unreachable, VirtualLoop
from asgi_conformance.drivers.base import Closed, Request
from asgi_conformance.drivers.lifespan import Answer, LifespanRun
from asgi_conformance.faults import ClientDisconnected


def run(main):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


async def hello(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("http only")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})


class Ticks:
    """An endless stream that watches for the disconnect, and remembers what happened."""

    def __init__(self):
        self.events = []

    async def __call__(self, scope, receive, send):
        assert scope["type"] == "http"
        await receive()
        gone = asyncio.ensure_future(receive())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            number = 0
            while not gone.done():
                await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
                number += 1
                await asyncio.wait({gone}, timeout=1)
            self.events.append(gone.result()["type"])
        finally:
            self.events.append("cleaned up")
            gone.cancel()


def test_request_gives_status_headers_body_and_the_ending():
    async def main():
        async with InProcess(hello) as client:
            return await client.request("GET", "/")

    response = run(main())
    assert (response.status, response.body, response.complete) == (200, b"hello", True)
    assert response.headers == ((b"content-type", b"text/plain"),)
    assert response.ending.how == "returned"


def test_an_application_without_lifespan_is_served_all_the_same():
    async def main():
        async with InProcess(hello) as client:
            assert client.run is None

    run(main())


def test_a_stream_arrives_piece_by_piece_and_leaving_it_disconnects():
    app = Ticks()

    async def main():
        async with InProcess(app) as client, client.stream("GET", "/") as stream:
            assert (await stream.head()).status == 200
            pieces = [await stream.piece() for _ in range(3)]
            return [piece.data for piece in pieces], [round(piece.at) for piece in pieces]

    assert run(main()) == ([b"0", b"1", b"2"], [0, 1, 2])
    assert app.events == ["http.disconnect", "cleaned up"]


def test_messages_without_content_do_not_prolong_the_wait_for_a_piece():
    async def main():
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"", "more_body": True})
                await asyncio.sleep(1)

        async with InProcess(app, lifespan="off") as client, client.stream("GET", "/") as stream:
            begun = asyncio.get_running_loop().time()
            with pytest.raises(Unanswered):
                await stream.piece(10.0)
            return asyncio.get_running_loop().time() - begun

    assert 10 <= run(main()) < 12


def test_reading_an_endless_response_to_its_end_is_refused_in_bounded_time():
    async def main():
        async with InProcess(Ticks()) as client:
            with pytest.raises(Unanswered, match="no end of the response within 10 s"):
                await client.request("GET", "/")

    run(main())


def test_an_application_that_never_answers_is_told():
    async def silent(scope, receive, send):
        await asyncio.Event().wait()

    async def main():
        async with InProcess(silent, lifespan="off") as client:
            with pytest.raises(Unanswered, match="no response start within 10 s"):
                await client.request("GET", "/")

    run(main())


def test_what_the_application_raises_is_raised_or_told():
    async def broken(scope, receive, send):
        raise ValueError("no")

    async def main():
        async with InProcess(broken, lifespan="off") as client:
            with pytest.raises(ValueError, match="no"):
                await client.request("GET", "/")
        async with InProcess(broken, lifespan="off", raise_app_exceptions=False) as client:
            return await client.request("GET", "/")

    response = run(main())
    assert (response.status, response.complete, response.ending.error) == (500, False, "ValueError: no")


@pytest.mark.parametrize(("version", "error"), [("2.3", None), ("2.4", ClientDisconnected)])
def test_send_after_the_client_left_follows_the_spec_version(version, error):
    seen = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["type"] != "http.disconnect":
            pass
        try:
            await send({"type": "http.response.body", "body": b"late"})
            seen.append(None)
        except OSError as raised:
            seen.append(type(raised))

    async def main():
        async with InProcess(app, lifespan="off", spec_version=version) as client:
            exchange = await client.http(Request())
            await exchange.head()
            await exchange.disconnect()
            await exchange.ending()
            assert [m["body"] for m in exchange.call.sent_after_disconnect] == [b"late"]

    run(main())
    assert seen == [error]


@pytest.mark.parametrize("index", [0, 1])
def test_a_chosen_send_raises(index):
    async def main():
        async with InProcess(
            hello, lifespan="off", faults=Faults(fail_send_from=index), raise_app_exceptions=False
        ) as client:
            exchange = await client.http(Request())
            ending = await exchange.ending()
            assert isinstance(ending.exception, ClientDisconnected)
            assert len(exchange.messages) == index

    run(main())


def test_every_suspension_can_be_cancelled():
    cleaned = []

    async def app(scope, receive, send):
        try:
            await asyncio.sleep(1)
            await asyncio.sleep(1)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.sleep(1)
            await send({"type": "http.response.body", "body": b""})
        finally:
            cleaned.append(True)

    async def main(index):
        async with InProcess(app, lifespan="off", faults=Faults(cancel_at=index)) as client:
            exchange = await client.http(Request())
            return (await exchange.ending()).how, exchange.call.suspensions

    assert [run(main(index))[0] for index in range(4)] == ["cancelled", "cancelled", "cancelled", "returned"]
    assert run(main(None))[1] == 3
    assert len(cleaned) == 5


def test_send_waits_while_the_client_does_not_read():
    sent = []

    async def flood(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(100):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            sent.append(number)
        await send({"type": "http.response.body"})

    async def main():
        async with InProcess(flood, lifespan="off") as client:
            exchange = await client.http(Request(), window=4)
            await exchange.head()
            await asyncio.sleep(60)
            before = len(sent)
            while await exchange.piece() is not None:
                pass
            return before, len(sent), exchange.complete

    assert run(main()) == (3, 100, True)


def test_scope_keys_can_be_replaced_and_taken_out():
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope)
        await hello(scope, receive, send)

    async def main():
        async with InProcess(app, lifespan="off", scope={"root_path": "/api", "client": ...}, spec_version="2.0") as c:
            await c.request("POST", "/a%20b?x=%20y", headers={"X-One": "1"}, body=b"abc")

    run(main())
    assert seen["root_path"] == "/api"
    assert "client" not in seen
    assert (seen["path"], seen["raw_path"], seen["query_string"]) == ("/a b", b"/a%20b", b"x=%20y")
    assert seen["asgi"]["spec_version"] == "2.0"
    assert (b"x-one", b"1") in seen["headers"]
    assert (b"content-length", b"3") in seen["headers"]


def lifespan_app(log, *, fail=None):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            scope["state"]["own"] = True
            log.append(sorted(scope["state"]))
            await hello(scope, receive, send)
            return
        await receive()
        if fail == "startup":
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        if fail == "hang":
            await asyncio.Event().wait()
        scope["state"]["db"] = "open"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        log.append("shutdown")
        await send({"type": "lifespan.shutdown.complete"})

    return app


def test_lifespan_state_is_copied_for_each_request():
    log = []

    async def main():
        async with InProcess(lifespan_app(log)) as client:
            await client.request("GET", "/")
            await client.request("GET", "/")

    run(main())
    assert log == [["db", "own"], ["db", "own"], "shutdown"]


@pytest.mark.parametrize(
    ("fail", "words"), [("startup", "startup failed: no database"), ("hang", "did not finish within 60 s")]
)
def test_a_startup_that_fails_or_hangs_is_told(fail, words):
    async def main():
        async with InProcess(lifespan_app([], fail=fail)):
            pass

    with pytest.raises(Unreachable, match=words):
        run(main())


def test_a_shutdown_that_hangs_is_told_and_ended():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.Event().wait()

    async def main():
        lifespan = LifespanRun(app)
        assert (await lifespan.startup()).complete
        phase = await lifespan.shutdown(5)
        assert await lifespan.call.stop(1)
        return phase.answer

    assert run(main()) is Answer.SILENT


async def echo(scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
    scope["log"].append(message)


def test_websocket_messages_and_close_go_both_ways():
    log = []

    async def main():
        async with InProcess(echo, lifespan="off", scope={"log": log}) as client:
            async with client.websocket_session("/ws", subprotocols=("chat",)) as peer:
                assert (await peer.opened()).subprotocol == "chat"
                await peer.send("one")
                assert await peer.receive() == "one"
                await peer.close(4000, "enough")
                assert (await peer.ending()).how == "returned"
            async with client.websocket_session("/ws") as peer:
                await peer.opened()
                await peer.disconnect()
                assert await peer.receive() == Closed(1006)
                await peer.ending()

    run(main())
    assert [(m["code"], m["reason"]) for m in log] == [(4000, "enough"), (1006, "")]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ([{"type": "websocket.close", "code": 1008}], 403),
        (
            [
                {"type": "websocket.http.response.start", "status": 401, "headers": []},
                {"type": "websocket.http.response.body", "body": b"who are you"},
            ],
            401,
        ),
    ],
)
def test_a_refused_handshake_has_the_status_that_a_client_sees(answer, status):
    async def refuse(scope, receive, send):
        await receive()
        for message in answer:
            await send(message)

    async def main():
        async with InProcess(refuse, lifespan="off") as client, client.websocket_session("/ws") as peer:
            return await peer.opened()

    handshake = run(main())
    assert (handshake.accepted, handshake.status) == (False, status)


def test_a_handler_that_resists_cancellation_does_not_hang_the_driver():
    async def stubborn(scope, receive, send):
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass

    async def main():
        client = InProcess(stubborn, lifespan="off")
        await client.__aenter__()
        exchange = await client.http(Request())
        await asyncio.sleep(0)
        await client.__aexit__()
        return exchange.call.done

    loop = VirtualLoop()
    assert loop.run_until_complete(main()) is False
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False
    loop.close()
