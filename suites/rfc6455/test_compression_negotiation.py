"""RFC 7692, sections 5 and 7.1: offers of compression, and what a server may answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from asgi_conformance import MUST, PRACTICE, Blocked, Probe, Violation
from asgi_conformance.spec import RFC_7692
from asgi_conformance.verdict import Level
from asgi_conformance.websocket.deflate import agreed
from asgi_conformance.websocket.frames import TEXT, BreachError

from .case import Case, Packed, echo, said
from .engine import play
from .registering import MIRROR, Judge, define
from .wire import Wire

PLAIN = "permessage-deflate"
ABOUT = """An offer that a server cannot keep to, or that is not well formed, must be declined; an answer has to be to
one of the offers.

Usual cause: parameters that are read until one is known, and numbers that are not checked.
"""
CLAUSE = RFC_7692["section-7.1"]
MESSAGES = tuple(Packed(TEXT, b"compressed under the agreement, whatever it is") for _ in range(3))


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer; `sound` tells whether a server may take it. What it takes, it has to keep to."""

    name: str
    words: str
    value: str
    sound: bool = True
    level: Level = MUST


def offers() -> Iterator[Offer]:
    """Sound ones, of which a server may take each or none; then such as must be declined."""
    for bits in range(8, 16):
        yield Offer(
            f"server-window-{bits}", f"a server window of {bits} bits", f"{PLAIN}; server_max_window_bits={bits}"
        )
        yield Offer(
            f"client-window-{bits}", f"a client window of {bits} bits", f"{PLAIN}; client_max_window_bits={bits}"
        )
    yield Offer("client-window-hint", "a client window of any size", f"{PLAIN}; client_max_window_bits")
    yield Offer("quoted-window", "a window in quotes", f'{PLAIN}; server_max_window_bits="10"')
    everything = f"{PLAIN}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"
    yield Offer("everything", "every parameter at once", f"{everything}; client_max_window_bits=10")
    yield Offer("in-capitals", "a name in capitals", "Permessage-Deflate", level=PRACTICE)
    yield Offer("unusable-first", "an unusable first choice", f"{PLAIN}; x-parameter=1, {PLAIN}")
    yield Offer("other-extension-first", "another extension first", f"x-unknown; a=1, {PLAIN}")
    for name, words, parameters in (
        ("unknown-parameter", "an unknown parameter", "x-parameter=1"),
        ("window-7", "a window of 7 bits", "server_max_window_bits=7"),
        ("window-16", "a window of 16 bits", "server_max_window_bits=16"),
        ("window-missing", "a server window without a value", "server_max_window_bits"),
        ("window-no-number", "a window that is no number", "server_max_window_bits=ten"),
        ("window-leading-zero", "a window with a zero in front", "server_max_window_bits=010"),
        ("client-window-7", "a client window of 7 bits", "client_max_window_bits=7"),
        ("client-window-no-number", "a client window that is no number", "client_max_window_bits=x"),
        ("flag-with-value", "a value where there is none", "server_no_context_takeover=1"),
        ("client-flag-with-value", "a value for the client's flag", "client_no_context_takeover=true"),
        ("flag-twice", "the same flag twice", "server_no_context_takeover; server_no_context_takeover"),
        ("window-twice", "a window twice", "server_max_window_bits=10; server_max_window_bits=12"),
    ):
        yield Offer(name, words, f"{PLAIN}; {parameters}", sound=False)


def judge_of(offer: Offer) -> Judge:
    """The answer keeps to the offer, and so do the messages."""

    async def judge(probe: Probe) -> None:
        async with Wire(probe) as wire:
            try:
                await wire.shake(offer.value)
            except Blocked as reason:
                if offer.sound or not wire.head.status:
                    raise Violation(expected="an answer to the handshake", observed=str(reason)) from None
                return  # a refusal of the whole handshake declines the offer, too
            answer = ", ".join(wire.head.all(b"sec-websocket-extensions"))
        if not offer.sound and answer:
            raise Violation(expected="the offer declined", observed=f"the answer {answer!r}")
        try:
            agreement = agreed(offer.value, answer)
        except BreachError as breach:
            raise Violation(expected=f"an answer to the offer {offer.value!r}", observed=str(breach)) from None
        if agreement is not None:
            case = Case(offer.name, "", CLAUSE, MESSAGES, echo(*said(*MESSAGES)), cuts=("whole",), offer=offer.value)
            result = await play(probe, case, "whole")
            if result.outcome is None:
                raise Violation(expected=f"echoes under the agreement {answer!r}", observed=result.observed)

    return judge


def _register(made: Iterator[Offer]) -> None:
    for offer in made:
        if offer.sound:
            shows = f"An offer with {offer.words} must be declined, or be kept to in the answer and in what follows."
        else:
            shows = f"An offer with {offer.words} must be declined."
        binding = (offer.level, CLAUSE, MIRROR)
        define(__name__, f"negotiation.{offer.name}", binding, f"{shows}\n\n{ABOUT}", judge_of(offer))


_register(offers())
