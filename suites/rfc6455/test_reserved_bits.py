"""RFC 6455, section 5.2: the reserved bits RSV1 to RSV3, when no extension was agreed on."""

from collections.abc import Iterator

from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import BINARY, CLOSE, NAMES, PING, TEXT, close_payload

from .case import HELLO, HELLO_BACK, LATE, Case, Send, fails, fails_as_faulty
from .registering import register

ABOUT = """The bits belong to extensions. A server that ignores one takes compressed data, say, for a message.

Usual cause: the opcode is masked out of the first byte, and the rest of it is not looked at.
"""
CLAUSE = RFC_6455["section-5.2"]
PAYLOADS = {TEXT: b"text", BINARY: b"\x01\x02", PING: b"ping", CLOSE: close_payload(1000)}


def cases() -> Iterator[Case]:
    """Each combination of the bits twice: on its own, and after a message; the kinds of frames take turns."""
    for bits in range(1, 8):
        kind = (TEXT, BINARY, PING, CLOSE)[bits % 4]
        faulty = Send(kind, PAYLOADS[kind], rsv=bits)
        accepts = fails_as_faulty(1002) if kind == CLOSE else fails(1002)
        shows = f"A {NAMES[kind]} frame with {_named(bits)} must fail the connection."
        yield Case(f"{NAMES[kind]}-{bits}", shows, CLAUSE, (faulty, LATE), accepts)
        kind = (BINARY, PING, TEXT, BINARY)[bits % 4]
        faulty = Send(kind, PAYLOADS[kind], rsv=bits)
        shows = f"A {NAMES[kind]} frame with {_named(bits)} must fail the connection, also after a sound message."
        accepts = fails(1002, before=(HELLO_BACK,))
        yield Case(f"{NAMES[kind]}-{bits}-after-message", shows, CLAUSE, (HELLO, faulty, LATE), accepts)


def _named(bits: int) -> str:
    names = [name for name, bit in (("RSV1", 4), ("RSV2", 2), ("RSV3", 1)) if bits & bit]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[:-1] else names)


register(__name__, "reserved-bits", ABOUT, cases())
