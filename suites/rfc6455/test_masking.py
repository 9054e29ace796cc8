"""RFC 6455, sections 5.1 and 5.3: the mask of the client's frames."""

from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_payload

from .case import HELLO, HELLO_BACK, LATE, Case, Outcome, Said, Send, echo, fails, fails_as_faulty
from .registering import register

MUST_MASK, KEYS = RFC_6455["section-5.1"], RFC_6455["section-5.3"]
ABOUT = """The mask keeps proxies from taking a payload for a request; a server that accepts frames without one makes
the protection worthless.

Usual cause: the mask bit is used and not required.
"""
ZERO, ONES, LIKE_A_FRAME = b"\x00" * 4, b"\xff" * 4, b"\x81\x05he"
FIRST = Send(TEXT, b"one, ", fin=False)


def unmasked(name: str, shows: str, *steps: Send, before: tuple[Said, ...] = ()) -> Case:
    """A case in which the connection has to fail."""
    accepts = fails_as_faulty(1002) if steps[-1].opcode == CLOSE else fails(1002, before=before)
    return Case(name, shows, MUST_MASK, (*steps, LATE), accepts)


def masked(name: str, shows: str, *steps: Send, back: Said) -> Case:
    """A case in which the message comes back."""
    return Case(name, shows, KEYS, steps, echo(back))


CASES = (
    unmasked("text-unmasked", "A text without a mask must fail the connection.", Send(TEXT, b"naked", key=None)),
    unmasked("text-unmasked-after-message", "A text without a mask must fail the connection, also after a sound one.",
             HELLO, Send(TEXT, b"naked", key=None), before=(HELLO_BACK,)),
    unmasked("binary-unmasked", "A binary message without a mask must fail the connection.",
             Send(BINARY, b"\x00\x01", key=None)),
    unmasked("empty-unmasked", "An empty message without a mask must fail the connection.", Send(TEXT, key=None)),
    unmasked("continuation-unmasked", "A continuation without a mask must fail the connection.",
             FIRST, Send(CONT, b"two", key=None)),
    unmasked("ping-unmasked", "A ping without a mask must fail the connection.", Send(PING, b"naked", key=None)),
    unmasked("pong-unmasked", "A pong without a mask must fail the connection.", Send(PONG, b"naked", key=None)),
    unmasked("close-unmasked", "A close without a mask must fail the connection.",
             Send(CLOSE, close_payload(1000), key=None)),
    masked("zero-key", "A mask of zeros must be taken as any other.", Send(TEXT, b"zeros", key=ZERO),
           back=Said(TEXT, b"zeros")),
    masked("key-of-ones", "A mask of ones must be taken as any other.", Send(BINARY, b"\x00\xff\x0f", key=ONES),
           back=Said(BINARY, b"\x00\xff\x0f")),
    masked("key-like-a-frame", "A key that looks like a frame must be taken for a key.",
           Send(TEXT, b"hello, frame", key=LIKE_A_FRAME), back=Said(TEXT, b"hello, frame")),
    masked("key-for-each-fragment", "Each fragment has a mask of its own, which must be used for it.",
           Send(TEXT, b"one, ", fin=False, key=b"\x01\x02\x03\x04"), Send(CONT, b"two", key=b"\xf1\xf2\xf3\xf4"),
           back=Said(TEXT, b"one, two")),
    Case("server-unmasked", "Frames of the server must not be masked.", MUST_MASK,
         (HELLO, Send(PING, b"and a pong")), (Outcome((HELLO_BACK,), (b"and a pong",)),)),
)  # fmt: skip

register(__name__, "masking", ABOUT, CASES)
