"""Plays a case on a connection of its own, and tells what came of it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from asgi_conformance import Blocked, NotApplicable, Probe, Unanswered
from asgi_conformance.websocket.deflate import Agreement, Deflater, agreed
from asgi_conformance.websocket.frames import (
    CLOSE,
    CONT,
    NO_CLOSE,
    NO_CODE,
    PING,
    PONG,
    RSV1,
    BreachError,
    Frame,
    close_payload,
    encode,
)

from . import wire as limits
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
from .wire import HEAVY_WITHIN, Wire

SEGMENT = 1 << 18  # bytes that are handed to the kernel at once, where nothing else is asked for


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
        if end is not None and end.tcp:
            patience = case.patience or limits.WITHIN
            if await wire.connection.ended(patience) == "open":
                return replace(result, outcome=None, observed=f"{result.observed}, and TCP open after {patience:g} s")
            result = player.result()  # what came until then counts as well
        if to_the_end and result.outcome is not None:
            await _end(wire, case)
            after = player.result()
            if wire.seen.breach:
                return after
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
    await wire.connection.ended(limits.WITHIN)


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
        note = self._wire.note
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
        self._wire.note("note", f"the client ends TCP: {step.how}")
        connection = self._wire.connection
        {"half": connection.half_close, "close": connection.close, "reset": connection.reset}[step.how]()

    # The server.

    async def decision(self) -> None:
        """Wait until it is clear what came of it."""
        await self._until(self._over)

    async def _until(self, ready: Callable[[], bool], within: float | None = None) -> None:
        limit = within or (HEAVY_WITHIN if self._case.heavy else limits.WITHIN)
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
