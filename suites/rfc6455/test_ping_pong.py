"""RFC 6455, sections 5.5.2 and 5.5.3: pings and pongs."""

from asgi_conformance import PRACTICE
from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import PONG

from .case import HELLO, HELLO_BACK, LATE, Case, Outcome, Send, echo, fails, ping
from .registering import register

PINGS, PONGS, CONTROL = RFC_6455["section-5.5.2"], RFC_6455["section-5.5.3"], RFC_6455["section-5.5"]
ABOUT = """Keepalive of clients and proxies depends on it: a connection whose pings are not answered is taken for dead.

Usual cause: control frames that are left to the application, or handled only between messages.
"""
LONGEST = b"p" * 125
TEN = tuple(b"ping %d" % number for number in range(10))


def _answered(name: str, how: str, payload: bytes) -> Case:
    return Case(
        name,
        f"A ping {how} must be answered by a pong with the same payload.",
        PINGS,
        (ping(payload),),
        (Outcome((), (payload,)),),
        cuts=("whole", "octets"),
    )


CASES = (
    _answered("empty", "without a payload", b""),
    _answered("text", "with a text", b"are you there?"),
    _answered("not-text", "with bytes that are no UTF-8", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
    _answered("longest", "of 125 bytes", LONGEST),
    Case(
        "too-long",
        "A ping of 126 bytes must fail the connection.",
        CONTROL,
        (ping(LONGEST + b"p"), LATE),
        fails(1002),
    ),
    Case(
        "longest-in-pieces",
        "A ping of 125 bytes in segments of 7 bytes must be answered.",
        PINGS,
        (ping(LONGEST),),
        (Outcome((), (LONGEST,)),),
        cuts=(7,),
    ),
    Case(
        "unsolicited-pong-empty",
        "A pong that nobody asked for must be taken without an answer, also when it is empty.",
        PONGS,
        (Send(PONG), HELLO),
        echo(HELLO_BACK),
    ),
    Case(
        "unsolicited-pong",
        "A pong that nobody asked for should not be answered by another one.",
        PONGS,
        (Send(PONG, b"unsolicited"), HELLO),
        echo(HELLO_BACK),
        PRACTICE,
    ),
    Case(
        "pong-before-ping",
        "A ping must be answered with its own payload, whatever pong came before.",
        PONGS,
        (Send(PONG, b"unsolicited"), ping(b"a ping")),
        (Outcome((), (b"a ping",)),),
    ),
    Case(
        "ten",
        "Of ten pings in a row, the last one at least must be answered.",
        PONGS,
        tuple(ping(payload) for payload in TEN),
        (Outcome((), TEN),),
        cuts=("whole", "frames"),
    ),
    Case(
        "ten-in-octets",
        "Of ten pings octet by octet, the last one at least must be answered.",
        PONGS,
        tuple(ping(payload) for payload in TEN),
        (Outcome((), TEN),),
        cuts=("octets",),
    ),
)

register(__name__, "ping-pong", ABOUT, CASES)
