"""RFC 6455, sections 5.6 and 8.1: text is UTF-8."""

from collections.abc import Iterator

from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import CONT, TEXT

from .case import (
    HELLO_BACK,
    LATE,
    Case,
    Octets,
    Pause,
    Said,
    Send,
    echo,
    fails,
    ping,
    text,
)
from .registering import register
from .utf8 import MIXED, SCRIPTS, valid_or_not

CLAUSE, TEXTS = RFC_6455["section-8.1"], RFC_6455["section-5.6"]
ABOUT = """Text that is no UTF-8 must end the connection, and every text that is must arrive, whatever its characters.

Usual cause: a lenient decoder; a decoder for each fragment instead of one for the message; a list of characters that
somebody thinks nobody needs.
"""
LINE = SCRIPTS["greek-cyrillic"].encode()
BAD = b"ab\xed\xa0\x80cd"  # a surrogate between letters


def fragments(*parts: bytes) -> tuple[Send, ...]:
    """A text message in these fragments."""
    last = len(parts) - 1
    return tuple(Send(CONT if n else TEXT, part, fin=n == last) for n, part in enumerate(parts))


def by_size(data: bytes, size: int) -> tuple[Send, ...]:
    """A text message in fragments of that many bytes."""
    return fragments(*(data[start : start + size] for start in range(0, len(data), size)))


def cases() -> Iterator[Case]:
    """Texts in fragments, faults that can be noticed early, and every sequence of the table."""
    yield from _cut_texts()
    yield from _early()
    for sequence in valid_or_not():
        if sequence.valid:
            shows = f"A text with {sequence.words} must come back as it was."
            yield Case(sequence.name, shows, TEXTS, (text(sequence.data),), echo(Said(TEXT, sequence.data)),
                       cuts=("whole", "octets"))  # fmt: skip
        else:
            shows = f"A text with {sequence.words} must fail the connection."
            yield Case(sequence.name, shows, CLAUSE, (text(sequence.data), LATE), fails(1007))


def _cut_texts() -> Iterator[Case]:
    first, rest = LINE[:4], LINE[4:]
    for name, where, parts in (
        ("empty-before", "before", (b"", first, rest)),
        ("empty-between", "between", (first, b"", rest)),
        ("empty-after", "after", (first, rest, b"")),
    ):
        shows = f"A text with an empty fragment {where} the others must arrive whole."
        yield Case(name, shows, TEXTS, fragments(*parts), echo(Said(TEXT, LINE)))
    characters = SCRIPTS["cjk"]
    for name, how, steps, data in (
        ("cut-between-characters", "between characters", fragments(*(c.encode() for c in characters)), characters),
        ("cut-inside-characters", "inside characters", by_size(characters.encode(), 4), characters),
        ("cut-everywhere", "behind every byte", by_size(characters.encode(), 1), characters),
        ("cut-inside-long-characters", "inside characters of four bytes", by_size("😀𝄞𐍈".encode(), 2), "😀𝄞𐍈"),
    ):
        shows = f"A text that is cut into fragments {how} must arrive whole."
        yield Case(name, shows, TEXTS, steps, echo(Said(TEXT, data.encode())))
    shows = "A text with a fault in one of its fragments must fail the connection."
    yield Case("invalid-in-one-fragment", shows, CLAUSE, (*fragments(b"sound ", BAD, b" sound"), LATE), fails(1007))
    shows = "A text with a fault that is spread over fragments must fail the connection."
    yield Case("invalid-over-fragments", shows, CLAUSE, (*by_size(BAD, 1), LATE), fails(1007))
    shows = "A text that ends inside a character must fail the connection, though each fragment could go on."
    yield Case("invalid-at-the-end", shows, CLAUSE, (*fragments(MIXED[:4], MIXED[4:5]), LATE), fails(1007))
    shows = "A text that ends inside a character must fail the connection, also after a sound message."
    steps = (text("hello"), text(MIXED[:5]), LATE)
    yield Case("invalid-after-message", shows, CLAUSE, steps, fails(1007, before=(HELLO_BACK,)))


def _early() -> Iterator[Case]:
    """Faults that show before the message is whole; to notice them then is strict, and later is allowed."""
    for name, where, parts in (
        ("early-fragment", "in a first fragment", (BAD, b" more")),
        ("early-cut-character", "over two fragments of three", (b"ab\xf4", b"\x90\x80", b" more")),
    ):
        *before, last = fragments(*parts)
        shows = f"A fault {where} must fail the connection, at once or when the message is whole."
        # The ping makes the server say whether it has noticed: there is no waiting for what may never come.
        steps = (*before, ping(b"still there?"), last, LATE)
        yield Case(name, shows, CLAUSE, steps, fails(1007, pongs=(b"still there?",)))
    for name, seen, where in (("early-in-frame", len(BAD), "first part"), ("early-at-fault", 5, "last byte read")):
        shows = f"A fault in the {where} of a frame must fail the connection, at once or when the frame is whole."
        head = bytes([0x81, 0x80 | len(BAD) + 100]) + b"\x00" * 4
        payload = BAD + b"x" * 100
        torn = (Octets(head + payload[:seen]), Pause(0.2), Octets(payload[seen:]), LATE)
        yield Case(name, shows, CLAUSE, torn, fails(1007), cuts=("whole",))


register(__name__, "utf8", ABOUT, cases())
