"""RFC 6455, section 5.4: messages in several frames."""

from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_payload

from .case import LATE, Case, Heard, Outcome, Said, Send, echo, fails, fails_as_faulty, ping
from .registering import register

CLAUSE, CONTROL = RFC_6455["section-5.4"], RFC_6455["section-5.5"]
ABOUT = """Fragments of a message come in order, begin with its opcode and go on with continuations; only control frames
may stand between them.

Usual cause: a frame is taken for a message, or the state between two frames is lost at a control frame.
"""


def first(data: bytes, opcode: int = TEXT) -> Send:
    """The first fragment of a message."""
    return Send(opcode, data, fin=False)


def middle(data: bytes) -> Send:
    """A fragment that another one follows."""
    return Send(CONT, data, fin=False)


def last(data: bytes) -> Send:
    """The last fragment of a message."""
    return Send(CONT, data)


WHOLE = Said(TEXT, b"fragment one, fragment two")
ONE, TWO = first(b"fragment one, "), last(b"fragment two")
MANY = tuple(b"%d " % number for number in range(20))


def sound(name: str, shows: str, *steps: Send | Heard, pongs: tuple[bytes, ...] = (), back: Said = WHOLE) -> Case:
    """A case in which a message comes back whole."""
    return Case(name, shows, CLAUSE, steps, echo(back, pongs=pongs))


def faulty(name: str, shows: str, *steps: Send, before: tuple[Said, ...] = ()) -> Case:
    """A case in which the connection has to fail."""
    return Case(name, shows, CLAUSE, (*steps, LATE), fails(1002, before=before))


CASES = (
    Case("ping", "A ping with FIN not set must fail the connection.", CONTROL,
         (Send(PING, b"one", fin=False), LATE), fails(1002)),
    Case("pong", "A pong with FIN not set must fail the connection.", CONTROL,
         (Send(PONG, b"one", fin=False), LATE), fails(1002)),
    Case("close", "A close with FIN not set must fail the connection.", CONTROL,
         (Send(CLOSE, close_payload(1000), fin=False), LATE), fails_as_faulty(1002)),
    sound("two", "A text message in two fragments must arrive as one.", ONE, TWO),
    sound("two-binary", "A binary message in two fragments must arrive as one.",
          first(b"\x00\x01", BINARY), last(b"\xff"), back=Said(BINARY, b"\x00\x01\xff")),
    sound("two-with-ping", "A ping between two fragments must be answered, and the message arrive whole.",
          ONE, ping(b"between"), TWO, pongs=(b"between",)),
    sound("two-with-answered-ping", "A ping between two fragments must be answered before the message is complete.",
          ONE, ping(b"between"), Heard(pongs=1), TWO, pongs=(b"between",)),
    sound("two-with-empty-ping", "An empty ping between two fragments must be answered.",
          ONE, ping(), TWO, pongs=(b"",)),
    sound("two-with-pong", "A pong between two fragments must not disturb the message.",
          ONE, Send(PONG, b"between"), TWO),
    sound("two-with-three-pings", "Several pings between two fragments must not disturb the message.",
          ONE, ping(b"1"), ping(b"2"), ping(b"3"), TWO, pongs=(b"1", b"2", b"3")),
    sound("five", "A message in five fragments must arrive whole.",
          first(b"1"), middle(b"2"), middle(b"3"), middle(b"4"), last(b"5"), back=Said(TEXT, b"12345")),
    sound("many", "A message in twenty fragments must arrive whole.",
          first(b""), *map(middle, MANY), last(b"."), back=Said(TEXT, b"".join(MANY) + b".")),
    sound("many-with-pings", "A message in many fragments with a ping behind each must arrive whole.",
          first(b""), *(frame for part in MANY for frame in (middle(part), ping(part))), last(b"."),
          back=Said(TEXT, b"".join(MANY) + b"."), pongs=MANY),
    sound("empty-first", "An empty first fragment must not end or spoil the message.",
          first(b""), last(b"all of it"), back=Said(TEXT, b"all of it")),
    sound("empty-last", "An empty last fragment must end the message.",
          first(b"all of it"), last(b""), back=Said(TEXT, b"all of it")),
    sound("all-empty", "A message of three empty fragments must arrive as an empty message.",
          first(b""), middle(b""), last(b""), back=Said(TEXT, b"")),
    sound("one-byte-each", "Fragments of one byte each must arrive as one message.",
          first(b"o"), middle(b"n"), middle(b"e"), last(b"!"), back=Said(TEXT, b"one!")),
    Case("two-messages", "Two fragmented messages in a row must arrive as two messages in order.", CLAUSE,
         (ONE, TWO, first(b"a", BINARY), last(b"b")), echo(WHOLE, Said(BINARY, b"ab"))),
    Case("fragmented-then-whole", "A whole message after a fragmented one must arrive as a message of its own.", CLAUSE,
         (ONE, TWO, Send(TEXT, b"whole")), echo(WHOLE, Said(TEXT, b"whole"))),
    faulty("continuation-alone", "A last continuation with nothing to continue must fail the connection.",
           last(b"of what?")),
    faulty("continuation-alone-more", "A continuation with nothing to continue must fail the connection, also when "
           "more is announced.", middle(b"of "), last(b"what?")),
    faulty("continuation-after-whole", "A continuation after a whole message must fail the connection.",
           Send(TEXT, b"whole"), last(b"more"), before=(Said(TEXT, b"whole"),)),
    faulty("continuation-after-fragmented", "A continuation after the last fragment must fail the connection.",
           ONE, TWO, middle(b"and "), last(b"more"), before=(WHOLE,)),
    faulty("continuations-repeated", "Several continuations with nothing to continue must fail the connection.",
           middle(b"1"), middle(b"2"), last(b"3")),
    faulty("text-in-text", "A new text message between two fragments must fail the connection.",
           ONE, Send(TEXT, b"intruder"), TWO),
    faulty("binary-in-text", "A binary message between two fragments of a text must fail the connection.",
           ONE, Send(BINARY, b"intruder"), TWO),
    faulty("start-in-text", "A second first fragment must fail the connection.", ONE, first(b"again"), TWO),
    faulty("start-in-binary", "A second first fragment within a binary message must fail the connection.",
           first(b"1", BINARY), first(b"2", BINARY), last(b"3")),
    Case("ping-in-first-then-fault", "A ping that was sent before a fault between fragments may be answered; the "
         "connection must fail.", CLAUSE, (ONE, ping(b"between"), Send(TEXT, b"intruder"), LATE),
         (Outcome((), (b"between",), fails(1002)[0].end),)),
)  # fmt: skip

register(__name__, "fragmentation", ABOUT, CASES)
