"""RFC 6455, section 5.2: opcodes that are not assigned."""

from collections.abc import Iterator

from asgi_conformance.spec import RFC_6455

from .case import HELLO, HELLO_BACK, LATE, Case, Send, fails
from .registering import register

ABOUT = """Nobody knows what such a frame means; to skip it would be to lose a part of the conversation.

Usual cause: a table of handlers with a default that does nothing.
"""
CLAUSE = RFC_6455["section-5.2"]
GROUPS = {"data": range(3, 8), "control": range(11, 16)}


def cases() -> Iterator[Case]:
    """Each of them empty and alone, and with a payload after a message."""
    for group, opcodes in GROUPS.items():
        for opcode in opcodes:
            shows = f"A frame with the unassigned {group} opcode {opcode} must fail the connection."
            yield Case(f"{group}-{opcode}", shows, CLAUSE, (Send(opcode), LATE), fails(1002))
            shows = f"A frame with a payload and the unassigned {group} opcode {opcode} must fail the connection."
            steps = (HELLO, Send(opcode, b"payload"), LATE)
            accepts = fails(1002, before=(HELLO_BACK,))
            yield Case(f"{group}-{opcode}-after-message", shows, CLAUSE, steps, accepts)


register(__name__, "opcodes", ABOUT, cases())
