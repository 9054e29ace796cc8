"""WebSocket frames as bytes: built right or wrong as told, and read as a strict peer reads them. No I/O.

The layout is that of RFC 6455, section 5.2. What is read is never repaired: the first breach of the protocol ends
the reading and is told in words.
"""

import codecs
import os
from dataclasses import dataclass
from typing import Protocol

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NAMES = {CONT: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
RSV1, RSV2, RSV3 = 4, 2, 1

MAX_CONTROL = 125
NO_CODE, NO_CLOSE = 1005, 1006  # a close without a code; an end without a close


def encode(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = b"",
    form: int | None = None,
    declared: int | None = None,
) -> bytes:
    """One frame.

    Args:
        opcode: four bits, assigned or not.
        payload: as it is before masking.
        fin: whether the message ends here.
        rsv: the three reserved bits as a number; RSV1 is 4.
        key: of the mask, 4 bytes; empty for a fresh one, None for no mask.
        form: bits of the payload length (7, 16 or 64) where it shall not be the shortest that fits.
        declared: the payload length that the frame claims, where that shall be a lie.
    """
    length = len(payload) if declared is None else declared
    form = form or (7 if length <= 125 else 16 if length <= 0xFFFF else 64)
    masked = 0x80 if key is not None else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if form == 7:
        head += bytes([masked | length])
    elif form == 16:
        head += bytes([masked | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([masked | 127]) + length.to_bytes(8, "big")
    if key is None:
        return head + payload
    key = key or os.urandom(4)
    return head + key + masking(payload, key)


def masking(data: bytes, key: bytes) -> bytes:
    """The data with the mask put on, or taken off (RFC 6455, section 5.3)."""
    size = len(data)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little")


def close_payload(code: int | None, reason: bytes = b"") -> bytes:
    """The payload of a close frame: nothing, or a code in two bytes and a reason."""
    return b"" if code is None else code.to_bytes(2, "big") + reason


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it was read; `minimal` tells whether its length had the shortest form, `key` the mask it came with."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0
    key: bytes | None = None
    minimal: bool = True

    def __str__(self) -> str:
        name = NAMES.get(self.opcode, f"opcode {self.opcode}")
        bits = "".join(f" RSV{n}" for n, bit in ((1, 4), (2, 2), (3, 1)) if self.rsv & bit)
        shown = repr(self.payload[:40])[1:] + ("…" if len(self.payload) > 40 else "")
        return f"{name}{'' if self.fin else ' (more follows)'}{bits} {len(self.payload)} bytes {shown}"


class FrameReader:
    """Cuts bytes into frames. It judges nothing; `limit` is the longest payload that it is ready to wait for."""

    def __init__(self, limit: int = 1 << 28) -> None:
        self._held = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete. Raises OverflowError for a payload that is longer than the limit."""
        self._held += data
        frames = []
        start = 0
        while (found := self._next(start)) is not None:
            frame, start = found
            frames.append(frame)
        del self._held[:start]
        return frames

    def _next(self, start: int) -> tuple[Frame, int] | None:
        held = self._held
        if len(held) - start < 2:
            return None
        first, second = held[start], held[start + 1]
        size, at = second & 0x7F, start + 2
        width = {126: 2, 127: 8}.get(size, 0)
        if len(held) < at + width:
            return None
        least = {2: 126, 8: 0x10000}.get(width, 0)
        if width:
            size = int.from_bytes(held[at : at + width], "big")
            at += width
        if size > self._limit:
            raise OverflowError(size)
        key: bytes | None = None
        if second & 0x80:
            key = bytes(held[at : at + 4])
            at += 4
        if len(held) < at + size:
            return None
        payload = bytes(held[at : at + size])
        if key is not None:
            payload = masking(payload, key)
        return Frame(first & 0x0F, payload, bool(first & 0x80), first >> 4 & 7, key, size >= least), at + size


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message, its fragments put together and inflated; text is given as its bytes, which are UTF-8."""

    opcode: int
    payload: bytes
    compressed: bool = False


class BreachError(Exception):
    """The peer breaks the protocol; the text is a noun phrase that says how."""


class Inflating(Protocol):
    """What takes the compression off a message."""

    def inflate(self, data: bytes) -> bytes:
        """The message. Raises BreachError."""
        ...


class MessageReader:
    """Makes messages of what a server sends; control frames come as they are.

    Args:
        inflater: of the compression that was agreed on; None when there is none.
    """

    def __init__(self, inflater: Inflating | None = None) -> None:
        self._frames = FrameReader()
        self._inflater = inflater
        self._parts: list[bytes] = []
        self._first: Frame | None = None
        self._closed = False

    def feed(self, data: bytes) -> tuple[list[Message | Frame], str]:
        """What these bytes complete, and the breach that ended it (empty while there is none)."""
        found: list[Message | Frame] = []
        try:
            # One by one: what came before a breach is told with it.
            found.extend(event for frame in self._frames.feed(data) if (event := self._take(frame)) is not None)
        except BreachError as breach:
            return found, str(breach)
        except OverflowError as size:
            return found, f"a frame that claims a payload of {size} bytes"
        return found, ""

    def _take(self, frame: Frame) -> Message | Frame | None:
        # Of control frames there is no such sentence (section 5.5.1), but for a second close there is no use.
        if self._closed and (frame.opcode <= CLOSE):
            raise BreachError(f"a frame after the close: {frame}")
        if frame.key is not None:
            raise BreachError(f"a masked frame: {frame}")
        if not frame.minimal:
            raise BreachError(f"a length in a longer form than needed: {frame}")
        if frame.opcode not in NAMES:
            raise BreachError(f"a reserved opcode: {frame}")
        if frame.opcode >= CLOSE:
            return self._control(frame)
        allowed = RSV1 if self._inflater is not None and frame.opcode != CONT else 0
        if frame.rsv & ~allowed:
            raise BreachError(f"a reserved bit that nothing gives a meaning to: {frame}")
        if (frame.opcode == CONT) == (self._first is None):
            raise BreachError(f"a frame out of order: {frame}")
        first = self._first = self._first or frame
        self._parts.append(frame.payload)
        return self._message(first) if frame.fin else None

    def _control(self, frame: Frame) -> Frame:
        if not frame.fin or frame.rsv or len(frame.payload) > MAX_CONTROL:
            raise BreachError(f"a control frame that is fragmented, too long or has reserved bits: {frame}")
        if frame.opcode == CLOSE:
            self._closed = True
            code, reason = parse_close(frame.payload)
            if frame.payload and not may_be_sent(code):
                raise BreachError(f"a close whose payload nobody may send: {frame}")
            if not is_utf8(reason):
                raise BreachError(f"a close whose reason is no UTF-8: {frame}")
        return frame

    def _message(self, first: Frame) -> Message:
        payload = b"".join(self._parts)
        compressed = bool(first.rsv & RSV1)
        self._parts, self._first = [], None
        if compressed and self._inflater is not None:
            payload = self._inflater.inflate(payload)
        if first.opcode == TEXT and not is_utf8(payload):
            raise BreachError(f"a text message that is no UTF-8: {payload[:40]!r}")
        return Message(first.opcode, payload, compressed)


def parse_close(payload: bytes) -> tuple[int, bytes]:
    """Code and reason of a close frame's payload; 1005 where there is no code."""
    return (int.from_bytes(payload[:2], "big"), payload[2:]) if len(payload) >= 2 else (NO_CODE, b"")


def may_be_sent(code: int) -> bool:
    """Whether a close frame may bear this code (RFC 6455, section 7.4); from 5000 on there is no rule."""
    return code >= 1000 and code not in {1004, NO_CODE, NO_CLOSE, 1015} and not 1016 <= code <= 2999


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8 as RFC 3629 has it."""
    try:
        codecs.utf_8_decode(data, "strict", True)
    except UnicodeDecodeError:
        return False
    return True
