"""RFC 6455, sections 5.2, 5.4 and 10.4: large messages, many fragments, many segments, many messages."""

from collections.abc import Iterator
from functools import partial

from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import BINARY, TEXT

from .case import Case, Fragmented, Heard, Said, Send, Step, echo, echo_or_too_big
from .payloads import filler
from .registering import register

SIZE, FRAGMENTS, MEMORY = RFC_6455["section-5.2"], RFC_6455["section-5.4"], RFC_6455["section-10.4"]
ABOUT = """A server may have a limit for messages, and says so with 1009; within it, size and number must not matter.

Usual cause: work that grows with the square of the size, or a limit that drops the connection without a word.
"""
KINDS = {"text": TEXT, "binary": BINARY}
KIB, MIB = 1 << 10, 1 << 20
GROWING = (64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB)
SIZES_OF_FRAGMENTS = (64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB)
SEGMENTS = (64, 128, 256, 512, KIB, 2 * KIB)
ROUND_TRIPS = (0, 16, 64, 256, KIB, 4 * KIB)
TRIPS = 1000


def sized(size: int) -> str:
    """A size for a name and for a sentence."""
    return f"{size >> 20}m" if size >= MIB else f"{size >> 10}k" if size >= KIB else str(size)


def cases() -> Iterator[Case]:
    """All of them move many bytes, but for the smallest."""
    for kind, opcode in KINDS.items():
        for size in GROWING:
            payload = partial(filler, opcode, size)
            shows = f"A {kind} message of {size} bytes must be received, or be refused with 1009."
            yield _heavy(f"{kind}-{sized(size)}", shows, Send(opcode, payload))
        payload = partial(filler, opcode, 4 * MIB)
        for size in SIZES_OF_FRAGMENTS:
            shows = f"A {kind} message of 4 MiB in fragments of {size} bytes must be received, or be refused with 1009."
            yield _heavy(f"{kind}-4m-in-fragments-of-{sized(size)}", shows, Fragmented(opcode, payload, size))
        payload = partial(filler, opcode, MIB)
        for size in SEGMENTS:
            shows = f"A {kind} message of 1 MiB in segments of {size} bytes must be received, or be refused with 1009."
            yield _heavy(f"{kind}-1m-in-segments-of-{sized(size)}", shows, Send(opcode, payload), size)
        for size in ROUND_TRIPS:
            yield _round_trips(kind, opcode, size)
        payload = partial(filler, opcode, 20 * KIB)
        shows = f"A {kind} message that its sender cut into frames of 1300 bytes must arrive whole."
        yield Case(f"{kind}-cut-by-sender", shows, FRAGMENTS, (Fragmented(opcode, payload, 1300),),
                   echo(Said(opcode, payload)), cuts=("whole", "frames"))  # fmt: skip


def _heavy(name: str, shows: str, step: Send | Fragmented, segment: int = 0) -> Case:
    accepts = echo_or_too_big(Said(step.opcode, step.payload))
    return Case(name, shows, MEMORY, (step,), accepts, cuts=(segment or "whole",), heavy=True)


def _round_trips(kind: str, opcode: int, size: int) -> Case:
    payload = partial(filler, opcode, size)
    steps: list[Step] = []
    for number in range(1, TRIPS + 1):
        steps += [Send(opcode, payload), Heard(number)]
    shows = f"A thousand {kind} messages of {size} bytes, one after the other, must all come back."
    accepts = echo(*(Said(opcode, payload),) * TRIPS)
    name = f"{kind}-{TRIPS}-times-{sized(size)}"
    return Case(name, shows, RFC_6455["section-5.6"], tuple(steps), accepts, cuts=("whole",), heavy=True)


register(__name__, "limits", ABOUT, cases())
