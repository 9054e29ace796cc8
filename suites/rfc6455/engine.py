"""Plays a case on a connection of its own, and tells what came of it."""

import asyncio
import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from asgi_conformance import Blocked, NotApplicable, Probe, Unanswered
from asgi_conformance.drivers.remote import RemoteDriver
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.drivers.wire_connection import Connection, Read
from asgi_conformance.drivers.wire_http1 import Data, ResponseParser, Start
from asgi_conformance.websocket.deflate import Agreement, Deflater, Inflater, agreed
from asgi_conformance.websocket.frames import (
    CLOSE,
    CONT,
    NO_CLOSE,
    NO_CODE,
    PING,
    PONG,
    RSV1,
    TEXT,
    BreachError,
    Frame,
    Message,
    MessageReader,
    close_payload,
    encode,
    parse_close,
)

from .case import (
    Case,
    CloseHeard,
    Cut,
    Fragmented,
    Heard,
    Leave,
    Octets,
    Outcome,
    Packed,
    Pause,
    Said,
    Send,
    Step,
    Word,
    octets,
    shown,
)

WITHIN = 10.0  # seconds that a server has for an answer, or for ending the connection
HEAVY_WITHIN = 40.0  # and where many bytes have to be moved
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
SEGMENT = 1 << 18  # bytes that are handed to the kernel at once, where nothing else is asked for


@dataclass(slots=True)
class Heads:
    """The start of the server's answer to a handshake, and its body if it refuses."""

    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    version: str = ""
    fault: str = ""
    complete: bool = False

    def all(self, name: bytes) -> list[str]:
        """The values of all headers of that name."""
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == name]


@dataclass(slots=True)
class Seen:
    """What the server has sent once the handshake was done."""

    messages: list[Said] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    code: int | None = None  # of its close frame
    reason: bytes = b""
    breach: str = ""
    compressed: int = 0  # messages


def accept_of(key: bytes) -> str:
    """The value of ``sec-websocket-accept`` that belongs to a key."""
    return base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()  # noqa: S324 - as RFC 6455 has it


def fresh_key() -> bytes:
    """A key for a handshake."""
    return base64.b64encode(os.urandom(16))


class Wire:
    """A client on one connection: bytes out, and what they bring about in.

    Use it as a context manager: the connection is gone afterwards.
    """

    def __init__(self, probe: Probe, *, answers: bool = True) -> None:
        self._probe = probe
        self._answers = answers
        self._parser = ResponseParser()
        self._reader: MessageReader | None = None
        self._inflater: Inflater | None = None
        self._early = b""
        self._held: list[bytes] | None = None  # answers that wait for the end of a frame under way
        self.head = Heads()
        self.seen = Seen()
        self.closing = False  # a close frame was sent
        self.connection: Connection

    async def __aenter__(self) -> Self:
        await self._probe.start()
        driver = self._probe.driver
        if not isinstance(driver, ServerDriver | RemoteDriver):
            raise Blocked("this check needs a driver that sends bytes")
        self.connection = await driver.raw()
        self.connection.deliver(self._arrived)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self.head.status == 101 and not self.closing and self.seen.code is None:
            self.connection.send_now(encode(CLOSE, close_payload(1000)))  # a farewell, which nobody waits for
        await self.connection.dispose()

    def place(self, query: str | None = None) -> tuple[str, str]:
        """The value of ``host`` and the target, with a query for the application that does as it is told."""
        driver = self._probe.driver
        if not isinstance(driver, ServerDriver | RemoteDriver):
            raise Blocked("this check needs a driver that sends bytes")
        path = self._probe.route.path
        return driver.place(f"{path}?{query}" if query else path)

    async def shake(self, offer: str = "", query: str | None = None, headers: tuple[str, ...] = ()) -> None:
        """A correct handshake. Raises Blocked when it is refused."""
        host, target = self.place(query)
        key = fresh_key()
        lines = [
            f"GET {target} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key.decode()}", "Sec-WebSocket-Version: 13", *headers,
        ]  # fmt: skip
        lines += [f"{name.decode()}: {value.decode('latin-1')}" for name, value in self._probe.route.headers]
        if offer:
            lines.append(f"Sec-WebSocket-Extensions: {offer}")
        await self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n", lines[0])
        await self.answered()
        if self.head.status != 101:
            raise Blocked(f"the handshake was refused with status {self.head.status or 'none'}")
        if self.head.all(b"sec-websocket-accept") != [accept_of(key)]:
            raise Blocked("the handshake was answered with a key that does not belong to it")

    async def answered(self, within: float = WITHIN) -> bool:
        """Wait for the answer to the handshake; False when the connection ends without one. Raises Blocked."""
        deadline = time.monotonic() + within
        while not self.head.complete and not self.connection.over:
            if not await self.connection.change(deadline - time.monotonic()):
                raise Blocked(f"no answer to the handshake within {within:g} s")
        return self.head.complete

    def speak(self, agreement: Agreement | None = None) -> None:
        """From now on what comes are frames, compressed as agreed."""
        self._inflater = None if agreement is None else Inflater(agreement)
        self._reader = MessageReader(self._inflater)
        early, self._early = self._early, b""
        self._frames(early)

    async def hello(self) -> bool:
        """Whether a plain text message comes back; the handshake has been done."""
        self.speak()
        await self.send(encode(TEXT, b"hello"), "text b'hello'")
        deadline = time.monotonic() + WITHIN
        while not self.seen.messages and not self.ended:
            if not await self.connection.change(deadline - time.monotonic()):
                break
        return self.seen.messages == [Said(TEXT, b"hello")]

    async def send(self, data: bytes, note: object = None) -> None:
        """Send bytes. Raises Unanswered when the server does not take them."""
        self._probe.transcript.add(">", note if note is not None else f"{len(data)} bytes {data[:24]!r}")
        await self.connection.send(data, HEAVY_WITHIN)

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be expected: a close frame, a breach, or the end of TCP."""
        return self.seen.code is not None or bool(self.seen.breach) or self.connection.over

    def _arrived(self, read: Read | None) -> None:
        if read is None:
            self._probe.transcript.add("note", f"the connection is {self.connection.end} by the server")
            if not self._parser.over and self.connection.end == "closed":
                self._answer(b"")
                self._parser.finish()
                self.head.complete = self.head.complete or (self.head.status != 0 and self._parser.complete)
            return
        if not self._parser.over:
            self._answer(read.data)
        elif self._reader is None:
            self._early += read.data
        else:
            self._frames(read.data)

    def _answer(self, data: bytes) -> None:
        for event in self._parser.feed(data):
            if isinstance(event, Start) and not event.interim:
                self._probe.transcript.add("<", f"HTTP/{event.version} {event.status} {event.reason}".rstrip())
                self.head.status, self.head.headers, self.head.version = event.status, event.headers, event.version
            elif isinstance(event, Data):
                self.head.body += event.data
        self.head.fault = self._parser.fault
        if self._parser.over:
            self.head.complete = not self._parser.fault
            self._early += self._parser.rest

    def _frames(self, data: bytes) -> None:
        if self._reader is None or not data:
            return
        events, breach = self._reader.feed(data)
        for event in events:
            if isinstance(event, Message):
                self._probe.transcript.add("<", f"{shown(Said(event.opcode, event.payload))}")
                self.seen.messages.append(Said(event.opcode, event.payload))
                self.seen.compressed += event.compressed
            else:
                self._probe.transcript.add("<", str(event))
                self._control(event)
        if breach and not self.seen.breach:
            self._probe.transcript.add("note", f"the server sent {breach}")
            self.seen.breach = breach

    def _control(self, frame: Frame) -> None:
        if frame.opcode == CLOSE:
            self.seen.code, self.seen.reason = parse_close(frame.payload)
            if self._answers and not self.closing:
                self.closing = True
                code = None if self.seen.code == NO_CODE else self.seen.code
                self._say(encode(CLOSE, close_payload(code)))
        elif frame.opcode == PONG:
            self.seen.pongs.append(frame.payload)
        elif self._answers:
            self._say(encode(PONG, frame.payload))

    def _say(self, data: bytes) -> None:
        """Send an answer, though not into the middle of a frame."""
        if self._held is None:
            self.connection.send_now(data)
        else:
            self._held.append(data)

    def hold(self) -> None:
        """From now on a frame may be under way."""
        self._held = self._held or []

    def release(self) -> None:
        """No frame is under way any more."""
        held, self._held = self._held or [], None
        for data in held:
            self.connection.send_now(data)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case in one cut.

    `outcome` is the acceptable one that it was, None when it was none of them. `observed` says what happened.
    `code` is that of the server's close frame, 1006 when TCP ended without one, None when nothing ended.
    """

    outcome: Outcome | None
    observed: str
    code: int | None
    tcp_ended: bool
    word: Word = Word.STRICT


async def play(probe: Probe, case: Case, cut: Cut, *, to_the_end: bool = False) -> Result:
    """Play a case; with `to_the_end`, follow the connection to the end of TCP.

    Raises NotApplicable when the server does not take the offered compression, and Blocked when there is no
    connection to play it on.
    """
    async with Wire(probe, answers=case.answers) as wire:
        await wire.shake(case.offer, case.told)
        agreement = _agreement(wire, case)
        wire.speak(agreement)
        player = _Player(wire, case, Deflater(agreement) if agreement is not None else None)
        try:
            for step in case.steps:
                await player.take(step, cut)
            await player.flush(cut)
        except Unanswered as reason:
            return player.result(str(reason))
        await player.decision()
        result = player.result()
        end = result.outcome.end if result.outcome is not None else None
        if end is not None and end.tcp and await wire.connection.ended(case.patience or WITHIN) == "open":
            observed = f"{result.observed}, and TCP open after {case.patience or WITHIN:g} s"
            return replace(result, outcome=None, observed=observed)
        if to_the_end and result.outcome is not None:
            await _end(wire, case)
            after = player.result()
            result = replace(result, code=after.code, tcp_ended=after.tcp_ended)
    return result


def _agreement(wire: Wire, case: Case) -> Agreement | None:
    answer = ", ".join(wire.head.all(b"sec-websocket-extensions"))
    if not case.offer:
        if answer:
            raise Blocked(f"the server agreed to {answer!r}, which was not offered")
        return None
    try:
        agreement = agreed(case.offer, answer)
    except BreachError as breach:
        raise Blocked(f"the answer to the offer of compression has {breach}") from None
    if agreement is None:
        raise NotApplicable(f"the server does not take the offer {case.offer!r}")
    return agreement


async def _end(wire: Wire, case: Case) -> None:
    """Close in order, where that is the client's turn, and wait for the end of TCP."""
    if not wire.ended and not wire.closing and case.answers:
        wire.closing = True
        await wire.send(encode(CLOSE, close_payload(1000)), "close 1000")
    await wire.connection.ended(WITHIN)


class _Player:
    """The client's part of a case, and how far the server's fits what is acceptable."""

    def __init__(self, wire: Wire, case: Case, deflater: Deflater | None) -> None:
        self._wire = wire
        self._case = case
        self._deflater = deflater
        self._pending: list[bytes] = []
        self._size = 0
        self._alive = list(case.accepts)
        self._checked = 0  # messages that were compared
        self._wrong: Said | None = None
        self._torn = any(isinstance(step, Octets) for step in case.steps)  # frames may end anywhere

    # The client.

    async def take(self, step: Step, cut: Cut) -> None:
        """Make one step, once the bytes before it have gone where it is no more bytes."""
        match step:
            case Heard():
                await self.flush(cut)
                seen = self._wire.seen
                await self._until(
                    lambda: (len(seen.messages) >= step.messages and len(seen.pongs) >= step.pongs) or self._over()
                )
            case CloseHeard():
                await self.flush(cut)
                await self._until(lambda: self._wire.ended)
            case Pause():
                await self.flush(cut)
                await self._until(lambda: self._wire.ended, step.seconds)
            case Leave():
                await self.flush(cut)
                self._leave(step)
            case _:
                for data in self._encoded(step):
                    self._pending.append(data)
                    self._size += len(data)
                    if self._size >= SEGMENT:
                        await self.flush(cut)

    def _encoded(self, step: Send | Packed | Fragmented | Octets) -> Iterator[bytes]:
        note = self._wire._probe.transcript.add  # noqa: SLF001 - the two are one
        match step:
            case Octets():
                note(">", repr(step.data[:60]))
                yield step.data
            case Send():
                payload = octets(step.payload)
                note(">", str(Frame(step.opcode, payload[:60], step.fin, step.rsv)))
                self._wire.closing = self._wire.closing or step.opcode == CLOSE
                yield encode(
                    step.opcode, payload, fin=step.fin, rsv=step.rsv, key=step.key, form=step.form,
                    declared=step.declared,
                )  # fmt: skip
            case Packed():
                if self._deflater is None:
                    raise Blocked("there is no compression to use")
                packed = self._deflater.deflate(octets(step.payload))
                yield from _fragments(step.opcode, packed, step.fragment or max(1, len(packed)), RSV1)
            case Fragmented():
                yield from _fragments(step.opcode, octets(step.payload), step.size, 0)

    async def flush(self, cut: Cut) -> None:
        """Send what is pending in segments as `cut` says, until the server has ended it."""
        pending, self._pending, self._size = self._pending, [], 0
        self._wire.hold()
        for data in segments(pending, cut):
            # A client that answers has nothing more to say; one that is to misbehave goes on.
            if self._wire.connection.over or (self._wire.ended and self._case.answers):
                return
            await self._wire.connection.send(data, HEAVY_WITHIN)
            if cut != "whole":
                await asyncio.sleep(0)  # so that an answer is read before the next segment
        if not self._torn:
            self._wire.release()

    def _leave(self, step: Leave) -> None:
        self._wire._probe.transcript.add("note", f"the client ends TCP: {step.how}")  # noqa: SLF001 - as above
        connection = self._wire.connection
        {"half": connection.half_close, "close": connection.close, "reset": connection.reset}[step.how]()

    # The server.

    async def decision(self) -> None:
        """Wait until it is clear what came of it."""
        await self._until(self._over)

    async def _until(self, ready: Callable[[], bool], within: float | None = None) -> None:
        limit = within or (HEAVY_WITHIN if self._case.heavy else WITHIN)
        deadline = time.monotonic() + limit
        while not ready():
            if not await self._wire.connection.change(deadline - time.monotonic()):
                return

    def _over(self) -> bool:
        self._compare()
        left = self._wire.connection.gone
        return self._wire.ended or left or not self._alive or self._fulfilled() is not None

    def _compare(self) -> None:
        """Drop the outcomes that the messages so far do not fit."""
        messages = self._wire.seen.messages
        while self._checked < len(messages) and self._alive:
            number, message = self._checked, messages[self._checked]
            self._alive = [outcome for outcome in self._alive if _nth(outcome, number) == message]
            self._wrong = None if self._alive else message
            self._checked += 1

    def _fulfilled(self) -> Outcome | None:
        """The acceptable outcome with an open connection that this is, as far as it has got."""
        seen = self._wire.seen
        for outcome in self._alive:
            complete = len(seen.messages) == len(outcome.messages)
            answered = not outcome.pongs or outcome.pongs[-1] in seen.pongs
            if outcome.end is None and complete and answered:
                return outcome
        return None

    def result(self, trouble: str = "") -> Result:
        """What came of it."""
        self._compare()
        seen, connection = self._wire.seen, self._wire.connection
        ended = connection.over and not connection.gone
        code = seen.code if seen.code is not None else NO_CLOSE if ended else None
        outcome = None
        if not seen.breach and not self._stray_pongs():
            outcome = self._fulfilled() if code is None else None
            outcome = outcome or next((found for found in self._alive if self._ends_as(found, code)), None)
        word = outcome.word if outcome is not None else Word.STRICT
        if outcome is not None and len(seen.messages) < len(outcome.messages) and word is Word.STRICT:
            word = Word.NON_STRICT
        return Result(outcome, trouble or self._told(code), code, connection.over, word)

    def _ends_as(self, outcome: Outcome, code: int | None) -> bool:
        end = outcome.end
        if code is None or end is None or (end.reason is not None and end.reason != self._wire.seen.reason):
            return False
        if code == NO_CLOSE:
            return not end.frame
        return code in end.right or end.others is None or code in end.others

    def _stray_pongs(self) -> bool:
        """Whether pongs came that echo what was no ping; others may be a server's own heartbeat."""
        sent = {octets(step.payload) for step in self._case.steps if isinstance(step, Send) and step.opcode == PONG}
        return any(pong in sent for pong in self._wire.seen.pongs if pong not in self._pinged())

    def _pinged(self) -> set[bytes]:
        return {octets(step.payload) for step in self._case.steps if isinstance(step, Send) and step.opcode == PING}

    def _told(self, code: int | None) -> str:
        seen = self._wire.seen
        if seen.breach:
            return seen.breach
        if self._wrong is not None:
            return f"{shown(self._wrong)}, as message {self._checked}"
        if self._stray_pongs():
            return "a pong that answers a pong"
        got = [shown(message) for message in seen.messages[:2]]
        if len(seen.messages) > 2:
            got = [f"{len(seen.messages)} messages"]
        got += [f"{len(seen.pongs)} pongs" if len(seen.pongs) > 1 else "a pong"] if seen.pongs else []
        how = {None: "the connection still open", NO_CLOSE: f"TCP {self._wire.connection.end} without a close frame"}
        if code not in how:
            reason = f" {seen.reason.decode('utf-8', 'replace')!r}" if seen.reason else ""
            how[code] = "a close without a code" if code == NO_CODE else f"a close with {code}{reason}"
        return ", then ".join([" and ".join(got), how[code]] if got else [how[code]])


def _nth(outcome: Outcome, number: int) -> Said | None:
    if number >= len(outcome.messages):
        return None
    wanted = outcome.messages[number]
    return Said(wanted.opcode, octets(wanted.payload))


def _fragments(opcode: int, data: bytes, size: int, rsv: int) -> Iterator[bytes]:
    """A message in frames of `size` bytes."""
    for start in range(0, max(1, len(data)), size):
        first, last = start == 0, start + size >= len(data)
        yield encode(opcode if first else CONT, data[start : start + size], fin=last, rsv=rsv if first else 0)


def segments(frames: list[bytes], cut: Cut) -> Iterator[bytes]:
    """The bytes of these frames as they are handed to the kernel."""
    if cut == "frames":
        yield from frames
        return
    data = b"".join(frames)
    size = 1 if cut == "octets" else cut if isinstance(cut, int) else max(1, len(data))
    for start in range(0, len(data), size):
        yield data[start : start + size]
