"""The client: scripted connections on a loop with a virtual clock."""

import asyncio
import functools
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from asgi_conformance.clock import VirtualLoop
from asgi_conformance.sse import Event, EventSource, Failure, ReadyState, Reconnection, mime_essence

STREAM = [(b"content-type", b"text/event-stream")]


class Drop(ConnectionResetError):
    """In a script: the connection breaks here."""


@dataclass
class Response:
    """One answer of the scripted server: its body is bytes to send, seconds to wait, or an exception to raise."""

    body: tuple[bytes | float | Exception, ...] = ()
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: STREAM)


@dataclass
class Server:
    """Answers each request with the next entry of a script, and notes when it was asked and what for."""

    script: list[Response | Exception]
    requests: list[tuple[float, dict[bytes, bytes]]] = field(default_factory=list)
    bodies_closed: int = 0

    async def connect(self, headers: list[tuple[bytes, bytes]]) -> tuple[int, Any, AsyncGenerator[bytes, None]]:
        self.requests.append((asyncio.get_running_loop().time(), dict(headers)))
        answer = self.script[len(self.requests) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer.status, answer.headers, self.body(answer)

    async def body(self, response: Response) -> AsyncGenerator[bytes, None]:
        try:
            for item in response.body:
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, float):
                    await asyncio.sleep(item)
                else:
                    yield item
        finally:
            self.bodies_closed += 1

    @property
    def ids(self) -> list[bytes | None]:
        return [headers.get(b"last-event-id") for _, headers in self.requests]

    @property
    def waits_ms(self) -> list[float]:
        times = [time for time, _ in self.requests]
        return [round(1000 * (after - before), 6) for before, after in itertools.pairwise(times)]


GONE = Response(status=204)


def virtual(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on the virtual clock."""

    @functools.wraps(test)
    def run(**kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(**kwargs))

    return run


async def play(*script: Response | Exception, **options: Any) -> tuple[list[Event], Server, EventSource]:
    """Everything that a source delivers until it is closed."""
    server = Server([*script])
    async with EventSource(server.connect, **options) as source:
        events = [event async for event in source]
    return events, server, source


@virtual
async def test_events_of_several_connections_are_one_stream() -> None:
    first = Response((b"retry: 120\nid: 3\nda", b"ta: a\n\n", b"event: tick\ndata: b\n\n"))
    second = Response((b"data: c\n\nid: 4\ndata: d\n\n",))
    events, server, source = await play(first, second, GONE)
    assert events == [("message", "a", "3"), ("tick", "b", "3"), ("message", "c", "3"), ("message", "d", "4")]
    assert server.ids == [None, b"3", b"4"]
    assert server.waits_ms == [120, 120]
    assert source.ready_state is ReadyState.CLOSED
    assert server.bodies_closed == 2  # that of the 204 was never begun


@virtual
async def test_request_asks_for_an_event_stream() -> None:
    _, server, _ = await play(GONE)
    assert server.requests[0][1] == {b"accept": b"text/event-stream", b"cache-control": b"no-cache"}


@virtual
async def test_source_resumes_from_a_given_id() -> None:
    events, server, _ = await play(Response((b"data: a\n\n",)), GONE, last_event_id="süd 5")
    assert events == [("message", "a", "süd 5")]
    assert server.ids == ["süd 5".encode(), "süd 5".encode()]


@pytest.mark.parametrize(
    ("sent", "last_event_id", "wait_ms"),
    [
        (b"retry: 120\nid: 3\ndata: a\n\n", b"3", 120),
        (b"retry: 120\nid: 3\ndata: a\n\nid: 4\ndata: cut", b"3", 120),
        (b"retry: 120\nid: 3\ndata: a\n\nid: 4\ndata: cut\n", b"3", 120),
        (b"retry: 120\nid: 9\n\n", b"9", 120),
        ("retry: 120\nid: süd\ndata: a\n\n".encode(), "süd".encode(), 120),
        (b"retry: 120\nid: 3\ndata: a\n\nid:\ndata: b\n\n", None, 120),
        (b"data: a\n\n", None, 3000),
        (b"retry: 0\ndata: a\n\n", None, 0),
        (b"retry: 120\nretry: 9e3\nretry: +7\ndata: a\n\n", None, 120),
        (b"retry: 120\n", None, 120),
        (b"id: 1\x002\nid: 5\n\n", b"5", 3000),
        (b"", None, 3000),
    ],
)
@virtual
async def test_reconnection(sent: bytes, last_event_id: bytes | None, wait_ms: int) -> None:
    _, server, source = await play(Response((sent,)), GONE)
    assert server.ids == [None, last_event_id]
    assert server.waits_ms == [wait_ms]
    assert [failure.wait_ms for failure in source.failures] == [wait_ms, None]


@virtual
async def test_retry_holds_for_later_connections() -> None:
    _, server, _ = await play(Response((b"retry: 7\n",)), Response((b"data: a\n\n",)), Drop(), GONE)
    assert server.waits_ms == [7, 7, 7]


@virtual
async def test_first_retry_can_be_chosen() -> None:
    _, server, source = await play(Drop(), GONE, retry=50)
    assert server.waits_ms == [50]
    assert source.retry == 50


@virtual
async def test_retry_without_any_sense_is_still_a_wait() -> None:
    huge = b"retry: 1" + b"0" * 5000 + b"\n"
    server = Server([Response((huge,)), GONE])
    async with EventSource(server.connect, on_error=lambda _: source.close()) as source:
        assert [event async for event in source] == []
    assert source.retry == 10**5000
    assert source.failures == [Failure("the body has ended", 2**53)]


@pytest.mark.parametrize("error", [Drop("reset"), ConnectionRefusedError(), TimeoutError(), EOFError("cut")])
@virtual
async def test_network_error_reconnects(error: Exception) -> None:
    whole = Response((b"id: 1\ndata: a\n\nid: 2\nda", error))
    events, server, source = await play(error, whole, GONE)
    assert events == [("message", "a", "1")]
    assert server.ids == [None, None, b"1"]
    assert server.waits_ms == [3000, 3000]
    assert [failure.reason.partition(":")[0] for failure in source.failures[:2]] == [type(error).__name__] * 2


@virtual
async def test_what_counts_as_a_network_error_can_be_chosen() -> None:
    events, _, source = await play(KeyError("x"), Response((b"data: a\n\n",)), GONE, network_errors=(KeyError,))
    assert events == [("message", "a", "")]
    assert source.failures[0] == Failure("KeyError: 'x'", 3000)


@virtual
async def test_other_errors_go_to_the_caller_and_close_the_source() -> None:
    server = Server([Response((b"data: a\n\n", RuntimeError("bug")))])
    source = EventSource(server.connect)
    with pytest.raises(RuntimeError, match="bug"):
        async for _ in source:
            pass
    assert source.ready_state is ReadyState.CLOSED
    assert server.bodies_closed == 1


@pytest.mark.parametrize("status", [201, 204, 205, 210, 299, 301, 302, 304, 400, 404, 410, 500, 503])
@virtual
async def test_other_status_fails_for_good(status: int) -> None:
    events, server, source = await play(Response((b"data: a\n\n",), status=status))
    assert (events, len(server.requests)) == ([], 1)
    assert source.failures == [Failure(f"the status is {status}, not 200", None)]
    assert source.ready_state is ReadyState.CLOSED


@pytest.mark.parametrize(
    "value",
    [
        b"text/event-stream",
        b"Text/Event-Stream",
        b"text/event-stream;charset=utf-8",
        b"text/event-stream; charset=latin-1",
        b"text/event-stream;",
        b"text/event-stream ; charset=utf-8",
        b" text/event-stream\t",
        b'text/event-stream; x="a,b;c"',
        b"text/plain, text/event-stream",
        b"text/event-stream, */*",
        b"text/event-stream, nonsense",
    ],
)
@virtual
async def test_type_opens(value: bytes) -> None:
    events, _, _ = await play(Response(("data: ü\n\n".encode(),), headers=[(b"Content-Type", value)]), GONE)
    assert events == [("message", "ü", "")]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"")],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"text/event-streams")],
        [(b"content-type", b"xtext/event-stream")],
        [(b"content-type", b"text/event-stream+json")],
        [(b"content-type", b"text /event-stream")],
        [(b"content-type", b"text/event-stream charset=utf-8")],
        [(b"content-type", b"event-stream")],
        [(b"content-type", b"*/*")],
        [(b"content-type", b"text/plain; x=text/event-stream")],
        [(b"content-type", b"text/event-stream, text/plain")],
        [(b"content-type", b"text/event-stream"), (b"content-type", b"application/json")],
        [(b"x-content-type", b"text/event-stream")],
    ],
    ids=repr,
)
@virtual
async def test_type_fails_for_good(headers: list[tuple[bytes, bytes]]) -> None:
    events, server, source = await play(Response((b"data: a\n\n",), headers=headers))
    assert (events, len(server.requests)) == ([], 1)
    assert source.failures[0].wait_ms is None
    assert source.ready_state is ReadyState.CLOSED


def test_essence_is_in_lower_case_and_without_parameters() -> None:
    assert mime_essence([(b"Content-Type", b"Application/JSON; charset=utf-8")]) == b"application/json"


@virtual
async def test_status_on_reconnection_fails_at_the_second_request() -> None:
    _, server, source = await play(Response((b"retry: 10\n",)), Response(status=503))
    assert len(server.requests) == 2
    assert [failure.wait_ms for failure in source.failures] == [10, None]


@virtual
async def test_callbacks_see_the_state_of_the_moment() -> None:
    seen: list[object] = []
    server = Server([Response((1.0, b"retry: 5\ndata: a\n\n", 2.0)), Drop(), Response((b"data: b\n\n",)), GONE])
    loop = asyncio.get_running_loop()
    start = loop.time()

    def note(what: object) -> None:
        seen.append((round(loop.time() - start, 6), what, source.ready_state))

    source = EventSource(server.connect, on_open=lambda: note("open"), on_error=lambda failure: note(failure.wait_ms))
    note("before")
    async for event in source:
        note(event.data)
    assert seen == [
        (0, "before", ReadyState.CONNECTING),
        (0, "open", ReadyState.OPEN),
        (1, "a", ReadyState.OPEN),
        (3, 5, ReadyState.CONNECTING),
        (3.005, 5, ReadyState.CONNECTING),
        (3.01, "open", ReadyState.OPEN),
        (3.01, "b", ReadyState.OPEN),
        (3.01, 5, ReadyState.CONNECTING),
        (3.015, None, ReadyState.CLOSED),
    ]


@virtual
async def test_close_from_an_event_delivers_nothing_more() -> None:
    server = Server([Response((b"data: a\n\ndata: b\n\n", b"data: c\n\n"))])
    events = []
    async with EventSource(server.connect) as source:
        async for event in source:
            events.append(event.data)
            source.close()
    assert events == ["a"]
    assert (len(server.requests), server.bodies_closed, source.failures) == (1, 1, [])


@virtual
async def test_close_from_the_open_callback_delivers_nothing() -> None:
    server = Server([Response((b"data: a\n\n",))])

    def close() -> None:
        source.close()

    async with EventSource(server.connect, on_open=close) as source:
        assert [event async for event in source] == []
    assert source.failures == []


@virtual
async def test_close_from_the_error_callback_ends_the_reconnections() -> None:
    server = Server([Response((b"retry: 0\ndata: a\n\n",))] * 5)

    def third_time(_: Failure) -> None:
        if len(source.failures) == 3:
            source.close()

    async with EventSource(server.connect, on_error=third_time) as source:
        assert len([event async for event in source]) == 3
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("script", "after"),
    [
        ([Response((3600.0, b"data: late\n\n"))], 10.0),
        ([Response((b"data: a\n\n", 3600.0, b"data: late\n\n"))], 10.0),
        ([Response((b"retry: 3600000\ndata: a\n\n",)), GONE], 10.0),
        ([Drop(), GONE], 1.0),
    ],
    ids=["waiting for the first byte", "waiting for the next", "waiting to reconnect", "waiting after an error"],
)
@virtual
async def test_close_from_another_task_ends_the_wait(script: list[Response | Exception], after: float) -> None:
    server = Server(script)
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with EventSource(server.connect) as source:
        loop.call_later(after, source.close)
        events = [event.data async for event in source]
    assert loop.time() - start == after
    assert "late" not in events
    assert len(server.requests) == 1
    assert server.bodies_closed == sum(isinstance(answer, Response) for answer in script[:1])


@virtual
async def test_close_ends_a_connection_attempt() -> None:
    cancelled = []

    async def connect(_: object) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async with EventSource(connect) as source:
        asyncio.get_running_loop().call_later(5, source.close)
        assert [event async for event in source] == []
    assert cancelled == [True]


@virtual
async def test_close_before_the_first_request_makes_none() -> None:
    server = Server([])
    source = EventSource(server.connect)
    source.close()
    assert [event async for event in source] == []
    assert server.requests == []


@virtual
async def test_leaving_the_loop_early_closes_the_body() -> None:
    server = Server([Response((b"data: a\n\ndata: b\n\n", 100.0))])
    async with EventSource(server.connect) as source:
        async for _ in source:
            break
    assert server.bodies_closed == 1
    assert source.ready_state is ReadyState.CLOSED
    assert len(asyncio.all_tasks()) == 1


@virtual
async def test_cancelling_the_consumer_is_not_taken_for_a_close() -> None:
    server = Server([Response((b"data: a\n\n", 100.0))])

    async def consume() -> None:
        async with EventSource(server.connect) as source:
            async for _ in source:
                pass

    task = asyncio.create_task(consume())
    asyncio.get_running_loop().call_later(1, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.bodies_closed == 1


@virtual
async def test_body_is_opened_read_and_closed_by_one_task() -> None:
    tasks = set()

    async def body() -> AsyncGenerator[bytes, None]:
        try:
            for chunk in (b"data: a\n\n", b"data: b\n\n"):
                tasks.add(asyncio.current_task())
                await asyncio.sleep(1)
                yield chunk
        finally:
            tasks.add(asyncio.current_task())

    async def connect(_: object) -> Any:
        tasks.add(asyncio.current_task())
        return 200, STREAM, body()

    async with EventSource(connect) as source:
        async for event in source:
            if event.data == "b":
                break
    assert tasks == {asyncio.current_task()}


def test_states_without_any_io() -> None:
    state = Reconnection(retry=10)
    assert state.ready_state is ReadyState.CONNECTING
    assert state.feed(b"data: too early\n\n") == []
    assert state.response(200, STREAM) is None
    assert state.ready_state is ReadyState.OPEN
    assert state.feed(b"id: 1\nretry: 20\ndata: a\n\nid: 2\nda") == [("message", "a", "1")]
    assert state.lose("gone") == Failure("gone", 20)
    assert (state.ready_state, state.last_event_id, state.retry) == (ReadyState.CONNECTING, "1", 20)
    assert state.feed(b"ta: late\n\n") == []
    assert state.response(200, STREAM) is None
    assert state.feed(b"data: b\n\n") == [("message", "b", "1")]
    state.close()
    assert state.feed(b"data: c\n\n") == []
    assert ReadyState.CLOSED == state.ready_state == 2
