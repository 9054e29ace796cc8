"""RFC 6455, section 5.2: lengths in a longer form than needed, and lengths that are no lengths."""

from asgi_conformance import PRACTICE
from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import BINARY, PING, TEXT

from .case import Case, End, Leave, Outcome, Said, Send, Word, fails
from .registering import register

CLAUSE, LIMITS = RFC_6455["section-5.2"], RFC_6455["section-10.4"]
ABOUT = """A sender has to take the shortest form; what a receiver makes of another one is its own choice. A length that
cannot be is a fault, and one that is too large should be refused before its bytes are waited for.

Usual cause: memory is set aside, or waited for, for whatever length a frame claims.
"""
LINE = b"a line of text"
LONG = bytes(range(200))


def longer(name: str, shows: str, sent: Send) -> Case:
    """A case in which both are acceptable."""
    taken = Outcome((Said(sent.opcode, sent.payload),), (), None, Word.INFORMATIONAL)
    if sent.opcode == PING:
        taken = Outcome((), (LINE,), None, Word.INFORMATIONAL)
    return Case(name, shows, CLAUSE, (sent,), (taken, *fails(1002)), PRACTICE)


CASES = (
    longer("16-bits-for-14-bytes", "A length in 16 bits that needs 7 should be taken or refused, and not misread.",
           Send(TEXT, LINE, form=16)),
    longer("64-bits-for-14-bytes", "A length in 64 bits that needs 7 should be taken or refused, and not misread.",
           Send(TEXT, LINE, form=64)),
    longer("64-bits-for-200-bytes", "A length in 64 bits that needs 16 should be taken or refused, and not misread.",
           Send(BINARY, LONG, form=64)),
    longer("64-bits-for-nothing", "A length of nothing in 64 bits should be taken or refused, and not misread.",
           Send(TEXT, form=64)),
    longer("16-bits-in-ping", "A ping's length in 16 bits should be taken or refused, and not misread.",
           Send(PING, LINE, form=16)),
    Case("highest-bit", "A length whose highest bit is set should fail the connection.", CLAUSE,
         (Send(BINARY, LINE, form=64, declared=1 << 63 | len(LINE)),), fails(1002, 1009), PRACTICE),
    Case("far-too-large", "A frame that claims 2**62 bytes should be refused before they are there.", LIMITS,
         (Send(BINARY, LINE, form=64, declared=1 << 62),), fails(1009, 1002), PRACTICE),
    Case("never-comes", "A frame of which a part never comes should not outlive the connection.", LIMITS,
         (Send(BINARY, LINE, declared=100), Leave("half")), (Outcome((), (), End(frozenset(), None)),), PRACTICE,
         close_judged=False, survives=True),
)  # fmt: skip

register(__name__, "length-forms", ABOUT, CASES)
