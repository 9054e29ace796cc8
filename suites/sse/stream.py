"""What checks of event streams have in common: open one, read some of it, and have the linter look at it."""

import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asgi_conformance import Blocked, NotApplicable, Probe, Unanswered, Violation
from asgi_conformance.drivers.base import Ability, Head, Headers, HTTPExchange
from asgi_conformance.sse import (
    Event,
    EventStreamLinter,
    EventStreamParser,
    Finding,
    Severity,
    lint_stream,
    mime_essence,
)

MIME_TYPE = b"text/event-stream"
REDIRECTS = {301, 302, 303, 307, 308}
OPENS_WITHIN = 30.0  # seconds until there has to be a response head


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a stream is read: so many pieces, for so many seconds."""

    pieces: int
    seconds: float


# On a server the same bytes come that were looked at in process: the first event is enough. An address that
# can only be reached from outside deserves a longer look.
IN_PROCESS, IN_FULL = Extent(30, 60.0), Extent(600, 3600.0)
ON_A_SERVER, FROM_OUTSIDE = Extent(1, 0.5), Extent(3, 4.0)


@dataclass(frozen=True, slots=True)
class Passage:
    """What was read of a stream: its pieces, decoded, with the time of each, and whether the stream ended."""

    head: Head
    pieces: tuple[bytes, ...]
    times: tuple[float, ...]
    ended: bool

    @property
    def body(self) -> bytes:
        """The pieces in one."""
        return b"".join(self.pieces)

    @property
    def events(self) -> list[Event]:
        """The events that a client has got by then."""
        return EventStreamParser().feed(self.body)


def is_virtual(probe: Probe) -> bool:
    """Whether waiting costs nothing."""
    return Ability.VIRTUAL_TIME in probe.driver.abilities


def extent(probe: Probe, *, full: bool = False) -> Extent:
    """How much to read here; with `full`, up to the end if it comes within an hour that costs nothing."""
    if is_virtual(probe):
        return IN_FULL if full else IN_PROCESS
    return ON_A_SERVER if Ability.MESSAGES in probe.driver.abilities else FROM_OUTSIDE


@asynccontextmanager
async def opened(
    probe: Probe, *, headers: Headers = (), path: str | None = None
) -> AsyncIterator[tuple[HTTPExchange, Head]]:
    """The stream, open, with its head. Where something else comes, other checks are about that.

    Raises:
        NotApplicable: the answer is one that tells clients to go away, or elsewhere.
        Blocked: it is not an event stream, or none at all.
    """
    async with probe.exchange(headers=headers, path=path) as exchange:
        try:
            head = await exchange.head(OPENS_WITHIN)
        except Unanswered as error:
            raise Blocked(str(error)) from error
        _judge_opening(head)
        yield exchange, head


def _judge_opening(head: Head) -> None:
    if head.status == 204 or head.status in REDIRECTS:
        raise NotApplicable(f"a stream: the status is {head.status}")
    if head.status != 200:
        raise Blocked(f"the status is {head.status}")
    if not is_event_stream(head):
        raise Blocked(f"the content-type is {head.get('content-type')}")


def is_event_stream(head: Head) -> bool:
    """Whether a client takes the response for an event stream, by its type alone."""
    return mime_essence(head.headers) == MIME_TYPE


async def read(exchange: HTTPExchange, head: Head, limit: Extent) -> Passage:
    """The stream from here on, until it ends or there is enough of it."""
    decode = decoder(head)
    pieces: list[bytes] = []
    times: list[float] = []
    since: float | None = None
    while len(pieces) < limit.pieces:
        try:
            piece = await exchange.piece(max(0.0, limit.seconds - (times[-1] - since if since is not None else 0.0)))
        except Unanswered:
            break
        if piece is None:
            return Passage(head, tuple(pieces), tuple(times), exchange.complete)
        since = piece.at if since is None else since
        times.append(piece.at)
        pieces.append(decode(piece.data))
    return Passage(head, tuple(pieces), tuple(times), ended=False)


def decoder(head: Head) -> Callable[[bytes], bytes]:
    """What takes the content coding off, piece by piece. NotApplicable for one that is not gzip."""
    coding = (head.get("content-encoding") or "identity").strip().lower()
    if coding in {"identity", ""}:
        return bytes
    if coding not in {"gzip", "x-gzip"}:
        raise NotApplicable(f"a stream that can be read here: its coding is {coding}")
    unpack = zlib.decompressobj(31).decompress

    def decode(data: bytes) -> bytes:
        try:
            return unpack(data)
        except zlib.error as error:
            raise Blocked(f"the content is not {coding}: {error}") from error

    return decode


async def passage(
    probe: Probe, *, headers: Headers = (), path: str | None = None, full: bool = False, limit: Extent | None = None
) -> Passage:
    """Open the stream and read some of it; then the client leaves."""
    async with opened(probe, headers=headers, path=path) as (exchange, head):
        return await read(exchange, head, limit or extent(probe, full=full))


async def require(probe: Probe, rule: str, severity: Severity, *, full: bool = False) -> Passage:
    """Raise Violation where the stream breaks the linter's rule with that severity."""
    read_so_far = await passage(probe, full=full)
    if not read_so_far.body:
        raise NotApplicable("something sent while the stream was looked at")
    for finding in lint(read_so_far):
        if finding.rule == rule and finding.severity is severity:
            raise Violation(expected=finding.expected, observed=f"{finding.observed}, at byte {finding.offset}")
    return read_so_far


def lint(read_so_far: Passage) -> list[Finding]:
    """What the linter finds; the rules about the end are left out where the client left before it."""
    if read_so_far.ended:
        return lint_stream(read_so_far.body)
    return EventStreamLinter().feed(read_so_far.body)
