"""The event stream parsers that are compared with each other: how each one is fed, and how its events are read.

Each may be missing; what is not installed is named, and passes nothing.
"""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

HARNESS = Path(__file__).resolve().parents[1]
if importlib.util.find_spec("asgi_conformance") is None:  # a checkout that is not installed
    sys.path.insert(0, str(HARNESS))

from asgi_conformance.sse import EventStreamParser  # noqa: E402 - after the path

Seen = tuple[str, str, str]  # type, data, id
Parse = Callable[[Iterable[bytes]], Iterable[Seen]]  # for the vectors
Count = Callable[[Iterable[bytes]], int]  # for the clock


class Contestant:
    """A parser: how to count the events of a stream, and how to read them."""

    def __init__(self, name: str, count: Count, parse: Parse | None = None) -> None:
        self.name = name
        self.count = count
        self.parse = parse


def ours() -> Contestant:
    """The parser of this project."""

    def count(chunks: Iterable[bytes]) -> int:
        parser = EventStreamParser()
        feed, events = parser.feed, 0
        for chunk in chunks:
            for _ in feed(chunk):
                events += 1
        return events

    def parse(chunks: Iterable[bytes]) -> Iterator[Seen]:
        parser = EventStreamParser()
        for chunk in chunks:
            for event in parser.feed(chunk):
                yield event.type, event.data, event.last_event_id

    return Contestant("asgi_conformance.sse", count, parse)


def httpx_sse() -> Contestant:
    """httpx-sse, as its users have it: over the text that httpx makes of the response."""
    import httpx  # noqa: PLC0415 - each contestant may be missing
    import httpx_sse  # noqa: PLC0415

    def events(chunks: Iterable[bytes]) -> Iterator[httpx_sse.ServerSentEvent]:
        response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(chunks))
        return httpx_sse.EventSource(response).iter_sse()

    return Contestant(
        f"httpx-sse {version('httpx-sse')}",
        lambda chunks: sum(1 for _ in events(chunks)),
        lambda chunks: ((event.event, event.data, event.id) for event in events(chunks)),
    )


def httpx_sse_decoders() -> Contestant:
    """The two decoders of httpx-sse without an httpx response around them, fed with text decoded as httpx does it."""
    import codecs  # noqa: PLC0415

    from httpx_sse._decoders import SSEDecoder, SSELineDecoder  # noqa: PLC0415

    def count(chunks: Iterable[bytes]) -> int:
        text, lines, events = codecs.getincrementaldecoder("utf-8")("replace"), SSELineDecoder(), SSEDecoder()
        total = 0
        for chunk in chunks:
            for line in lines.decode(text.decode(chunk)):
                if events.decode(line) is not None:
                    total += 1
        return total

    return Contestant("httpx-sse, its decoders alone", count)


def httpx2() -> Contestant:
    """The event source that is part of httpx2."""
    import httpx2  # noqa: PLC0415

    def events(chunks: Iterable[bytes]) -> Iterator[httpx2.ServerSentEvent]:
        response = httpx2.Response(
            200,
            headers={"content-type": "text/event-stream"},
            content=iter(chunks),
            request=httpx2.Request("GET", "http://127.0.0.1/"),
        )
        return iter(httpx2.EventSource(response, max_event_size=None))

    return Contestant(
        f"httpx2 {version('httpx2')}",
        lambda chunks: sum(1 for _ in events(chunks)),
        lambda chunks: ((event.event, event.data, event.id) for event in events(chunks)),
    )


def sseclient_py() -> Contestant:
    """The client that takes any iterable of bytes."""
    import sseclient  # noqa: PLC0415

    def events(chunks: Iterable[bytes]) -> Iterator[sseclient.Event]:
        return sseclient.SSEClient(chunks).events()

    return Contestant(
        f"sseclient-py {version('sseclient-py')}",
        lambda chunks: sum(1 for _ in events(chunks)),
        lambda chunks: ((event.event, event.data, event.id or "") for event in events(chunks)),
    )


def launchdarkly() -> Contestant:
    """The client of LaunchDarkly, with the chunks in the place of its connection."""
    from ld_eventsource import SSEClient  # noqa: PLC0415
    from ld_eventsource.actions import Event  # noqa: PLC0415
    from ld_eventsource.config import ConnectionClient, ConnectionResult, ConnectStrategy  # noqa: PLC0415

    class Chunks(ConnectStrategy, ConnectionClient):
        def __init__(self, chunks: Iterable[bytes]) -> None:
            self.chunks = chunks

        def create_client(self, logger: object) -> ConnectionClient:
            return self

        def connect(self, last_event_id: str | None) -> ConnectionResult:
            return ConnectionResult(iter(self.chunks), None)

    def events(chunks: Iterable[bytes]) -> Iterable[Event]:
        return SSEClient(Chunks(chunks)).events

    return Contestant(
        f"launchdarkly-eventsource {version('launchdarkly-eventsource')}",
        lambda chunks: sum(1 for _ in events(chunks)),
        lambda chunks: ((event.event, event.data, event.last_event_id or "") for event in events(chunks)),
    )


def version(distribution: str) -> str:
    """The installed version."""
    return importlib.metadata.version(distribution)


CONTESTANTS = (ours, httpx_sse, httpx_sse_decoders, httpx2, sseclient_py, launchdarkly)


def present() -> tuple[list[Contestant], list[str]]:
    """The contestants that are installed, and the names of those that are not."""
    found, missing = [], []
    for make in CONTESTANTS:
        try:
            found.append(make())
        except ImportError as error:
            missing.append(f"{make.__name__} ({error})")
    return found, missing
