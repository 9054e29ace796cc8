import asyncio
import contextvars
import dataclasses
import functools

import pytest
from fastapi import FastAPI, Request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from asgi_conformance import InProcess, VirtualLoop
from asgi_conformance.onion import Onion, Passing, layer_name
from asgi_conformance.onion.link import is_application


def run(main):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def closure(app):
    async def layer(scope, receive, send):
        await app(scope, receive, send)

    return layer


class Plain:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


class Slotted(Plain):
    __slots__ = ("app",)


@dataclasses.dataclass(frozen=True)
class Frozen:
    _app: object

    async def __call__(self, scope, receive, send):
        await self._app(scope, receive, send)


def request(app, **options):
    """The onion after one request, and the response."""

    async def main():
        with Onion(app, **options) as onion:
            async with InProcess(onion.app, lifespan="off", raise_app_exceptions=False) as client:
                response = await client.request("GET", "/", within=1000)
        return onion, response

    return run(main)


def starlette(*layers, endpoint=lambda _: PlainTextResponse("hello")):
    return Starlette(routes=[Route("/", endpoint)], middleware=[Middleware(layer) for layer in layers])


def test_chain_of_callables_is_followed_inwards():
    onion, response = request(closure(Plain(Slotted(Frozen(closure(hello))))))
    assert onion.picture() == "closure > Plain > Slotted > Frozen > closure > hello"
    assert onion.entered() == onion.names
    assert response.body == b"hello"


def test_application_is_the_same_afterwards():
    inner = Plain(hello)
    frozen = Frozen(inner)
    outer = closure(frozen)
    cell = outer.__closure__[0]
    with Onion(outer):
        assert cell.cell_contents is not frozen
        assert inner.app is not hello
    assert cell.cell_contents is frozen
    assert frozen._app is inner
    assert inner.app is hello


def test_application_is_the_same_after_an_error():
    inner = Plain(hello)
    with pytest.raises(RuntimeError, match="mine"), Onion(inner):
        raise RuntimeError("mine")
    assert inner.app is hello


def test_stack_of_starlette_is_built_for_the_occasion():
    app = starlette(CORSMiddleware, GZipMiddleware)
    onion, _ = request(app)
    assert onion.names == [
        "Starlette",
        "ServerErrorMiddleware",
        "CORSMiddleware",
        "GZipMiddleware",
        "ExceptionMiddleware",
        "Router",
    ]
    assert app.middleware_stack is None


def test_stack_that_was_built_stays():
    app = starlette(CORSMiddleware)
    request(app)
    stack = app.middleware_stack = app.build_middleware_stack()
    inside = stack.app
    onion, response = request(app)
    assert response.status == 200
    assert app.middleware_stack is stack
    assert stack.app is inside
    assert "CORSMiddleware" in onion.entered()


def test_decorated_function_has_its_own_name():
    app = FastAPI()

    @app.middleware("http")
    async def timing(request: Request, call_next):
        return await call_next(request)

    @app.get("/")
    async def root():
        return "hello"

    onion, response = request(app)
    assert "BaseHTTPMiddleware(timing)" in onion.picture()
    assert response.status == 200


def test_layer_that_cannot_be_looked_into_is_the_innermost():
    onion, response = request(Plain(functools.partial(hello)))
    assert onion.names == ["Plain", "hello"]
    assert response.body == b"hello"


def test_chain_that_bites_its_tail_ends():
    one, other = Plain(hello), Plain(hello)
    one.app, other.app = other, one
    with Onion(one) as onion:
        assert onion.names == ["Plain", "Plain"]


def test_attributes_of_the_layer_are_still_there():
    inner = Plain(hello)
    inner.limit = 7
    outer = Plain(inner)
    with Onion(outer):
        assert outer.app.limit == 7
        with pytest.raises(AttributeError):
            _ = outer.app.missing


def test_steps_tell_what_passed_each_layer():
    onion, _ = request(Plain(hello))
    told = [(step.layer, step.what, step.message.get("type")) for step in onion.steps]
    start, body = "http.response.start", "http.response.body"
    assert told == [
        (0, Passing.ENTERED, None),
        (1, Passing.ENTERED, None),
        (1, Passing.SENDS, start),
        (0, Passing.SENDS, start),
        (0, Passing.SENT, start),
        (1, Passing.SENT, start),
        (1, Passing.SENDS, body),
        (0, Passing.SENDS, body),
        (0, Passing.SENT, body),
        (1, Passing.SENT, body),
        (1, Passing.RETURNED, None),
        (0, Passing.RETURNED, None),
    ]


def test_layer_that_answers_itself_is_the_last_one_entered():
    class Gate(Plain):
        async def __call__(self, scope, receive, send):
            await hello(scope, receive, send)

    onion, _ = request(Plain(Gate(Plain(hello))))
    assert onion.names == ["Plain", "Gate", "Plain", "hello"]
    assert onion.entered() == ["Plain", "Gate"]


def test_exception_is_noted_and_passes():
    async def fails(scope, receive, send):
        raise ValueError("no")

    onion, response = request(Plain(fails))
    assert [type(step.error) for step in onion.at(0, Passing.RAISED) + onion.at(1, Passing.RAISED)] == [ValueError] * 2
    assert onion.at(0, Passing.RAISED)[0].error is response.ending.exception


def test_cancellation_is_noted_and_passes():
    async def waits(scope, receive, send):
        await asyncio.Event().wait()

    async def main():
        with Onion(Plain(waits)) as onion:
            task = asyncio.create_task(onion.app({"type": "http"}, None, None))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
        return onion, task

    onion, task = run(main)
    assert task.cancelled()
    assert [step.layer for step in onion.steps if step.what is Passing.CANCELLED] == [1, 0]


def test_refused_send_is_noted_and_passes():
    async def refuses(message):
        raise OSError("gone")

    async def main():
        with Onion(Plain(hello)) as onion:
            with pytest.raises(OSError, match="gone"):
                await onion.app({"type": "http"}, None, refuses)
        return onion

    assert [step.layer for step in run(main).steps if step.what is Passing.REFUSED] == [0, 1]


def test_call_is_unknown_where_a_layer_drops_the_context():
    class Fresh(Plain):
        async def __call__(self, scope, receive, send):
            await asyncio.create_task(self.app(scope, receive, send), context=contextvars.Context())

    onion, _ = request(Fresh(hello))
    assert {step.call for step in onion.at(0)} == {1}
    assert {step.call for step in onion.at(1)} == {None}


def test_calls_at_the_same_time_are_told_apart():
    async def slow(scope, receive, send):
        await asyncio.sleep(1)
        await hello(scope, receive, send)

    async def main():
        with Onion(Plain(slow)) as onion:
            async with InProcess(onion.app, lifespan="off") as client:
                await asyncio.gather(*(client.request("GET", f"/{number}") for number in range(3)))
        return onion

    onion = run(main)
    paths = {step.call: step.scope["path"] for step in onion.at(1, Passing.ENTERED)}
    assert paths == {1: "/0", 2: "/1", 3: "/2"}


def test_pause_separates_the_parts_and_linger_follows_the_last():
    async def parts(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"part", "more_body": number < 2})

    onion, _ = request(Plain(parts), pause=5, linger=7)
    begun = onion.steps[0].at
    assert [step.at - begun for step in onion.at(0) if step.is_piece] == [0, 5, 10]
    assert [step.at - begun for step in onion.at(0) if step.is_end] == [10]
    assert onion.at(0, Passing.RETURNED)[0].at - begun == 17


def test_story_is_indented_by_depth():
    onion, _ = request(Plain(hello))
    lines = list(onion.story())
    assert lines[0] == "   0.000 s  Plain entered"
    assert lines[1] == "   0.000 s    hello entered"
    assert "   0.000 s    hello sends http.response.body of 5 bytes, the last" in lines


def test_stream_through_request_response_layers_is_followed():
    app = FastAPI()

    @app.middleware("http")
    async def passing(request: Request, call_next):
        return await call_next(request)

    @app.get("/")
    async def root():
        async def parts():
            yield "one"
            yield "two"

        return StreamingResponse(parts())

    onion, response = request(app, pause=1)
    assert response.body == b"onetwo"
    assert len([step for step in onion.at(0) if step.is_piece]) == 2


@pytest.mark.parametrize(
    ("layer", "name"),
    [(hello, "hello"), (closure(hello), "closure"), (Plain(hello), "Plain"), (functools.partial(hello), "hello")],
)
def test_names(layer, name):
    assert layer_name(layer) == name


TAKES_THREE = [
    lambda scope, receive, send: None,
    lambda *arguments: None,
    lambda scope, receive, send, more=None: None,
    lambda scope, *rest, key=1: None,
]
TAKES_OTHERS = [
    lambda scope, receive: None,
    lambda scope, receive, send, more: None,
    lambda scope, receive, send, *, key: None,
    lambda scope: None,
]


def test_applications_are_told_by_what_they_take():
    class Instance:
        def __call__(self, *given):
            pass

    for function in TAKES_THREE:
        assert is_application(function)
        assert is_application(functools.partial(function))
    for function in TAKES_OTHERS:
        assert not is_application(function)
        assert not is_application(functools.partial(function))
    assert is_application(Instance())
    assert is_application(Instance().__call__)
    assert not is_application(Instance)
