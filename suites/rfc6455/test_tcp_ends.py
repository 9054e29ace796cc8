"""RFC 6455, section 7.1: TCP ends where no close frame came before it."""

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import TEXT, encode

from .case import HELLO, HELLO_BACK, Case, CloseHeard, End, Heard, Leave, Octets, Outcome, Send, Step, text
from .registering import MIRROR, register, survived
from .wire import WITHIN, Wire

CLAUSE = RFC_6455["section-7.1.1"]
ABOUT = """Networks fail without a farewell. The server should notice, let its own side go, and serve the others.

Usual cause: an error of the socket that nobody expects at that place.
"""
FRAME = encode(TEXT, b"half a frame", key=b"\x01\x02\x03\x04")
INSIDE_FRAME, INSIDE_MESSAGE = Octets(FRAME[:9]), Send(TEXT, b"half a message", fin=False)
ENDED = (Outcome((HELLO_BACK,), (), End(frozenset(), None)),)


def ended(name: str, where: str, *steps: Step, told: str | None = None, answers: bool = True) -> tuple[Case, Case]:
    """The two cases of one place: FIN, after which the server has to end its own side, and a reset."""
    shows = "A connection that the client {} {} should be let go by the server."
    fin = Case(f"fin-{name}", shows.format("ends", where), CLAUSE, (*steps, Leave("half")), ENDED, PRACTICE,
               cuts=("whole",), told=told, answers=answers, survives=True, close_judged=False)  # fmt: skip
    gone = (Outcome((HELLO_BACK,)), Outcome(), Outcome((), (), End(frozenset(), None)))
    reset = Case(f"reset-{name}", shows.format("resets", where), CLAUSE, (*steps, Leave("reset")), gone, PRACTICE,
                 cuts=("whole",), told=told, answers=answers, survives=True, close_judged=False)  # fmt: skip
    return fin, reset


CASES = (
    *ended("idle", "while nothing is said", HELLO, Heard(1)),
    *ended("inside-frame", "inside a frame", INSIDE_FRAME),
    *ended("inside-message", "between two fragments", INSIDE_MESSAGE),
    *ended("behind-message", "right behind a message", HELLO),
    *ended("behind-server-closing", "instead of answering the server's close", text("close 4000"), CloseHeard(),
           told="", answers=False),
)  # fmt: skip

register(__name__, "tcp-ends", ABOUT, CASES)


@check("rfc6455.tcp-ends.fin-before-handshake", level=PRACTICE, clause=CLAUSE, needs=MIRROR)
async def test_fin_before_handshake(probe: Probe) -> None:
    """A connection that the client ends before the handshake should be let go by the server."""
    async with Wire(probe) as wire:
        wire.connection.half_close()
        await _let_go(wire)
    await survived(probe)


@check("rfc6455.tcp-ends.fin-inside-handshake", level=PRACTICE, clause=CLAUSE, needs=MIRROR)
async def test_fin_inside_handshake(probe: Probe) -> None:
    """A connection that the client ends inside the handshake should be let go by the server."""
    async with Wire(probe) as wire:
        host, target = wire.place()
        await wire.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgr".encode())
        wire.connection.half_close()
        await _let_go(wire)
    await survived(probe)


@check("rfc6455.tcp-ends.reset-inside-handshake", level=PRACTICE, clause=CLAUSE, needs=MIRROR)
async def test_reset_inside_handshake(probe: Probe) -> None:
    """A connection that the client resets inside the handshake should do no harm to others."""
    async with Wire(probe) as wire:
        host, target = wire.place()
        await wire.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgr".encode())
        wire.connection.reset()
    await survived(probe)


async def _let_go(wire: Wire) -> None:
    if await wire.connection.ended(WITHIN) == "open":
        raise Violation(expected="the end of the connection", observed=f"it open after {WITHIN:g} s")
