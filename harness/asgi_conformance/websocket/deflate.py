"""Compression of WebSocket messages (permessage-deflate, RFC 7692) by hand: offer, answer, both directions. No I/O."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from asgi_conformance.websocket.frames import BreachError

NAME = "permessage-deflate"
TAIL = b"\x00\x00\xff\xff"  # ends what a flush gives, and is left out on the wire (section 7.2.1)
MOST = 1 << 27  # bytes of one message; a bomb must not fill our own memory

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - of a header's grammar
_PARAMETER = re.compile(rf'\s*;\s*({_TOKEN})(?:\s*=\s*(?:({_TOKEN})|"({_TOKEN})"))?')
_EXTENSION = re.compile(rf"\s*({_TOKEN})((?:{_PARAMETER.pattern})*)\s*(?:,|$)")

Parameters = tuple[tuple[str, str | None], ...]


def extensions(value: str) -> list[tuple[str, Parameters]]:
    """The elements of a ``sec-websocket-extensions`` header. Raises BreachError for what does not have its grammar."""
    found = []
    at = 0
    while at < len(value):
        matched = _EXTENSION.match(value, at)
        if matched is None or matched.end() == at:
            raise BreachError(f"an extension header that reads {value!r}")
        found.append((matched[1].lower(), tuple(_parameters(matched[2]))))
        at = matched.end()
    return found


def _parameters(text: str) -> Iterator[tuple[str, str | None]]:
    for matched in _PARAMETER.finditer(text):
        yield matched[1].lower(), matched[2] if matched[2] is not None else matched[3]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the two sides have agreed on: windows in bits, and who begins each message with an empty one."""

    server_window: int = 15
    client_window: int = 15
    server_keeps: bool = True
    client_keeps: bool = True


def agreed(offers: str, answer: str) -> Agreement | None:
    """What the server's answer to these offers means; None when it takes none of them.

    Raises BreachError for an answer that no offer allows (RFC 7692, sections 5.1 and 7.1).
    """
    if not answer:
        return None
    taken = extensions(answer)
    if [name for name, _ in taken] != [NAME]:
        raise BreachError(f"extensions that were not offered: {answer!r}")
    parameters = dict(taken[0][1])
    if len(parameters) != len(taken[0][1]):
        raise BreachError(f"a parameter twice: {answer!r}")
    made = Agreement(
        _window(parameters, "server_max_window_bits", answer),
        _window(parameters, "client_max_window_bits", answer),
        not _flag(parameters, "server_no_context_takeover", answer),
        not _flag(parameters, "client_no_context_takeover", answer),
    )
    unknown = set(parameters) - _KNOWN
    if unknown:
        raise BreachError(f"an unknown parameter: {answer!r}")
    if not any(_fits(dict(offer), parameters, made) for name, offer in extensions(offers) if name == NAME):
        raise BreachError(f"an answer {answer!r} that the offer {offers!r} does not allow")
    return made


_KNOWN = {
    "server_max_window_bits", "client_max_window_bits", "server_no_context_takeover", "client_no_context_takeover",
}  # fmt: skip


def _window(parameters: dict[str, str | None], name: str, answer: str) -> int:
    if name not in parameters:
        return 15
    bits = parameters[name]
    if bits not in {str(n) for n in range(8, 16)}:
        raise BreachError(f"a {name} of {bits!r} in {answer!r}")
    return int(bits or 0)


def _flag(parameters: dict[str, str | None], name: str, answer: str) -> bool:
    if parameters.get(name) is not None:
        raise BreachError(f"a value for {name} in {answer!r}")
    return name in parameters


def _fits(offer: dict[str, str | None], answer: dict[str, str | None], made: Agreement) -> bool:
    """Whether the answer is one to this offer."""
    if "server_no_context_takeover" in offer and made.server_keeps:
        return False
    if "server_max_window_bits" in offer and made.server_window > int(offer["server_max_window_bits"] or 0):
        return False
    if "server_max_window_bits" in offer and "server_max_window_bits" not in answer:
        return False
    return "client_max_window_bits" not in answer or "client_max_window_bits" in offer


class Deflater:
    """Compresses the client's messages as agreed.

    Args:
        agreement: of both sides.
        level: of zlib.
    """

    def __init__(self, agreement: Agreement, level: int = 6) -> None:
        self._agreement = agreement
        self._level = level
        self._state = self._fresh()

    def _fresh(self) -> "zlib._Compress":
        bits = self._agreement.client_window
        # zlib has no raw stream with a window of 8 bits; without references to earlier bytes any window will do.
        strategy = zlib.Z_HUFFMAN_ONLY if bits == 8 else zlib.Z_DEFAULT_STRATEGY
        return zlib.compressobj(self._level, zlib.DEFLATED, -max(bits, 9), zlib.DEF_MEM_LEVEL, strategy)

    def deflate(self, data: bytes) -> bytes:
        """The payload of a compressed message."""
        if not self._agreement.client_keeps:
            self._state = self._fresh()
        return (self._state.compress(data) + self._state.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


class Inflater:
    """Takes the compression off the server's messages, with exactly the window that it agreed to keep to."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._state = zlib.decompressobj(-agreement.server_window)
        # zlib takes any distance within what one call gives, so that a small window is only seen in small steps.
        self._step = MOST if agreement.server_window == 15 else 256

    def inflate(self, data: bytes) -> bytes:
        """The message. Raises BreachError for what is no compressed data, or needs more window than agreed."""
        if not self._agreement.server_keeps:
            self._state = zlib.decompressobj(-self._agreement.server_window)
        found = bytearray()
        rest = data + TAIL
        try:
            while True:
                step = min(MOST - len(found), self._step)
                part = self._state.decompress(rest, step)
                found += part
                if self._state.eof:  # a block with the final bit; another one may follow
                    rest = self._state.unused_data
                    self._state = zlib.decompressobj(-self._agreement.server_window)
                else:
                    rest = self._state.unconsumed_tail
                    if not rest and len(part) < step:  # all is read, and nothing is held back
                        break
                if len(found) >= MOST:
                    raise BreachError(f"a message that inflates to more than {MOST} bytes")
        except zlib.error as error:
            raise BreachError(f"a compressed message that cannot be inflated as agreed: {error}") from None
        return bytes(found)
