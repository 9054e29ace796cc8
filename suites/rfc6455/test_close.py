"""RFC 6455, sections 5.5.1 and 7: a close that the client begins."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from asgi_conformance import PRACTICE
from asgi_conformance.spec import RFC_6455
from asgi_conformance.websocket.frames import BINARY, CLOSE, CONT, NO_CODE, TEXT, close_payload

from .case import (
    HELLO,
    HELLO_BACK,
    LATE,
    Case,
    End,
    Heard,
    Outcome,
    Said,
    Send,
    Step,
    Word,
    close,
    closes,
    echo_or_too_big,
    fails_as_faulty,
    ping,
)
from .payloads import filler
from .registering import register
from .utf8 import valid_or_not

CLOSING, CODES, PRIVATE, TEXTS = (RFC_6455[f"section-{n}"] for n in ("5.5.1", "7.4.1", "7.4.2", "8.1"))
ABOUT = """A client that closes in order waits for the answer; without one it cannot tell a server that is gone from one
that has understood.

Usual cause: the close is handed to the application and answered only when that has ended, or TCP is left open.
"""
LARGE = partial(filler, BINARY, 1 << 18)
FRAGMENT = Send(TEXT, b"a message without ", fin=False)
LONGEST = b"r" * 123


def cases() -> Iterator[Case]:
    """The handshake by itself, then payloads, then codes."""
    yield from _handshakes()
    yield from _payloads()
    yield from _reasons()
    yield from _codes()


def _closed(name: str, shows: str, *steps: Step, before: tuple[Said, ...] = ()) -> Case:
    return Case(name, shows, CLOSING, steps, closes(1000, before=before, tcp=True))


def _handshakes() -> Iterator[Case]:
    yield _closed("at-once", "A close right after the handshake must be answered, and TCP closed.", close())
    yield _closed("after-message", "A close after an answered message must be answered, and TCP closed.",
                  HELLO, Heard(1), close(), before=(HELLO_BACK,))  # fmt: skip
    yield _closed("behind-message", "A close right behind a message must be answered, and TCP closed.",
                  HELLO, close(), before=(HELLO_BACK,))  # fmt: skip
    yield _closed("twice", "A second close must not be answered by a second one.", close(), close())
    yield _closed("ping-behind", "What comes behind a close must not keep the close from being answered.",
                  close(), ping(b"too late"))  # fmt: skip
    yield _closed("text-behind", "A message behind a close must not be served.", close(), LATE)
    for name, shows, steps in (
        ("rest-of-message-behind", "The rest of a message behind a close must not be served.",
         (FRAGMENT, close(), Send(CONT, b"an end"))),
        ("inside-message", "A close between the fragments of a message must be answered.", (FRAGMENT, close())),
    ):  # fmt: skip
        # A control frame is legal there; whether a message may stay unfinished, no sentence says.
        yield Case(name, shows, CLOSING, steps, closes(1000, 1002, tcp=True))
    large = Said(BINARY, LARGE)
    shows = "A close right behind a large message must be answered, and TCP closed."
    steps = (Send(BINARY, LARGE), close())
    accepts = (*closes(1000, before=(large,), tcp=True), *echo_or_too_big(large)[1:])
    yield Case("behind-large-message", shows, CLOSING, steps, accepts, cuts=("whole",))


def _payloads() -> Iterator[Case]:
    shows = "A close without a code must be answered."
    yield Case("payload-none", shows, CLOSING, (close(None),), closes(NO_CODE, 1000), close_judged=False)
    shows = "A close with one byte must fail the connection: a code has two."
    yield Case("payload-1", shows, CLOSING, (Send(CLOSE, b"\x03"), LATE), fails_as_faulty(1002))
    yield Case("payload-2", "A close with a code alone must be answered.", CLOSING, (close(1000),), closes(1000))
    shows = "A close with a code and a reason must be answered."
    yield Case("payload-reason", shows, CLOSING, (close(1000, "danke, tschüß".encode()),), closes(1000))
    shows = "A close with the longest reason, 123 bytes, must be answered."
    yield Case("payload-longest", shows, CLOSING, (close(1000, LONGEST),), closes(1000))
    shows = "A close with a reason of 124 bytes must fail the connection: control frames have 125 at most."
    steps = (close(1000, LONGEST + b"r"), LATE)
    yield Case("payload-too-long", shows, RFC_6455["section-5.5"], steps, fails_as_faulty(1002))


def _reasons() -> Iterator[Case]:
    """A few faults of each group: the decoder is the same as for texts, where it is asked at all."""
    wanted = {
        "prefix-2", "last-of-4", "stray-80", "starts-of-3", "cut-first-of-4", "impossible-ff", "overlong-slash-2",
        "overlong-nul-3", "surrogate-d800", "surrogates-d800-dc00", "border-110000",
    }  # fmt: skip
    for sequence in valid_or_not():
        if sequence.name in wanted:
            shows = f"A close whose reason has {sequence.words} must fail the connection."
            steps = (close(1000, b"because " + sequence.data), LATE)
            yield Case(f"reason-{sequence.name}", shows, TEXTS, steps, fails_as_faulty(1007))
    shows = "A close whose reason has characters of every length must be answered."
    yield Case("reason-valid", shows, TEXTS, (close(1000, "añ€𝄞".encode()),), closes(1000))


def _codes() -> Iterator[Case]:
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        clause = CODES if code < 3000 else PRIVATE
        shows = f"A close with the code {code} must be answered as the ordinary close that it is."
        yield Case(f"code-{code}", shows, clause, (close(code),), closes(code, 1000))
    for code in (1005, 1006, 1015):
        shows = f"A close with the code {code}, which no frame may bear, must not be echoed."
        yield _bad_code(code, shows, faulty=True)
    for code in (0, 999, 1004, 1016, 1100, 2000, 2999):
        shows = f"A close with the code {code}, which has no meaning, should be told as a protocol error."
        yield _bad_code(code, shows, faulty=False)
    for code in (1012, 1013, 1014, 5000, 65_535):
        shows = f"A close with the code {code}, for which RFC 6455 has no rule, should end the connection."
        accepts = (Outcome((), (), End(frozenset({code, 1000, 1002, NO_CODE}), None), Word.INFORMATIONAL),)
        steps = (Send(CLOSE, close_payload(code)),)
        yield Case(f"code-{code}", shows, PRIVATE, steps, accepts, PRACTICE, close_judged=False)


def _bad_code(code: int, shows: str, *, faulty: bool) -> Case:
    """The reader of frames takes an echo of such a code for the breach that it is."""
    case = Case(f"code-{code}", shows, CODES, (close(code),), fails_as_faulty(1002))
    end = End(frozenset({1002}), frozenset({1000, NO_CODE, 1003, 1007, 1008, 1011}))
    return replace(case, accepts=(Outcome((), (), end),), level=case.level if faulty else PRACTICE)


register(__name__, "close", ABOUT, cases())
