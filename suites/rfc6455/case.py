"""A case: what the client does, and which outcomes are acceptable. Data alone; the engine plays it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from asgi_conformance import MUST
from asgi_conformance.spec import Clause
from asgi_conformance.verdict import Level
from asgi_conformance.websocket.frames import BINARY, CLOSE, NAMES, NO_CODE, PING, TEXT, close_payload

Payload = bytes | Callable[[], bytes]  # a function where the bytes are many, or cost something


def octets(payload: Payload) -> bytes:
    """The bytes of a payload."""
    return payload if isinstance(payload, bytes) else payload()


# What the client does.


@dataclass(frozen=True, slots=True)
class Send:
    """One frame, legal or not; see :func:`asgi_conformance.websocket.frames.encode`."""

    opcode: int
    payload: Payload = b""
    fin: bool = True
    rsv: int = 0
    key: bytes | None = b""
    form: int | None = None
    declared: int | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """A message, compressed as agreed; `fragment` bytes of the compressed payload in each frame."""

    opcode: int
    payload: Payload
    fragment: int | None = None


@dataclass(frozen=True, slots=True)
class Fragmented:
    """A message in frames of `size` bytes."""

    opcode: int
    payload: Payload
    size: int


@dataclass(frozen=True, slots=True)
class Octets:
    """Any bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """Wait until so many messages and pongs have come in all, or the server has ended it."""

    messages: int = 0
    pongs: int = 0


@dataclass(frozen=True, slots=True)
class CloseHeard:
    """Wait for the server's close frame."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for the server to end it, at most so many seconds: what comes next is sent in any case."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Leave:
    """End TCP: this half of it (FIN), all of it, or by a reset."""

    how: Literal["half", "close", "reset"]


Step = Send | Packed | Fragmented | Octets | Heard | CloseHeard | Pause | Leave


# What may come of it.


class Word(StrEnum):
    """How an acceptable outcome stands to the RFC."""

    STRICT = "strict"
    NON_STRICT = "non-strict"  # allowed, and not the best
    INFORMATIONAL = "informational"  # there is no rule


@dataclass(frozen=True, slots=True)
class Said:
    """A message that the server is to send."""

    opcode: int
    payload: Payload


@dataclass(frozen=True, slots=True)
class End:
    """The server ends the connection.

    `right` are the codes that are right in its close frame; with `others` None any other code is acceptable behaviour,
    else only those. With `frame`, an end of TCP without a close frame is not acceptable; with `tcp`, a close frame
    without the end of TCP is not. `reason` is what the close frame has to give, where that matters.
    """

    right: frozenset[int]
    others: frozenset[int] | None = None
    frame: bool = False
    tcp: bool = False
    reason: bytes | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Messages in this order, pongs, and either an open connection (`end` is None) or an end.

    Where the server ends the connection, messages before it may be missing: it does not have to wait for the
    application. Of several pings, only the last one has to be answered (RFC 6455, section 5.5.3).
    """

    messages: tuple[Said, ...] = ()
    pongs: tuple[bytes, ...] = ()
    end: End | None = None
    word: Word = Word.STRICT


Cut = Literal["whole", "frames", "octets"] | int  # a number: segments of so many bytes
CUTS: tuple[Cut, ...] = ("whole", "frames", "octets")


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Args:
        name: the last part of the check's id.
        shows: the rule as a sentence; the first line of the check's documentation.
        clause: where it is from.
        steps: what the client does, in order.
        accepts: acceptable outcomes, the strict one first.
        level: how strongly the rule binds.
        cuts: how the bytes are divided into segments.
        offer: of extensions, in the handshake; the case is not applicable when the server does not take it.
        told: a query for the application that does as it is told; the case needs it then.
        answers: whether the client answers a close and pings, as it should.
        survives: whether the server is asked for a plain echo on a new connection afterwards.
        heavy: whether it moves many bytes.
        close_judged: whether the code of the server's close has a right value.
        patience: seconds that a server has for an end, where it may take its time.
    """

    name: str
    shows: str
    clause: Clause
    steps: tuple[Step, ...]
    accepts: tuple[Outcome, ...]
    level: Level = MUST
    cuts: tuple[Cut, ...] = CUTS
    offer: str = ""
    told: str | None = None
    answers: bool = True
    survives: bool = False
    heavy: bool = False
    close_judged: bool = True
    patience: float | None = None

    @property
    def ends(self) -> bool:
        """Whether the server has to end the connection, so that how it does is judged."""
        return self.close_judged and all(outcome.end is not None for outcome in self.accepts)


# Words for cases to be written in.

HELLO = Send(TEXT, b"hello")
HELLO_BACK = Said(TEXT, b"hello")
LATE = Send(TEXT, b"sent after the fault")  # never to be answered: it follows what has to fail the connection


def echo(*messages: Said, pongs: tuple[bytes, ...] = ()) -> tuple[Outcome, ...]:
    """The messages come back, pings are answered, the connection stays open."""
    return (Outcome(messages, pongs),)


def fails(*codes: int, before: tuple[Said, ...] = (), pongs: tuple[bytes, ...] = ()) -> tuple[Outcome, ...]:
    """The server fails the connection; these codes are right."""
    return (Outcome(before, pongs, End(frozenset(codes))),)


FAULTS = frozenset({1002, 1003, 1007, 1008, 1011})  # codes that say that something was wrong


def fails_as_faulty(*codes: int) -> tuple[Outcome, ...]:
    """As `fails`, where an answer such as to an ordinary close would mean that the fault was not noticed."""
    return (Outcome((), (), End(frozenset(codes), FAULTS)),)


def closes(*right: int, before: tuple[Said, ...] = (), tcp: bool = False) -> tuple[Outcome, ...]:
    """The server answers the client's close, with one of these codes."""
    return (Outcome(before, (), End(frozenset(right), frozenset({1000, NO_CODE}), frame=True, tcp=tcp)),)


def echo_or_too_big(*messages: Said, pongs: tuple[bytes, ...] = ()) -> tuple[Outcome, ...]:
    """The messages come back; or they are more than the server is ready to take, which it may say with 1009."""
    too_big = Outcome(messages, pongs, End(frozenset({1009}), frozenset(), frame=True), Word.NON_STRICT)
    return (Outcome(messages, pongs), too_big)


def text(data: str | bytes) -> Send:
    """A text message in one frame."""
    return Send(TEXT, data.encode() if isinstance(data, str) else data)


def binary(data: bytes) -> Send:
    """A binary message in one frame."""
    return Send(BINARY, data)


def ping(data: bytes = b"") -> Send:
    """A ping."""
    return Send(PING, data)


def close(code: int | None = 1000, reason: bytes = b"") -> Send:
    """A close frame, whatever the code."""
    return Send(CLOSE, close_payload(code, reason))


def said(*sent: Send | Packed | Fragmented) -> tuple[Said, ...]:
    """What an echo of these messages is."""
    return tuple(Said(message.opcode, message.payload) for message in sent)


# Words for the terminal.


def described(outcome: Outcome) -> str:
    """An acceptable outcome as a noun phrase."""
    parts = [*map(shown, outcome.messages[:2])]
    if len(outcome.messages) > 2:
        parts = [f"{len(outcome.messages)} messages, beginning with {parts[0]}"]
    if outcome.pongs:
        pongs = f"a pong with {outcome.pongs[-1][:40]!r}" if outcome.pongs[-1] else "an empty pong"
        parts.append(pongs if len(outcome.pongs) == 1 else f"{len(outcome.pongs)} pongs, the last {pongs[2:]}")
    if outcome.end is not None:
        parts = [described_end(outcome.end)]
    return " and ".join(parts) or "an open connection and no message"


def described_end(end: End) -> str:
    """How the connection has to end."""
    if not end.right:
        return "the end of the connection"
    codes = " or ".join("no code" if code == NO_CODE else str(code) for code in sorted(end.right))
    return f"the end of the connection, by a close with {codes}"


def shown(message: Said) -> str:
    """A message, cut to a legible length."""
    data = octets(message.payload)
    kind = NAMES[message.opcode]
    if len(data) <= 40:
        return f"{kind} {data!r}" if data else f"an empty {kind} message"
    return f"{kind} of {len(data)} bytes {data[:20]!r}…"
