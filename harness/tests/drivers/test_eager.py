"""The fast way of `InProcess.request` cannot be told from the ordinary one, but by its speed."""

import asyncio
import contextvars

import anyio
import pytest

from asgi_conformance import InProcess
from asgi_conformance.drivers.base import Response, Unanswered
from asgi_conformance.faults import Faults
from asgi_conformance.fixtures.throughput.stacks import build

VALUE = contextvars.ContextVar("value", default="unset")
START = {"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]}


async def answer(send, body=b"hello"):
    await send(dict(START))
    await send({"type": "http.response.body", "body": body})


def asked(app, **options):
    """The result of one request, on a loop that is left clean."""

    async def run():
        async with InProcess(app, lifespan="off", **options) as client:
            response = await client.request("GET", "/")
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return response

    return asyncio.run(run())


async def plain(scope, receive, send):
    assert (await receive())["type"] == "http.request"
    await answer(send)


async def waits_before(scope, receive, send):
    await asyncio.sleep(0)
    await plain(scope, receive, send)


async def waits_between(scope, receive, send):
    await send(dict(START))
    await asyncio.sleep(0.001)
    await send({"type": "http.response.body", "body": b"hello"})


async def groups(scope, receive, send):
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0)
        with anyio.fail_after(5):
            await answer(send)


async def listens(scope, receive, send):
    await receive()
    await answer(send)
    assert await receive() == {"type": "http.disconnect"}


def not_a_coroutine_function(scope, receive, send):
    return plain(scope, receive, send)


class Awaitable:
    def __init__(self, *args):
        self.args = args

    def __await__(self):
        return plain(*self.args).__await__()


@pytest.mark.parametrize(
    "app", [plain, waits_before, waits_between, groups, listens, not_a_coroutine_function, Awaitable]
)
@pytest.mark.parametrize("faults", [None, Faults()])  # faults of one's own: the ordinary way
def test_both_ways_give_the_same_response(app, faults):
    response = asked(app, **({} if faults is None else {"faults": faults}))
    assert isinstance(response, Response)
    assert (response.status, response.headers, response.body) == (200, ((b"x", b"y"),), b"hello")
    assert response.complete
    assert response.ending.how == "returned"
    assert [m["type"] for m in response.messages] == ["http.response.start", "http.response.body"]
    assert [piece.data for piece in response.pieces] == [b"hello"]
    assert response.head.get("x") == "y"
    assert "hello" in repr(response)


def test_each_request_has_a_context_of_its_own_that_knows_the_callers():
    seen = []

    async def app(scope, receive, send):
        seen.append(VALUE.get())
        VALUE.set("the application's")
        if scope["path"] == "/wait":
            await asyncio.sleep(0)
            seen.append(VALUE.get())
        await answer(send)

    async def run():
        VALUE.set("the caller's")
        async with InProcess(app, lifespan="off") as client:
            for path in ("/", "/wait", "/"):
                await client.request("GET", path)
        assert VALUE.get() == "the caller's"

    asyncio.run(run())
    assert seen == ["the caller's", "the caller's", "the application's", "the caller's"]


def test_the_application_runs_in_a_task_of_its_own_from_beginning_to_end():
    tasks = []

    async def app(scope, receive, send):
        tasks.append(asyncio.current_task())
        if scope["path"] == "/wait":
            await asyncio.sleep(0)
            assert asyncio.current_task() is tasks[-1]
        await answer(send)

    async def run():
        async with InProcess(app, lifespan="off") as client:
            for path in ("/", "/", "/wait", "/"):
                await client.request("GET", path)
                assert asyncio.current_task() not in tasks

    asyncio.run(run())
    assert len(set(tasks)) == 4  # whoever keeps the task has had it for himself


def test_a_callback_on_the_task_is_called_when_the_request_is_over():
    done = []

    async def app(scope, receive, send):
        asyncio.current_task().add_done_callback(lambda task: done.append(scope["path"]))
        await answer(send)

    async def run():
        async with InProcess(app, lifespan="off") as client:
            await client.request("GET", "/one")
            await client.request("GET", "/two")
            await asyncio.sleep(0)
            assert done == ["/one", "/two"]

    asyncio.run(run())


def test_what_the_application_raises_is_raised():
    async def app(scope, receive, send):
        raise ValueError("no such row")

    with pytest.raises(ValueError, match="no such row"):
        asked(app)
    response = asked(app, raise_app_exceptions=False)
    assert (response.status, response.ending.how, response.ending.error) == (500, "raised", "ValueError: no such row")


def test_an_application_that_cancels_itself_ends_cancelled():
    async def app(scope, receive, send):
        await answer(send)
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    assert asked(app).ending.how == "cancelled"


async def says_nothing(scope, receive, send):
    pass


async def only_starts(scope, receive, send):
    await send(dict(START))


def test_a_response_that_is_missing_or_broken_off_is_told():
    with pytest.raises(Unanswered, match="no response start: the application returned"):
        asked(says_nothing)
    response = asked(only_starts)
    assert (response.status, response.complete) == (200, False)


def test_an_application_that_never_ends_is_given_up():
    async def app(scope, receive, send):
        await send(dict(START))
        while True:
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})

    with pytest.raises(Unanswered, match="no end"):
        asked(app)


def test_a_wait_is_bounded():
    async def app(scope, receive, send):
        await asyncio.Event().wait()

    async def run():
        async with InProcess(app, lifespan="off") as client:
            with pytest.raises(Unanswered, match=r"within 0\.01 s"):
                await client.request("GET", "/", within=0.01)

    asyncio.run(run())


def test_a_long_response_comes_whole():
    async def app(scope, receive, send):
        await send(dict(START))
        for number in range(100):
            await send({"type": "http.response.body", "body": b"%d," % number, "more_body": True})
        await send({"type": "http.response.body"})

    response = asked(app)
    assert response.body == b"".join(b"%d," % number for number in range(100))
    assert len(response.pieces) == 100


def test_messages_are_kept_as_they_were_sent():
    async def app(scope, receive, send):
        message = dict(START, headers=iter([(b"a", b"b")]))
        await send(message)
        message["status"] = 500
        body = {"type": "http.response.body", "body": b"first"}
        await send(body)
        body["body"] = b"second"

    response = asked(app)
    assert (response.status, response.headers, response.body) == (200, ((b"a", b"b"),), b"first")


def test_scopes_are_not_shared_between_requests():
    seen = []

    async def app(scope, receive, send):
        seen.append((list(scope["headers"]), dict(scope["asgi"]), scope["state"]["count"], "mine" in scope))
        scope["headers"].append((b"mine", b"1"))
        scope["asgi"]["mine"] = True
        scope["state"]["count"] += 1
        scope["mine"] = True
        await answer(send)

    async def with_lifespan(scope, receive, send):
        if scope["type"] == "http":
            await app(scope, receive, send)
            return
        await receive()
        scope["state"]["count"] = 0
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def run():
        async with InProcess(with_lifespan) as client:
            for _ in range(3):
                await client.request("GET", "/path?query=1")
            await client.request("POST", "/path", headers={"A": "b"}, body=b"body")

    asyncio.run(run())
    first, second, third, posted = seen
    assert first == second == third == ([(b"host", b"127.0.0.1")], {"version": "3.0", "spec_version": "2.3"}, 0, False)
    assert posted[0] == [(b"host", b"127.0.0.1"), (b"a", b"b"), (b"content-length", b"4")]


def test_what_is_sent_after_the_end_goes_nowhere():
    kept = []

    async def app(scope, receive, send):
        kept.append((receive, send))
        await answer(send)

    async def run():
        async with InProcess(app, lifespan="off") as client:
            response = await client.request("GET", "/")
            receive, send = kept[0]
            await send({"type": "http.response.body", "body": b"late"})
            assert await receive() == {"type": "http.disconnect"}
            assert response.body == b"hello"
            assert len(response.messages) == 2

    asyncio.run(run())


def test_cancelling_the_caller_leaves_nothing_behind():
    async def app(scope, receive, send):
        await asyncio.sleep(60)

    async def run():
        async with InProcess(app, lifespan="off") as client:
            request = asyncio.create_task(client.request("GET", "/"))
            await asyncio.sleep(0.01)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_requests_at_the_same_time_do_not_meet():
    async def app(scope, receive, send):
        name = scope["path"].encode()
        for _ in range(int(scope["path"][1:]) % 3):
            await asyncio.sleep(0)
        await answer(send, name)

    async def run():
        async with InProcess(app, lifespan="off") as client:
            responses = await asyncio.gather(*(client.request("GET", f"/{n}") for n in range(50)))
        assert [response.body for response in responses] == [b"/%d" % n for n in range(50)]

    asyncio.run(run())


@pytest.mark.sampled(3)
@pytest.mark.parametrize("framework", ["raw", "starlette", "fastapi"])
@pytest.mark.parametrize("style", ["pure-asgi", "base-http", "decorator"])
def test_frameworks_and_their_layers_answer_as_ever(framework, style):
    async def run():
        async with InProcess(build(framework, style, 2)) as client:
            for path in ("/", "/stream", "/events", "/wait", "/"):
                response = await client.request("GET", path)
                assert response.complete
                assert response.head.get_all("x-custom") == ["value"] * (2 if style == "pure-asgi" else 1)

    asyncio.run(run())
