"""The framers of event streams that are compared with each other, and the values that they are given.

A framer turns values into the text of an event. It may refuse a value by raising; what it sends has to arrive.
"""

import asyncio
import importlib.metadata
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from sse_contestants import EventStreamParser  # the path is set there

from asgi_conformance import InProcess, VirtualLoop
from asgi_conformance.sse import Event, frame
from asgi_conformance.suites.sse.test_payload import CHARACTERS, FAKES, LINE_ENDS, NAMES

Fields = dict[str, Any]
Frame = Callable[[Fields], bytes]
FEW = 5  # events that are told


@dataclass(frozen=True, slots=True)
class Framer:
    """A framer: its name with its version, and how it is called."""

    name: str
    frame: Frame


def ours() -> Framer:
    """The reference framer of this project."""
    return Framer("asgi_conformance.sse.frame", lambda fields: frame(**fields))


def fastapi() -> Framer:
    """FastAPI's `ServerSentEvent`, yielded by an endpoint; text is given as `raw_data`, anything else as `data`."""
    from fastapi import FastAPI  # noqa: PLC0415 - each framer may be missing
    from fastapi.sse import EventSourceResponse, ServerSentEvent  # noqa: PLC0415

    app = FastAPI()
    yielded: list[ServerSentEvent] = []

    @app.get("/", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[ServerSentEvent]:
        for item in yielded:
            yield item

    async def streamed() -> bytes:
        async with InProcess(app) as client:
            return (await client.request("GET", "/")).body

    def framed(fields: Fields) -> bytes:
        data = fields.get("data")
        raw = {"raw_data": data} if isinstance(data, str) else {"data": data}
        yielded[:] = [ServerSentEvent(**{**fields, "data": None, **raw})]
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(streamed())

    return Framer(f"FastAPI {importlib.metadata.version('fastapi')}", framed)


def sse_starlette() -> Framer:
    """The `ServerSentEvent` of sse-starlette."""
    from sse_starlette import ServerSentEvent  # noqa: PLC0415

    name = f"sse-starlette {importlib.metadata.version('sse-starlette')}"
    return Framer(name, lambda fields: ServerSentEvent(**fields).encode())


def by_hand() -> Framer:
    """What most examples do: each value in an f-string."""

    def framed(fields: Fields) -> bytes:
        order = ("comment", "event", "id", "retry", "data")
        lines = [f"{name if name != 'comment' else ''}: {fields[name]}\n" for name in order if name in fields]
        return f"{''.join(lines)}\n".encode()

    return Framer("f-strings", framed)


FRAMERS = {
    "asgi_conformance.sse.frame": ours,
    "FastAPI": fastapi,
    "sse-starlette": sse_starlette,
    "f-strings": by_hand,
}


@dataclass(frozen=True, slots=True)
class Got:
    """What a client gets of a framed event."""

    wire: bytes
    events: list[Event] = field(default_factory=list)
    retry: int | None = None
    last_event_id: str = ""


def received(wire: bytes) -> Got:
    """What a client gets; the event behind it shows what is left open."""
    parser = EventStreamParser()
    return Got(wire, parser.feed(wire), parser.retry, parser.last_event_id)


@dataclass(frozen=True, slots=True)
class Payload:
    """Values for one event: what they try, and what a client should get; `is_right` judges that."""

    about: str
    fields: Fields
    expected: str
    is_right: Callable[[Got], bool]


def told(events: list[Event]) -> str:
    """The events in words, the first few of them."""
    more = f", and {len(events) - FEW} more" if len(events) > FEW else ""
    return (", ".join(told_one(event) for event in events[:FEW]) or "no event") + more


def told_one(event: Event) -> str:
    """One event in words: its data, and what is not as usual."""
    kind = f" of type {clip(event.type)}" if event.type != "message" else ""
    ident = f" with id {clip(event.last_event_id)}" if event.last_event_id else ""
    return f"{clip(event.data)}{kind}{ident}"


def clip(value: str | bytes) -> str:
    """The value as Python writes it, in ASCII, and not too long."""
    shown = ascii(value)
    return shown if len(shown) <= 60 else f"{shown[:50]}… ({len(value)})"


def with_lf(text: str) -> str:
    """The text as a client gets it at best: the standard has LF for each line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def data_payload(about: str, value: str) -> Payload:
    """Data has to arrive as the one event, and nothing with it."""
    event = Event("message", with_lf(value), "")
    return Payload(about, {"data": value}, told([event]), lambda got: got.events == [event] and got.retry is None)


def name_payload(name: str, value: str) -> Payload:
    """A type or an id has to arrive as it was given, or to be refused."""
    event = Event(value, "x", "") if name == "event" else Event("message", "x", value)
    kind = "NUL" if "\0" in value else "line ends" if set(value) & set("\r\n") else "characters"
    expected = f"{told([event])}, or a refusal" if kind == "characters" else "a refusal"
    return Payload(f"{name}: {kind}", {"data": "x", name: value}, expected, lambda got: got.events == [event])


def comment_payload(value: str) -> Payload:
    """No comment may become a field."""
    event = Event("message", "x", "")
    return Payload(
        "comment: line ends",
        {"comment": value, "data": "x"},
        told([event]),
        lambda got: got.events == [event] and got.retry is None,
    )


def retry_payload(value: object, taken: int | None) -> Payload:
    """A reconnection time is taken as it was given, or refused."""
    return Payload(
        "retry: values",
        {"data": "x", "retry": value},
        "a refusal" if taken is None else f"retry {taken}",
        lambda got: taken is not None and got.retry == taken and len(got.events) == 1,
    )


def object_payload(value: object, *texts: str) -> Payload:
    """What is no text has to arrive as JSON, or as the text that it holds, or to be refused."""
    events = [Event("message", text, "") for text in texts]
    return Payload(
        f"data: {type(value).__name__}",
        {"data": value},
        f"{told(events[:1])}, or a refusal",
        lambda got: len(got.events) == 1 and got.events[0] in events,
    )


PAYLOADS = [
    *(data_payload("data: line ends", value) for value in LINE_ENDS),
    *(data_payload("data: fields and events inside", value) for value in FAKES),
    *(data_payload("data: characters", value) for value in CHARACTERS),
    *(name_payload("event", value) for value in NAMES if "\0" not in value),
    *(name_payload("id", value) for value in NAMES),
    *(comment_payload(value) for value in ("a\ndata: b", "a\rdata: b", "a\n\ndata: b\n\n", "a\nretry: 1")),
    *(retry_payload(*pair) for pair in ((1000, 1000), (0, 0), (-1, None), (1.5, None), ("3s", None), (True, None))),
    *(object_payload(*pair) for pair in (({"a": 1}, '{"a": 1}', '{"a":1}'), (5, "5"), (b"a", "a", '"a"'))),
    Payload("data: None", {"data": None, "event": "tick"}, "a refusal", lambda _: False),
    Payload(
        "event without data",
        {"event": "tick"},
        "an event of type 'tick', or a refusal",
        lambda got: [event.type for event in got.events] == ["tick"],
    ),
    Payload("id without data", {"id": "7"}, "no event, and the id 7", lambda got: got.last_event_id == "7"),
    Payload("nothing at all", {}, "no event, or a refusal", lambda got: not got.events),
]
