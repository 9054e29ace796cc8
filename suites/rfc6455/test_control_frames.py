"""RFC 6455, sections 5.4 and 5.5: control frames in places where they disturb."""

from functools import partial

from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import BINARY, CONT, PING, PONG, RSV1, TEXT

from .case import (
    HELLO,
    HELLO_BACK,
    Case,
    Heard,
    Outcome,
    Packed,
    Said,
    Send,
    close,
    closes,
    echo,
    echo_or_too_big,
    ping,
)
from .payloads import filler
from .registering import register

BETWEEN, CONTROL = RFC_6455["section-5.4"], RFC_6455["section-5.5"]
ABOUT = """Control frames may come at any time, in any number, and must not change what the messages around them say.

Usual cause: a queue for them without a bound; an answer that is written into the middle of a message.
"""
OFFER = "permessage-deflate"
LARGE = partial(filler, BINARY, 200_000)
PINGS = tuple(Send(PING, b"%d" % number) for number in range(1000))
FLOOD = tuple(b"%d" % number for number in range(1000))

CASES = (
    Case("between-messages", "Pings between messages must be answered, and the messages come back.", CONTROL,
         (ping(b"1"), HELLO, ping(b"2"), HELLO, ping(b"3")), (Outcome((HELLO_BACK,) * 2, (b"1", b"2", b"3")),)),
    Case("behind-large-message", "A ping behind a large message must be answered.", CONTROL,
         (Send(BINARY, LARGE), ping(b"behind")), echo_or_too_big(Said(BINARY, LARGE), pongs=(b"behind",)),
         cuts=("whole",)),
    Case("during-answer", "Pings must not break into an answer that has several segments.", CONTROL,
         (Send(BINARY, LARGE), *PINGS[:20]), echo_or_too_big(Said(BINARY, LARGE), pongs=FLOOD[:20]), cuts=("whole",)),
    Case("flood-of-pings", "Of a thousand pings, the last one at least must be answered.", CONTROL,
         PINGS, (Outcome((), FLOOD),), cuts=("whole", 997)),
    Case("flood-of-pings-in-message", "A thousand pings between two fragments must not spoil the message.", BETWEEN,
         (Send(TEXT, b"hel", fin=False), *PINGS, Send(CONT, b"lo")), (Outcome((HELLO_BACK,), FLOOD),),
         cuts=("whole", 997)),
    Case("pongs-without-end", "A thousand pongs that nobody asked for must not disturb the next message.", CONTROL,
         (*(Send(PONG, b"p%d" % number) for number in range(1000)), HELLO), echo(HELLO_BACK), cuts=("whole", 997)),
    Case("ping-in-compressed", "A ping amid compressed messages must be answered, and is not compressed.", CONTROL,
         (Packed(TEXT, b"hello"), ping(b"plain"), Packed(TEXT, b"hello")),
         (Outcome((HELLO_BACK,) * 2, (b"plain",)),), offer=OFFER),
    Case("pong-in-compressed-fragments", "A pong between compressed fragments must not disturb the message.", BETWEEN,
         (Send(TEXT, b"\xca\x48", fin=False, rsv=RSV1), Send(PONG, b"?"), Send(CONT, b"\xcd\xc9\xc9\x07\x00")),
         echo(HELLO_BACK), offer=OFFER),
    Case("close-in-compressed-fragments", "A close between compressed fragments must be answered.", CONTROL,
         (Send(TEXT, b"\xca\x48", fin=False, rsv=RSV1), close()), closes(1000, 1002), offer=OFFER),
    Case("ping-before-closing", "A ping may stay without an answer where a close follows; the close must be answered.",
         CONTROL, (ping(b"last"), close()), closes(1000)),
    Case("ping-awaited-each-time", "Each of a hundred pings must be answered before the next one is sent.", CONTROL,
         tuple(step for n in range(100) for step in (PINGS[n], Heard(pongs=n + 1))), (Outcome((), FLOOD[:100]),),
         cuts=("whole",)),
)  # fmt: skip

register(__name__, "control-frames", ABOUT, CASES)
