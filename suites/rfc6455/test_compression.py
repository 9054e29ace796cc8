"""RFC 7692, section 7: compressed messages of several kinds and sizes, under every offer."""

from collections.abc import Iterator
from functools import partial

from asgi_conformance.spec import RFC_7692
from asgi_conformance.websocket.frames import BINARY, TEXT

from .case import Case, Packed, echo, echo_or_too_big, said
from .payloads import KINDS, TEXTUAL, part
from .registering import register

PLAIN = "permessage-deflate"
ABOUT = """A compressed message must arrive as what was compressed, and the answer must keep to what was agreed.

Usual cause: the four bytes at the end of a flush, a context that is kept or dropped against the agreement, a window of
the wrong size. Not applicable where the server does not take the offer.
"""
# Sizes of messages; of the fragmented ones, and of their fragments.
WHOLE = (16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072)
FRAGMENTED = (
    (8192, 256), (16_384, 512), (32_768, 1024), (65_536, 2048), (131_072, 4096), (8192, 1000), (16_384, 8000),
    (32_768, 16_000),
)  # fmt: skip
OFFERS = {
    "plain": PLAIN,
    "client-forgets": f"{PLAIN}; client_no_context_takeover",
    "server-forgets": f"{PLAIN}; server_no_context_takeover",
    "both-forget": f"{PLAIN}; client_no_context_takeover; server_no_context_takeover",
    "smallest-windows": f"{PLAIN}; server_max_window_bits=9; client_max_window_bits=9",
    "largest-windows": f"{PLAIN}; server_max_window_bits=15; client_max_window_bits=15",
    "with-fallback": f"{PLAIN}; server_max_window_bits=9; server_no_context_takeover; client_max_window_bits, {PLAIN}",
}
TOTAL = 1 << 17  # bytes in a case, more or less


def cases_of_payloads() -> Iterator[Case]:
    """Five kinds of data under the plainest offer."""
    for kind in KINDS:
        yield from _settings(f"{kind}-", kind, PLAIN, f"messages of {kind}{'' if kind == 'noise' else ' data'}")


def cases_of_offers() -> Iterator[Case]:
    """Seven offers, with data that compress well."""
    for name, offer in OFFERS.items():
        yield from _settings(f"{name}-", "structured", offer, f"messages under the offer {offer!r}")


def _settings(prefix: str, kind: str, offer: str, what: str) -> Iterator[Case]:
    for size in WHOLE:
        shows = f"Compressed {what}, {size} bytes each, must come back as they were."
        yield _case(f"{prefix}{size}", shows, offer, _messages(kind, size, None))
    for size, fragment in FRAGMENTED:
        shows = f"Compressed {what}, {size} bytes each in fragments of {fragment}, must come back as they were."
        yield _case(f"{prefix}{size}-in-{fragment}", shows, offer, _messages(kind, size, fragment))


def _messages(kind: str, size: int, fragment: int | None) -> tuple[Packed, ...]:
    opcode = TEXT if kind in TEXTUAL else BINARY
    count = min(50, max(3, TOTAL // size))
    return tuple(Packed(opcode, partial(part, kind, number, size), fragment) for number in range(count))


def _case(name: str, shows: str, offer: str, messages: tuple[Packed, ...]) -> Case:
    clause = RFC_7692["section-7.2"] if offer == PLAIN else RFC_7692["section-7.1"]
    few = len(messages) < 8  # and large ones
    accepts = echo_or_too_big(*said(*messages)) if few else echo(*said(*messages))
    return Case(name, shows, clause, messages, accepts, cuts=("whole",), offer=offer, heavy=few)


register(__name__, "compression", ABOUT, cases_of_payloads())
register(__name__, "compression-offers", ABOUT, cases_of_offers())
