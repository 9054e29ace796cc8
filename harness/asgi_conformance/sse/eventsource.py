"""A client of event streams: what the standard asks of a browser's `EventSource`, without the network.

The network is a callable. It gets the request's headers and gives the response; it follows redirects, decodes a
content coding, and raises an OSError or an EOFError for what a client would call a network error. Time is the running
loop's, so on a loop with a virtual clock no wait takes any.
"""

import asyncio
import enum
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self, TypeAlias, TypeVar

from asgi_conformance.sse.parser import Event, EventStreamParser

Headers: TypeAlias = list[tuple[bytes, bytes]]
Connect: TypeAlias = Callable[[Headers], Awaitable[tuple[int, Iterable[tuple[bytes, bytes]], AsyncIterator[bytes]]]]

MIME_TYPE = b"text/event-stream"
DEFAULT_RETRY_MS = 3000  # the standard: a few seconds, as the implementation likes
LONGEST_RETRY_MS = 2**53  # beyond that it makes no difference, and a float of seconds cannot hold everything

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
MIME_ESSENCE = re.compile(rb"[\t\n\r ]*(" + TOKEN + rb"/" + TOKEN + rb")[\t\n\r ]*(?:;.*)?", re.DOTALL)
LIST_ITEM = re.compile(rb'(?:"(?:\\.|[^"\\])*(?:"|$)|[^",])+', re.DOTALL)  # a comma in quotes divides nothing

T = TypeVar("T")


class ReadyState(enum.IntEnum):
    """Where a source stands, with the numbers that a browser has for it."""

    CONNECTING = 0
    OPEN = 1
    CLOSED = 2


@dataclass(frozen=True, slots=True)
class Failure:
    """What a browser tells by an error event; the source reconnects after `wait_ms`, or never if that is None."""

    reason: str
    wait_ms: int | None


class Reconnection:
    """The states of an `EventSource` and what they remember from one connection to the next; no I/O, no time."""

    def __init__(self, *, last_event_id: str = "", retry: int = DEFAULT_RETRY_MS) -> None:
        self.ready_state = ReadyState.CONNECTING
        self.last_event_id = last_event_id
        self.retry = retry
        self._parser = EventStreamParser(last_event_id=last_event_id)

    @property
    def wait_ms(self) -> int:
        """How long to wait before the next request."""
        return min(self.retry, LONGEST_RETRY_MS)

    def request_headers(self) -> Headers:
        """The headers of the next request; an empty id means no `Last-Event-ID` at all."""
        headers = [(b"accept", MIME_TYPE), (b"cache-control", b"no-cache")]
        if self.last_event_id:
            # An id has come out of the decoder, so it has no surrogates; one that a caller gave is the caller's.
            headers.append((b"last-event-id", self.last_event_id.encode()))
        return headers

    def response(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> Failure | None:
        """The head has come: open, or closed for good, and then the failure."""
        essence = mime_essence(headers)
        if status != 200:
            return self.fail(f"the status is {status}, not 200")
        if essence != MIME_TYPE:
            shown = essence.decode("latin-1") if essence else "none"
            return self.fail(f"the MIME type is {shown}, not {MIME_TYPE.decode()}")
        self.ready_state = ReadyState.OPEN
        self._parser = EventStreamParser(last_event_id=self.last_event_id)
        return None

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes of the body complete; none once the source is closed."""
        if self.ready_state is not ReadyState.OPEN:
            return []
        events = self._parser.feed(chunk)
        self.last_event_id = self._parser.last_event_id
        if self._parser.retry is not None:
            self.retry = self._parser.retry
        return events

    def lose(self, reason: str) -> Failure:
        """The connection was lost, or its body has ended: what was not dispatched is gone, and a wait begins."""
        self._parser.close()
        self.ready_state = ReadyState.CONNECTING
        return Failure(reason, self.wait_ms)

    def fail(self, reason: str) -> Failure:
        """Closed for good."""
        self.close()
        return Failure(reason, None)

    def close(self) -> None:
        """Closed by its owner: for good, and without a failure."""
        self._parser.close()
        self.ready_state = ReadyState.CLOSED


class EventSource:
    """Iterates over the events of a stream, over as many connections as it takes.

    ``async with EventSource(connect) as source: async for event in source: …``. The iteration ends when the source is
    closed, by :meth:`close` or by a response that fails it; `failures` tells which, and of every reconnection.

    Args:
        connect: takes the request's headers, gives the status, the headers and the chunks of the body.
        last_event_id: to resume from.
        retry: the reconnection time in milliseconds until the stream sets it.
        on_open: called when the head has come, before the first event.
        on_error: called for each failure; it may call :meth:`close`.
        network_errors: what `connect` and the body raise when the network fails. Anything else closes the source and
            goes to the caller.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        last_event_id: str = "",
        retry: int = DEFAULT_RETRY_MS,
        on_open: Callable[[], object] = lambda: None,
        on_error: Callable[[Failure], object] = lambda _: None,
        network_errors: tuple[type[Exception], ...] = (OSError, EOFError),
    ) -> None:
        self._connect = connect
        self._state = Reconnection(last_event_id=last_event_id, retry=retry)
        self._on_open = on_open
        self._on_error = on_error
        self._network_errors = network_errors
        self._waiting: asyncio.Timeout | None = None
        self._iterator: AsyncGenerator[Event, None] | None = None
        self.failures: list[Failure] = []

    @property
    def ready_state(self) -> ReadyState:
        """CONNECTING, OPEN or CLOSED."""
        return self._state.ready_state

    @property
    def last_event_id(self) -> str:
        """The id that the next request would carry."""
        return self._state.last_event_id

    @property
    def retry(self) -> int:
        """The reconnection time in milliseconds as it stands."""
        return self._state.retry

    def close(self) -> None:
        """End it, from any task of the loop, whatever it is waiting for; nothing is delivered afterwards."""
        self._state.close()
        if self._waiting is not None:
            # A timeout that has come interrupts the wait in the waiting task itself. A task of its own for each wait
            # would be simpler, but what `connect` opens must often be closed by the task that has opened it.
            self._waiting.reschedule(asyncio.get_running_loop().time())
            self._waiting = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        if self._iterator is not None:
            await self._iterator.aclose()

    def __aiter__(self) -> AsyncGenerator[Event, None]:
        if self._iterator is None:
            self._iterator = self._events()
        return self._iterator

    async def _events(self) -> AsyncGenerator[Event, None]:
        try:
            while not self._closed():
                reason = "the body has ended"
                try:
                    async with aclosing(self._one_connection()) as events:
                        async for event in events:
                            yield event
                            if self._closed():
                                return
                except self._network_errors as error:
                    reason = f"{type(error).__name__}: {error}"
                if not self._closed():
                    self._tell(self._state.lose(reason))
                if not self._closed():  # by the one who was told
                    await self._unless_closed(asyncio.sleep(self._state.wait_ms / 1000))
        except Interrupted:
            return
        finally:
            self.close()

    async def _one_connection(self) -> AsyncGenerator[Event, None]:
        """The events of one connection, up to the end of its body."""
        status, headers, body = await self._unless_closed(self._connect(self._state.request_headers()))
        try:
            if self._closed():
                return
            if failure := self._state.response(status, headers):
                self._tell(failure)
                return
            self._on_open()
            while not self._closed() and (chunk := await self._unless_closed(anext(body, None))) is not None:
                for event in self._state.feed(chunk):
                    yield event
        finally:
            if aclose := getattr(body, "aclose", None):  # iterators need not have it, generators do
                await aclose()

    def _closed(self) -> bool:
        return self._state.ready_state is ReadyState.CLOSED

    def _tell(self, failure: Failure) -> None:
        self.failures.append(failure)
        self._on_error(failure)

    async def _unless_closed(self, awaitable: Awaitable[T]) -> T:
        """The result, unless the source is closed before it is there."""
        try:
            async with asyncio.timeout(None) as waiting:
                self._waiting = waiting
                return await awaitable
        except TimeoutError:
            if waiting.expired():
                raise Interrupted from None
            raise
        finally:
            self._waiting = None


class Interrupted(Exception):
    """The owner has closed the source while it was waiting."""


def mime_essence(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The type and subtype of a response, in lower case, or None if there is none that can be read.

    As the Fetch standard extracts it: of several values the last one that is a MIME type and not ``*/*`` counts.
    """
    essence = None
    values = b", ".join(value for name, value in headers if name.lower() == b"content-type")
    for item in LIST_ITEM.findall(values):
        if (match := MIME_ESSENCE.fullmatch(item)) and match[1] != b"*/*":
            essence = match[1].lower()
    return essence
