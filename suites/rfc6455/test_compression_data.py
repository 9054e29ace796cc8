"""RFC 7692, sections 6 and 7.2: compressed data in every legal form, and data that are none."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from asgi_conformance import PRACTICE
from asgi_conformance.spec import RFC_7692
from asgi_conformance.websocket.deflate import TAIL
from asgi_conformance.websocket.frames import BINARY, CONT, PING, PONG, RSV1, RSV2, TEXT

from .case import (
    HELLO_BACK,
    LATE,
    Case,
    End,
    Heard,
    Outcome,
    Packed,
    Said,
    Send,
    Step,
    Word,
    echo,
    fails,
    ping,
    said,
)
from .payloads import block, part
from .registering import register

BITS, METHOD = RFC_7692["section-6.1"], RFC_7692["section-7.2"]
OFFER = "permessage-deflate"
ABOUT = """What a sender may do, a receiver must understand; what is no compressed data must end the connection.

Usual cause: a decompressor that is fed a frame at a time or never reset; an error of its library that nobody catches;
no limit for what a few bytes inflate to. Not applicable where the server does not take the offer.
"""
LINE = b"compressed by hand, compressed by hand, compressed by hand"
WINDOW_9 = "permessage-deflate; client_max_window_bits=9"
FORGETS = "permessage-deflate; client_no_context_takeover"


def raw(*parts: bytes, level: int = 6, flush: int = zlib.Z_SYNC_FLUSH, window: int = 15) -> bytes:
    """A deflate stream with a flush of that kind behind each part, as it is."""
    state = zlib.compressobj(level, zlib.DEFLATED, -window)
    return b"".join(state.compress(data) + state.flush(flush) for data in parts)


def packed(*parts: bytes, level: int = 6) -> bytes:
    """The same as the payload of a message: the end of the last flush is left out."""
    return raw(*parts, level=level).removesuffix(TAIL)


def final(data: bytes) -> bytes:
    """A stream whose last block has the final bit, and the empty byte that goes behind it (section 7.2.3.4)."""
    return raw(data, flush=zlib.Z_FINISH) + b"\x00"


def deflated(payload: bytes, opcode: int = TEXT) -> Send:
    """A compressed message in one frame."""
    return Send(opcode, payload, rsv=RSV1)


def sound(name: str, shows: str, *steps: Step, back: tuple[Said, ...] = (Said(TEXT, LINE),)) -> Case:
    """A case in which messages come back."""
    return Case(name, shows, METHOD, steps, echo(*back), offer=OFFER, cuts=("whole", "octets"))


def broken(
    name: str, shows: str, *steps: Step, codes: tuple[int, ...] = (1002, 1007), before: tuple[Said, ...] = ()
) -> Case:
    """A case in which the connection has to fail."""
    accepts = fails(*codes, before=before)
    return Case(name, shows, METHOD, (*steps, LATE), accepts, offer=OFFER, cuts=("whole", "octets"))


def cases() -> Iterator[Case]:
    """Legal forms, then the reserved bit where it means nothing, then data that are none, then bombs."""
    yield from _legal()
    yield from _bits()
    yield from _garbage()
    yield from _bombs()


def _legal() -> Iterator[Case]:
    back = Said(TEXT, LINE)
    yield sound("plain-message", "A message that is not compressed must be received on a connection with compression.",
                Send(TEXT, LINE))  # fmt: skip
    yield sound("plain-between", "Compressed and plain messages must be received in turn.",
                Packed(TEXT, LINE), Send(TEXT, LINE), Packed(TEXT, LINE), back=(back,) * 3)  # fmt: skip
    yield sound("stored-block", "A message in a block without compression must be received.",
                deflated(packed(LINE, level=0)))  # fmt: skip
    yield sound("several-blocks", "A message in several blocks must be received.",
                deflated(packed(LINE[:20], LINE[20:40], LINE[40:])))  # fmt: skip
    yield sound("full-flush", "A message with a full flush inside must be received.",
                deflated((raw(LINE[:9], flush=zlib.Z_FULL_FLUSH) + raw(LINE[9:])).removesuffix(TAIL)))  # fmt: skip
    yield sound("final-block", "A message whose last block has the final bit must be received.", deflated(final(LINE)))
    yield sound("after-final-block", "A message after one with the final bit must be received.",
                deflated(final(LINE)), deflated(packed(LINE)), back=(back, back))  # fmt: skip
    yield sound("empty", "An empty message in one empty byte must be received.", deflated(b"\x00"),
                back=(Said(TEXT, b""),))  # fmt: skip
    yield sound("empty-fixed-block", "An empty message in an empty block of the fixed kind must be received.",
                deflated(b"\x02\x00"), back=(Said(TEXT, b""),))  # fmt: skip
    payload = packed(LINE)
    frames = [Send(TEXT if n == 0 else CONT, payload[n : n + 1], fin=n == len(payload) - 1, rsv=RSV1 if n == 0 else 0)
              for n in range(len(payload))]  # fmt: skip
    yield sound("fragment-of-each-byte", "A compressed message in fragments of one byte must be received.", *frames)
    yield sound("empty-fragments", "Empty fragments of a compressed message must not disturb it.",
                Send(TEXT, b"", fin=False, rsv=RSV1), Send(CONT, payload, fin=False), Send(CONT, b""))  # fmt: skip
    yield sound("ping-between-fragments", "A ping between the fragments of a compressed message must not disturb it.",
                Send(TEXT, payload[:5], fin=False, rsv=RSV1), ping(b"between"), Heard(pongs=1), Send(CONT, payload[5:]),
                )  # fmt: skip
    many = tuple(Packed(TEXT, LINE) for _ in range(20))
    yield sound("context-kept", "Messages that refer to earlier ones must be received.", *many, back=said(*many))
    far = tuple(Packed(BINARY, partial(part, "noise", 0, 30_000)) for _ in range(2))
    case = sound("context-far", "A message that refers to one 30,000 bytes ago must be received.", *far,
                 back=said(*far))  # fmt: skip
    yield replace(case, cuts=("whole",))


def _bits() -> Iterator[Case]:
    payload = packed(LINE)
    head, tail = payload[:9], payload[9:]
    yield replace(broken(
        "bit-without-agreement", "A compressed message must fail the connection where no compression was agreed on.",
        deflated(payload, BINARY), codes=(1002,)), offer="")  # fmt: skip
    for name, shows, steps in (
        ("bit-on-continuation", "A continuation with RSV1 must fail the connection.",
         (Send(TEXT, head, fin=False, rsv=RSV1), Send(CONT, tail, rsv=RSV1))),
        ("bit-on-continuation-of-plain", "A continuation with RSV1 must fail the connection, also of a plain message.",
         (Send(TEXT, b"plain ", fin=False), Send(CONT, b"text", rsv=RSV1))),
        ("bit-on-ping", "A ping with RSV1 must fail the connection.", (Send(PING, b"ping", rsv=RSV1),)),
        ("bit-on-pong", "A pong with RSV1 must fail the connection.", (Send(PONG, b"pong", rsv=RSV1),)),
        ("other-bit", "A compressed message with RSV2 must fail the connection.",
         (Send(TEXT, payload, rsv=RSV1 | RSV2),)),
    ):  # fmt: skip
        yield replace(broken(name, shows, *steps, codes=(1002,)), clause=BITS)


def _garbage() -> Iterator[Case]:
    yield broken("garbage", "Bytes that are no compressed data must fail the connection.", deflated(b"\xff" * 20))
    yield broken("garbage-after-message", "Garbage must fail the connection, also after a sound message.",
                 Packed(TEXT, b"hello"), Heard(1), deflated(b"\xff" * 20), before=(HELLO_BACK,))  # fmt: skip
    yield broken("reserved-block", "A block of the reserved kind must fail the connection.", deflated(b"\x07\x00"))
    yield broken("far-reference", "A reference to data that were never sent must fail the connection.",
                 deflated(raw(LINE, LINE)[len(raw(LINE)) :].removesuffix(TAIL)))  # fmt: skip
    yield broken("wrong-length", "A stored block whose length is contradicted must fail the connection.",
                 deflated(b"\x00\x05\x00\x00\x00hello"))  # fmt: skip
    yield broken("not-text", "A compressed text that inflates to what is no UTF-8 must fail the connection.",
                 deflated(packed(b"ab\xed\xa0\x80cd")), codes=(1007,))  # fmt: skip
    shows = "A compressed message that is cut, for which RFC 7692 has no rule, should be refused, or come back in part."
    cut = packed(LINE)[:-4]
    part_of_it = zlib.decompressobj(-15).decompress(cut + TAIL)
    partly = Outcome((Said(TEXT, part_of_it),), (), None, Word.INFORMATIONAL)
    yield Case("cut", shows, METHOD, (deflated(cut),), (*fails(1002, 1007), partly), PRACTICE, offer=OFFER,
               cuts=("whole",))  # fmt: skip
    far = raw(block("noise")[:2000] * 2).removesuffix(TAIL)
    large = Said(BINARY, block("noise")[:2000] * 2)
    shows = "A reference beyond the agreed window should fail the connection; to have a larger window is no fault."
    lenient = Outcome((large,), (), None, Word.NON_STRICT)
    yield Case("window-exceeded", shows, RFC_7692["section-7.1.2.2"], (deflated(far, BINARY),),
               (*fails(1002, 1007), lenient), PRACTICE, offer=WINDOW_9, cuts=("whole",))  # fmt: skip
    again = raw(LINE, LINE)[len(raw(LINE)) :].removesuffix(TAIL)
    shows = "A message that uses a context that was given up should fail the connection; to have kept it is no fault."
    back = Said(TEXT, LINE)
    yield Case("context-given-up", shows, RFC_7692["section-7.1.1.2"], (deflated(packed(LINE)), deflated(again)),
               (*fails(1002, 1007, before=(back,)), Outcome((back, back), (), None, Word.NON_STRICT)), PRACTICE,
               offer=FORGETS, cuts=("whole",))  # fmt: skip


def bomb() -> bytes:
    """Few bytes that inflate to 32 MiB."""
    state = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (state.compress(bytes(1 << 25)) + state.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def zeros() -> bytes:
    """What the bomb inflates to."""
    return bytes(1 << 25)


def bomb_start() -> bytes:
    """The first kilobyte of the bomb."""
    return bomb()[:1024]


def bomb_rest() -> bytes:
    """The rest of it."""
    return bomb()[1024:]


def _bombs() -> Iterator[Case]:
    refused = Outcome((), (), End(frozenset({1009})))
    accepts = (refused, Outcome((Said(BINARY, zeros),), (), None, Word.NON_STRICT))
    whole = (Send(BINARY, bomb, rsv=RSV1),)
    fragments = (Send(BINARY, bomb_start, fin=False, rsv=RSV1), Send(CONT, bomb_rest))
    for name, how, steps in (("bomb", "in one frame", whole), ("bomb-in-fragments", "in fragments", fragments)):
        shows = f"A message of 33 kB {how} that inflates to 32 MiB should be refused with 1009, or come back."
        yield Case(name, shows, RFC_7692["section-8"], steps, accepts, PRACTICE, offer=OFFER, cuts=("whole",),
                   survives=True, heavy=True)  # fmt: skip


register(__name__, "compression-data", ABOUT, cases())
