"""The in-process websocket exchange: what the application hears and when, and what the client sees."""

import asyncio

import pytest

from asgi_conformance.clock import VirtualLoop
from asgi_conformance.drivers.base import Closed, Request, Unanswered
from asgi_conformance.drivers.call import FAREWELLS
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.faults import Faults


def run(app, script, **options):
    async def main():
        async with InProcess(app, lifespan="off", **options) as client:
            return await script(client)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


def accepting(serve):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await serve(receive, send)

    return app


async def opened(client, **options):
    exchange = await client.websocket(Request(path="/"), **options)
    assert (await exchange.opened()).accepted
    return exchange


def test_application_that_closes_hears_its_own_code_without_being_read():
    heard = []

    async def serve(receive, send):
        await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
        heard.append(await receive())

    async def script(client):
        exchange = await opened(client)
        assert (await exchange.ending()).how == "returned"
        return await exchange.receive()

    assert run(accepting(serve), script) == Closed(4000, "enough")
    assert heard == [{"type": "websocket.disconnect", "code": 4000, "reason": "enough"}]


def test_application_that_refuses_hears_of_the_end():
    heard = []

    async def app(scope, receive, send):
        heard.append(await receive())
        await send({"type": "websocket.close"})
        heard.append(await receive())

    async def script(client):
        exchange = await client.websocket(Request(path="/"))
        handshake = await exchange.opened()
        assert (await exchange.ending()).how == "returned"
        return handshake.accepted, handshake.status, await exchange.receive()

    assert run(app, script) == (False, 403, Closed(1006))
    assert [message["type"] for message in heard] == ["websocket.connect", "websocket.disconnect"]


@pytest.mark.parametrize(("code", "seen"), [(1000, 1000), (4001, 4001), (None, 1005)])
def test_close_of_the_client(code, seen):
    heard = []

    async def serve(receive, send):
        heard.append(await receive())

    async def script(client):
        exchange = await opened(client)
        await exchange.close(code, "bye")
        await exchange.disconnect()  # too late to make a difference
        await exchange.ending()

    run(accepting(serve), script)
    assert heard == [{"type": "websocket.disconnect", "code": seen, "reason": "bye"}]


def test_odd_messages_do_no_harm_to_the_driver():
    async def app(scope, receive, send):
        await send({"type": "websocket.http.response.start", "status": "no", "headers": None})
        await send({"type": "websocket.http.response.body", "body": "text"})

    async def closing(receive, send):
        await send({"type": "websocket.close", "code": "1000", "reason": ["a", "list"]})

    async def denied(client):
        return (await (await client.websocket(Request(path="/"))).opened()).status

    async def closed(client):
        return await (await opened(client)).receive()

    assert run(app, denied) == 0
    assert run(accepting(closing), closed) == Closed(1000, "['a', 'list']")


@pytest.mark.parametrize(("index", "made"), [(1, []), (2, ["websocket.accept"]), (3, ["websocket.accept"])])
def test_client_leaves_at_a_chosen_await(index, made):
    async def serve(receive, send):
        while (await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": "answer"})

    async def script(client):
        exchange = await client.websocket(Request(path="/"), faults=Faults(leave_at=index))
        await exchange.send("question")
        ending = await exchange.ending()
        return [message["type"] for message in exchange.messages], ending.how, exchange.call.sent_after_disconnect

    sent, how, lost = run(accepting(serve), script)
    assert sent == made
    assert how == "raised"  # its send met an OSError: at the accept, or at the answer
    assert len(lost) == 1


def test_error_of_a_send_after_the_loss_can_be_chosen():
    class GoneError(RuntimeError):
        pass

    async def serve(receive, send):
        await send({"type": "websocket.send", "text": "answer"})

    async def script(client):
        faults = Faults(leave_at=2, after_disconnect="raise", error=GoneError)
        exchange = await client.websocket(Request(path="/"), faults=faults)
        return (await exchange.ending()).exception

    assert isinstance(run(accepting(serve), script), GoneError)


def test_application_that_does_not_hear_does_not_stop_the_clock():
    async def serve(receive, send):
        while True:
            await receive()

    async def script(client):
        exchange = await opened(client)
        await exchange.close()
        ending = await exchange.ending(30.0)
        return ending.how, exchange.call.farewells, exchange.call.receives_when_told

    how, farewells, when = run(accepting(serve), script)
    assert how == "running"
    assert FAREWELLS < farewells <= FAREWELLS + 31
    assert when == 2


def test_stalled_client_holds_sends_up_until_it_reads():
    progress = []

    async def serve(receive, send):
        for number in range(5):
            await send({"type": "websocket.send", "text": str(number)})
            progress.append(number)
            await asyncio.sleep(1)

    async def script(client):
        exchange = await opened(client)
        exchange.call.stall()
        await asyncio.sleep(10)
        held = list(progress)
        exchange.call.read(1 << 60)
        await exchange.ending()
        return held

    held = run(accepting(serve), script)
    assert held in ([], [0])  # the first message may have been there before the client stopped
    assert progress == [0, 1, 2, 3, 4]


def test_silence_is_told_as_such():
    async def serve(receive, send):
        await receive()

    async def script(client):
        exchange = await opened(client)
        with pytest.raises(Unanswered, match="no message within 2 s"):
            await exchange.receive(2.0)

    run(accepting(serve), script)
