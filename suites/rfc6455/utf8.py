"""Byte sequences that are UTF-8, and others that only look like it (RFC 3629, section 3 and 4)."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sequence:
    """Bytes with a name, the words that follow "a text with", and whether they are UTF-8."""

    name: str
    words: str
    data: bytes
    valid: bool


SCRIPTS = {
    "latin": "Größe, façade, jalapeño, Åse",
    "greek-cyrillic": "αλφάβητο и алфавит",
    "hebrew-arabic": "אלפבית وأبجدية",
    "cjk": "水曜日の朝、네 번째",
    "beyond-16-bits": "𝄞 😀 𐍈 𠮷",
}
MIXED = "añ€𝄞b".encode()  # one to four bytes each: eleven in all


def lead(length: int) -> int:
    """The first byte of a sequence of that length, without bits of the character; up to six, as of old."""
    return (0x00, 0x00, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC)[length]


def spread(code: int, length: int) -> bytes:
    """A number in a sequence of that many bytes, whether it may be or not."""
    rest = [0x80 | code >> 6 * n & 0x3F for n in reversed(range(length - 1))]
    return bytes([lead(length) | code >> 6 * (length - 1), *rest])


FIRSTS = {1: 0x00, 2: 0x80, 3: 0x800, 4: 0x10000, 5: 0x200000, 6: 0x4000000}
LASTS = {1: 0x7F, 2: 0x7FF, 3: 0xFFFF, 4: 0x1FFFFF, 5: 0x3FFFFFF, 6: 0x7FFFFFFF}
COUNTED = ("", "one byte", "two bytes", "three bytes", "four bytes", "five bytes", "six bytes")


def valid_or_not() -> Iterator[Sequence]:
    """Every sequence that is tried in a text message."""
    for name, script in SCRIPTS.items():
        yield Sequence(f"script-{name}", f"characters as in {name.replace('-', ' and ')}", script.encode(), valid=True)
    yield from _prefixes()
    yield from _borders()
    yield from _torn()
    yield from _overlong()
    yield from _surrogates()
    yield from _odd_characters()


def _prefixes() -> Iterator[Sequence]:
    ends = {1, 3, 6, 10, 11}
    for size in range(1, 12):
        words = "whole characters only" if size in ends else "a character that is cut at the end"
        yield Sequence(f"prefix-{size}", f"{words}, {size} bytes in all", MIXED[:size], valid=size in ends)


def _borders() -> Iterator[Sequence]:
    for length, code in FIRSTS.items():
        words = f"the first sequence of {COUNTED[length]}"
        yield Sequence(f"first-of-{length}", words, spread(code, length), valid=length < 5)
    for length, code in LASTS.items():
        words = f"the last sequence of {COUNTED[length]}"
        yield Sequence(f"last-of-{length}", words, spread(code, length), valid=length < 4)
    for code in (0xD7FF, 0xE000, 0xFFFD, 0x10FFFF, 0x110000):
        valid = code <= 0x10FFFF
        words = f"U+{code:04X}" if valid else "a number beyond U+10FFFF"
        yield Sequence(f"border-{code:x}", words, spread(code, 3 if code < 0x10000 else 4), valid=valid)


def _torn() -> Iterator[Sequence]:
    for name, data in (("80", b"\x80"), ("bf", b"\xbf")):
        yield Sequence(f"stray-{name}", f"the continuation byte {name.upper()} alone", data, valid=False)
    for count in range(2, 7):
        data = (b"\x80\xbf" * 3)[:count]
        yield Sequence(f"stray-{count}-bytes", f"{count} continuation bytes and no start", data, valid=False)
    yield Sequence("stray-all", "every continuation byte and no start", bytes(range(0x80, 0xC0)), valid=False)
    for length, group in ((2, range(0xC0, 0xE0)), (3, range(0xE0, 0xF0)), (4, range(0xF0, 0xF8)),
                          (5, range(0xF8, 0xFC)), (6, range(0xFC, 0xFE))):  # fmt: skip
        data = b"".join(bytes([byte]) + b" " for byte in group)
        yield Sequence(f"starts-of-{length}", f"starts of {COUNTED[length]}, a blank behind each", data, valid=False)
    for which, table in (("first", FIRSTS), ("last", LASTS)):
        for length in range(2, 7):
            data = spread(table[length], length)[:-1]
            words = f"the {which} sequence of {COUNTED[length]} without its end"
            yield Sequence(f"cut-{which}-of-{length}", words, data, valid=False)
    data = b"".join(spread(table[length], length)[:-1] for table in (FIRSTS, LASTS) for length in range(2, 7))
    yield Sequence("cut-in-a-row", "several sequences that are cut, in a row", data, valid=False)
    for name, data in (("fe", b"\xfe"), ("ff", b"\xff"), ("fe-ff", b"\xfe\xfe\xff\xff")):
        shown = name.replace("-", " and ").upper().replace("AND", "and")
        yield Sequence(f"impossible-{name}", f"the byte {shown}", data, valid=False)


def _overlong() -> Iterator[Sequence]:
    for length in range(2, 7):
        data = spread(ord("/"), length)
        yield Sequence(f"overlong-slash-{length}", f"a slash in {COUNTED[length]}", data, valid=False)
    for length in range(2, 7):
        data = spread(FIRSTS[length] - 1, length)
        words = f"the largest number that needs fewer than {COUNTED[length]}, in that many"
        yield Sequence(f"overlong-largest-{length}", words, data, valid=False)
    for length in range(2, 7):
        yield Sequence(f"overlong-nul-{length}", f"NUL in {COUNTED[length]}", spread(0, length), valid=False)


def _surrogates() -> Iterator[Sequence]:
    for code in (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF):
        yield Sequence(f"surrogate-{code:x}", f"the surrogate {code:X}", spread(code, 3), valid=False)
    for high in (0xD800, 0xDB7F, 0xDB80, 0xDBFF):
        for low in (0xDC00, 0xDFFF):
            words = f"the surrogates {high:X} and {low:X}, as a pair"
            yield Sequence(f"surrogates-{high:x}-{low:x}", words, spread(high, 3) + spread(low, 3), valid=False)


def _odd_characters() -> Iterator[Sequence]:
    for plane in range(17):
        for low in (0xFFFE, 0xFFFF):
            code = plane << 16 | low
            words = f"the non-character U+{code:04X}"
            yield Sequence(f"non-character-{code:x}", words, chr(code).encode(), valid=True)
    data = "".join(map(chr, range(0xFDD0, 0xFDF0))).encode()
    yield Sequence("non-characters-fdd0-fdef", "the non-characters U+FDD0 to U+FDEF", data, valid=True)
    for code in (*range(0xFFF8, 0xFFFE), 0xFEFF):
        yield Sequence(f"special-{code:x}", f"the special character U+{code:04X}", chr(code).encode(), valid=True)
