"""RFC 6455, section 5.2: whole messages of every length form, as text and as binary."""

from collections.abc import Iterator
from functools import partial

from asgi_conformance.spec import RFC_6455

from .case import Case, Cut, Payload, Said, Send, echo, echo_or_too_big
from .payloads import filler
from .registering import register

ABOUT = """The payload length has three forms on the wire, and a message must come through each of them unchanged.

Usual cause: a border that is off by one, or a read that is taken for a frame.
"""
SIZES = (0, 125, 126, 127, 128, 65_535, 65_536)
KINDS = {"text": 1, "binary": 2}


def cases() -> Iterator[Case]:
    """The lengths around the borders; the longest once more in segments that end nowhere."""
    for kind, opcode in KINDS.items():
        for size in SIZES:
            yield _case(f"{kind}-{size}", opcode, size, ("whole", "octets") if size < 1000 else ("whole",))
        yield _case(f"{kind}-65536-in-pieces", opcode, 65_536, (997,), ", in segments of 997 bytes")


def _case(name: str, opcode: int, size: int, cuts: tuple[Cut, ...], how: str = "") -> Case:
    payload: Payload = partial(filler, opcode, size)
    kind = name.partition("-")[0]
    accepts = echo(Said(opcode, payload)) if size < 60_000 else echo_or_too_big(Said(opcode, payload))
    shows = f"A {kind} message of {size} bytes{how} must be received as it was sent."
    return Case(name, shows, RFC_6455["section-5.2"], (Send(opcode, payload),), accepts, cuts=cuts)


register(__name__, "framing", ABOUT, cases())
