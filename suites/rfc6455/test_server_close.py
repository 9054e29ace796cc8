"""RFC 6455, sections 5.5.1 and 7: a close that the server begins, because its application says so."""

from collections.abc import Iterator

from asgi_conformance import PRACTICE
from asgi_conformance.spec import RFC_6455

from .case import LATE, Case, CloseHeard, End, Leave, Outcome, Step, close, ping, text
from .registering import register

CLOSING, TCP, CODES = RFC_6455["section-5.5.1"], RFC_6455["section-7.1.1"], RFC_6455["section-7.4"]
ABOUT = """The close frame is the one way in which an application tells its clients why it ends, and TCP ends after it.

Usual cause: a code or reason that is replaced on its way; a server that ends TCP without waiting for the answer, or
waits for it without end.
"""
VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
REASON = "später, 再见"
TELL = text("close 4000")
CLOSED_4000 = (Outcome((), (), End(frozenset({4000}), frozenset(), frame=True, tcp=True)),)


def cases() -> Iterator[Case]:
    """Codes and reasons first, then clients of all kinds."""
    for code in VALID:
        yield _coded(code, "", f"A close with the code {code} must reach the client, and TCP end.")
        yield _coded(code, REASON, f"A close with the code {code} and a reason must reach the client as it is.")
    longest = "r" * 123
    yield _coded(4001, longest, "A close with the longest reason, 123 bytes, must reach the client as it is.")
    yield _client("client-sends", "A server must close also while the client goes on sending.",
                  TELL, *(LATE,) * 50)  # fmt: skip
    yield _client("answer-late", "The client's answer must end TCP, however late it comes.",
                  TELL, CloseHeard(), ping(b"not yet"), close(4000), answers=False)  # fmt: skip
    yield _client("answer-with-other-code", "An answer with another code must end TCP as well.",
                  TELL, CloseHeard(), close(1001), answers=False)  # fmt: skip
    yield _client("answer-without-code", "An answer without a code must end TCP as well.",
                  TELL, CloseHeard(), close(None), answers=False)  # fmt: skip
    yield _client("data-first", "Data before the client's answer must not be served, and the answer must end TCP.",
                  TELL, CloseHeard(), LATE, close(4000), answers=False)  # fmt: skip
    yield _client("fin-for-answer", "A client that ends TCP instead of answering must be let go.",
                  TELL, CloseHeard(), Leave("half"), answers=False)  # fmt: skip
    crossing = (Outcome((), (), End(frozenset({4000, 1000}), frozenset(), frame=True, tcp=True)),)
    shows = "Closes of both sides that cross must end the connection."
    yield Case("crossing", shows, TCP, (TELL, close(1000)), crossing, told="", close_judged=False)
    shows = "A client that never answers a close should be given up, so that its connection does not stay for ever."
    yield Case("never-answered", shows, TCP, (TELL, CloseHeard()), CLOSED_4000, PRACTICE, cuts=("whole",),
               told="", answers=False, close_judged=False, patience=40.0)  # fmt: skip


def _coded(code: int, reason: str, shows: str) -> Case:
    name = f"code-{code}" + ("-with-reason" if reason else "")
    end = End(frozenset({code}), frozenset(), frame=True, tcp=True, reason=reason.encode())
    steps = (text(f"close {code} {reason}".rstrip()),)
    return Case(name, shows, CODES, steps, (Outcome((), (), end),), told="", cuts=("whole",), close_judged=False)


def _client(name: str, shows: str, *steps: Step, answers: bool = True) -> Case:
    # Some servers have to give up waiting first: they stop reading when too many messages are unread.
    return Case(name, shows, TCP, steps, CLOSED_4000, told="", answers=answers, close_judged=False, survives=True,
                patience=40.0)  # fmt: skip


register(__name__, "server-close", ABOUT, cases())
