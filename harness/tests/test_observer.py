"""The observer reports everything and changes nothing."""

import asyncio

import pytest

from asgi_conformance.observer import describe, observe
from asgi_conformance.protocol.types import ASGIApp, Message, Receive, Scope, Send


class Stage:
    """A server that gives the messages it was made with, and keeps what it gets."""

    def __init__(self, *messages: Message, refuse: BaseException | None = None) -> None:
        self.messages = list(messages)
        self.sent: list[Message] = []
        self.refuse = refuse

    async def receive(self) -> Message:
        await asyncio.sleep(0)
        return self.messages.pop(0)

    async def send(self, message: Message) -> None:
        await asyncio.sleep(0)
        if self.refuse is not None:
            raise self.refuse
        self.sent.append(message)


def events_of(app: ASGIApp, stage: Stage, scope: Scope | None = None) -> list[dict]:
    events: list[dict] = []
    observed = observe(app, events.append, clock=lambda: 1.5)
    try:
        asyncio.run(observed({"type": "http"} if scope is None else scope, stage.receive, stage.send))
    except (LookupError, OSError, asyncio.CancelledError):
        pass
    return events


def test_everything_is_told_in_order():
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start"})

    events = events_of(app, Stage({"type": "http.request"}))

    assert [event["event"] for event in events] == ["call", "receive", "received", "send", "sent", "end"]
    assert {event["call"] for event in events} == {1}
    assert {event["at"] for event in events} == {1.5}
    assert events[0]["scope"] == {"type": "http"}
    assert events[2]["message"] == {"type": "http.request"}
    assert events[3]["message"] == {"type": "http.response.start"}
    assert events[5] == {"event": "end", "call": 1, "at": 1.5, "how": "returned", "value": None}


def test_calls_are_numbered():
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)

    events: list[dict] = []
    observed = observe(app, events.append)

    async def both() -> None:
        stage = Stage()
        await asyncio.gather(*(observed({"type": "http"}, stage.receive, stage.send) for _ in range(2)))

    asyncio.run(both())
    assert [(event["call"], event["event"]) for event in events] == [(1, "call"), (2, "call"), (1, "end"), (2, "end")]


def test_scope_and_messages_are_the_same_objects():
    scope: Scope = {"type": "http"}
    question, answer = {"type": "http.request"}, {"type": "http.response.start"}
    seen: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([scope, await receive()])
        await send(answer)

    stage = Stage(question)
    events_of(app, stage, scope)

    assert seen[0] is scope
    assert seen[1] is question
    assert stage.sent[0] is answer


@pytest.mark.parametrize("error", [LookupError("gone"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_an_exception_passes_through_as_it_is(error: BaseException):
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    events: list[dict] = []
    coroutine = observe(app, events.append)({"type": "http"}, Stage().receive, Stage().send)
    with pytest.raises(type(error)) as caught:
        coroutine.send(None)

    assert caught.value is error
    assert events[-1]["how"] == ("cancelled" if isinstance(error, asyncio.CancelledError) else "raised")


def test_the_server_gets_the_return_value():
    async def app(scope: Scope, receive: Receive, send: Send) -> str:
        return "a value that is not allowed"

    events: list[dict] = []
    observed = observe(app, events.append)  # type: ignore[arg-type]
    assert asyncio.run(observed({"type": "http"}, Stage().receive, Stage().send)) == "a value that is not allowed"  # type: ignore[func-returns-value]
    assert events[-1]["value"] == "a value that is not allowed"


def test_a_refused_send_is_told_and_can_be_caught():
    refusal = ConnectionResetError("the client is gone")
    caught: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start"})
        except OSError as error:
            caught.append(error)

    events = events_of(app, Stage(refuse=refusal))

    assert caught == [refusal]
    assert [event["event"] for event in events] == ["call", "send", "send-failed", "end"]
    assert events[2]["error"]["type"] == "ConnectionResetError"
    assert "OSError" in events[2]["error"]["kinds"]
    assert events[3]["how"] == "returned"


def test_a_failed_receive_is_told():
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    events = events_of(app, Stage())  # nothing to receive: an IndexError, which is a LookupError

    assert [event["event"] for event in events] == ["call", "receive", "receive-failed", "end"]
    assert events[3]["error"] == {
        "type": "IndexError",
        "text": "pop from empty list",
        "kinds": ["IndexError", "LookupError", "Exception", "BaseException"],
    }


def test_cancellation_while_waiting_is_told():
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    events: list[dict] = []

    async def cancel() -> None:
        async def never() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        task = asyncio.create_task(observe(app, events.append)({"type": "http"}, never, Stage().send))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert [event["event"] for event in events] == ["call", "receive", "receive-failed", "end"]
    assert events[-1]["how"] == "cancelled"


def test_a_call_that_is_dropped_while_it_waits_counts_as_cancelled():
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)

    events: list[dict] = []
    coroutine = observe(app, events.append)({"type": "http"}, Stage().receive, Stage().send)
    coroutine.send(None)
    coroutine.close()
    assert events[-1]["how"] == "cancelled"


def steps(app: ASGIApp) -> int:
    """How often a call gives control back to the loop."""
    stage = Stage({"type": "http.request"})
    coroutine = app({"type": "http"}, stage.receive, stage.send)
    count = 0
    while True:
        try:
            coroutine.send(None)
        except StopIteration:
            return count
        count += 1


def test_no_await_is_added():
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(0)
        await send({"type": "http.response.start"})

    assert steps(app) == 3
    assert steps(observe(app, lambda event: None)) == 3


def test_an_exception_without_a_text_is_described():
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert describe(Mute())["text"] == "(its text cannot be had)"
