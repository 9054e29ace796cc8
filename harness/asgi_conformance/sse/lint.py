"""A linter for the raw bytes of an event stream, before any parser has forgiven them."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from asgi_conformance.sse.parser import BOM, integer
from asgi_conformance.sse.rules import RULES, Finding, Severity

Validate = Callable[[Any], str | None]

LINE_END = re.compile(rb"\r\n|\r|\n")
LINE_END_NAMES = {b"\n": "LF", b"\r": "CR", b"\r\n": "CRLF"}
FIELDS = (b"data", b"event", b"id", b"retry")
ONCE = (b"event", b"id", b"retry")
BLANKS = " \t"
HOUR_MS = 3_600_000
KEEP_ALIVES = frozenset({"heartbeat", "keep-alive", "keep_alive", "keepalive", "ping"})

# What splitting functions that know more than the standard cut at: VT, FF, FS, GS, RS, and in UTF-8 U+0085,
# U+2028, U+2029. A lead byte is never inside of another character, so searching the bytes is exact.
FOREIGN_LINE_END = re.compile(rb"[\x0b\x0c\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]")


@dataclass(slots=True)
class Block:
    """The lines between two blank lines, as far as they have come."""

    start: int
    data_at: int = 0
    comments: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    type: str = ""
    fields: Counter[bytes] = field(default_factory=Counter)
    has_id: bool = False  # one that clients do not ignore
    unknown: int = 0


class EventStreamLinter:
    """Takes the bytes of one stream as they are sent and gives the findings; the same ones for any cuts.

    Args:
        messages: whether each `feed` is one body message of ASGI, so that rule P13 can be judged.
        declared_json: whether the application promises that the data of each event is JSON (P15).
        validate: what a JSON value has to be besides: gives the complaint, or None (P15).
        keep_alives: the words by which a keep-alive is known, as type, as data or as first word of a comment (P14).
    """

    def __init__(
        self,
        *,
        messages: bool = False,
        declared_json: bool = False,
        validate: Validate | None = None,
        keep_alives: frozenset[str] = KEEP_ALIVES,
    ) -> None:
        self._messages = messages
        self._json = declared_json or validate is not None
        self._validate = validate
        self._keep_alives = keep_alives
        self._held: list[bytes] = []  # the line that has not ended, or ended with a CR that may get its LF
        self._offset = 0  # of what is held
        self._received = 0
        self._block: Block | None = None
        self._line_end: bytes | None = None  # the first one, until another one was reported
        self._events = 0
        self._without_id = 0
        self._first_without_id = 0  # its offset
        self._closed = False
        self._found: list[Finding] = []

    def feed(self, chunk: bytes) -> list[Finding]:
        """What these bytes show. ValueError if the stream has ended."""
        if self._closed:
            raise ValueError("the event stream has ended: this linter is closed")
        if not chunk:
            return []
        self._found = []
        after_cr = bool(self._held) and self._held[-1].endswith(b"\r")
        self._held.append(bytes(chunk))
        self._received += len(chunk)
        if after_cr or LINE_END.search(chunk):
            self._take_lines(b"".join(self._held))
        if self._messages and not self._at_block_end():
            self._report(
                "P13",
                Severity.WARNING,
                self._received,
                "a body message that ends with a block",
                "the end of a message inside of one",
            )
        return self._found

    def close(self) -> list[Finding]:
        """What the end of the stream shows; `feed` raises ValueError from now on."""
        if self._closed:
            return []
        self._closed = True
        self._found = []
        rest = b"".join(self._held)
        if rest.endswith(b"\r"):
            self._line(rest[:-1], b"\r", self._offset)
            rest = b""
        self._end(rest)
        return self._found

    def _take_lines(self, held: bytes) -> None:
        start, stop = 0, len(held) - held.endswith(b"\r")
        for end in LINE_END.finditer(held, 0, stop):
            self._line(held[start : end.start()], end.group(), self._offset + start)
            start = end.end()
        self._held = [held[start:]] if start < len(held) else []
        self._offset += start

    def _at_block_end(self) -> bool:
        """Whether a client would have all that was sent; a blank line that ends with CR is complete."""
        return not (self._held or self._block) or self._held == [b"\r"]

    def _line(self, line: bytes, end: bytes, offset: int) -> None:
        if self._line_end is None:
            self._line_end = end
        elif end != self._line_end and self._line_end:
            expected, observed = LINE_END_NAMES[self._line_end], LINE_END_NAMES[end]
            self._report("P3", Severity.WARNING, offset + len(line), f"{expected} as before", observed)
            self._line_end = b""  # said once; in a mixed stream every line would say it again
        line, offset = self._without_first_bom(line, offset)
        self._check_encoding(line, offset)
        if not line:
            if self._block:
                self._end_block(self._block)
            self._block = None
            return
        self._block = block = self._block or Block(offset)
        if line.startswith(b":"):
            block.comments.append(line[1:].decode("utf-8", "replace"))
        elif line.startswith(BOM):
            self._report("P2", Severity.ERROR, offset, "a field or a comment", "a byte order mark before it")
            block.unknown += 1
        else:
            self._field(line, offset, block)

    def _without_first_bom(self, line: bytes, offset: int) -> tuple[bytes, int]:
        if offset == 0 and line.startswith(BOM):
            self._report("P2", Severity.WARNING, 0, "no byte order mark", "one at the start of the stream")
            return line.removeprefix(BOM), len(BOM)
        return line, offset

    def _check_encoding(self, line: bytes, offset: int) -> None:
        try:
            line.decode()
        except UnicodeDecodeError as error:
            bad = line[error.start : error.end].hex(" ")
            self._report("P1", Severity.ERROR, offset + error.start, "valid UTF-8", f"{bad} ({error.reason})")

    def _field(self, line: bytes, offset: int, block: Block) -> None:
        name, colon, value = line.partition(b":")
        at = offset + len(name) + len(colon)
        if value.startswith(b" "):
            value, at = value[1:], at + 1
        if not colon:
            self._report("P5", Severity.WARNING, offset, "a line with a colon", show(line))
        if foreign := FOREIGN_LINE_END.search(line):
            character = f"U+{ord(foreign.group().decode()):04X}"
            self._report("P11", Severity.WARNING, offset + foreign.start(), "no line end but CR and LF", character)
        if name not in FIELDS:
            block.unknown += 1
            self._report("P4", Severity.ERROR, offset, "data, event, id, retry or a comment", show(name))
            return
        block.fields[name] += 1
        if name in ONCE and block.fields[name] == 2:
            self._report("P8", Severity.WARNING, offset, f"one {name.decode()} in a block", "a second one")
        text = value.decode("utf-8", "replace")
        if name == b"data":
            if not block.data:
                block.data_at = offset
            block.data.append(text)
        elif name == b"event":
            block.type = text
        elif name == b"id":
            self._id(text, at, block)
        else:
            self._retry(text, at)

    def _id(self, value: str, at: int, block: Block) -> None:
        if "\0" in value:
            self._report("P7", Severity.ERROR, at, "an id without NUL", show(value))
        else:
            block.has_id = True
        if value != value.strip(BLANKS):
            self._report("P10", Severity.WARNING, at, "an id without blanks around it", show(value))

    def _retry(self, value: str, at: int) -> None:
        if not (value.isascii() and value.isdigit()):
            self._report("P9", Severity.ERROR, at, "ASCII digits", show(value))
        elif not value.strip("0"):
            self._report("P9", Severity.WARNING, at, "a pause before a client comes back", "0 ms")
        elif integer(value) >= HOUR_MS:
            self._report("P9", Severity.WARNING, at, "a retry below an hour", f"{show(value)} ms")

    def _end_block(self, block: Block) -> None:
        fields = block.fields
        if not block.data and (fields[b"event"] or not (fields[b"id"] or fields[b"retry"] or not block.unknown)):
            observed = "event without data" if fields[b"event"] else "nothing that a client knows"
            self._report("P6", Severity.ERROR, block.start, "data, or a block of comments, retry or id", observed)
        if self._judge_keep_alive(block):
            return
        if not block.data:
            return
        self._events += 1
        if not block.has_id:
            if not self._without_id:
                self._first_without_id = block.start
            self._without_id += 1
        if self._json:
            self._judge_json("\n".join(block.data), block.data_at)

    def _judge_keep_alive(self, block: Block) -> bool:
        """Whether the block is a keep-alive that is more than a comment; reports it then."""
        if block.data:
            data = "\n".join(block.data).strip()
            words = {block.type.lower()} if block.type not in {"", "message"} else {data.lower()}
        else:
            words = {(comment.split() or [""])[0].lower() for comment in block.comments}
            if not block.has_id:
                return False
        if not words & self._keep_alives:
            return False
        if block.has_id:
            self._report("P14", Severity.ERROR, block.start, "a keep-alive without an id", "one with an id")
        else:
            self._report("P14", Severity.WARNING, block.start, "a comment as keep-alive", "an event")
        return True

    def _judge_json(self, data: str, at: int) -> None:
        try:
            value = json.loads(data, parse_constant=refuse, parse_int=long_integer)
        except ValueError as error:
            self._report("P15", Severity.ERROR, at, "one JSON value", f"{show(data)} ({error})")
        except RecursionError:
            self._report("P15", Severity.ERROR, at, "one JSON value", "one that is nested too deep to be read")
        else:
            if self._validate and (complaint := self._validate(value)):
                self._report("P15", Severity.ERROR, at, "a JSON value as declared", complaint)

    def _end(self, rest: bytes) -> None:
        """The rules for the end of the stream; `rest` is the line that was not ended."""
        rest, offset = self._without_first_bom(rest, self._offset)
        self._check_encoding(rest, offset)
        block = self._block
        if rest or block:
            harmless = not rest or rest.startswith(b":")
            if block and (block.fields or block.unknown):
                harmless = False
            self._report(
                "P12",
                Severity.WARNING if harmless else Severity.ERROR,  # no client misses a comment
                block.start if block else offset,
                "a blank line behind the last block",
                "the end of the stream inside of a line" if rest else "the end of the stream inside of a block",
            )
        if 0 < self._without_id < self._events:
            self._report(
                "P16",
                Severity.WARNING,
                self._first_without_id,
                "an id on every event",
                f"{self._without_id} of {self._events} events without one",
            )

    def _report(self, rule: str, severity: Severity, offset: int, expected: str, observed: str) -> None:
        self._found.append(Finding(rule, RULES[rule].name, severity, offset, expected, observed))


def lint_stream(data: bytes, *, declared_json: bool = False, validate: Validate | None = None) -> list[Finding]:
    """The findings for a whole stream, in the order of their places."""
    linter = EventStreamLinter(declared_json=declared_json, validate=validate)
    findings = linter.feed(data) + linter.close()
    return sorted(findings, key=lambda finding: (finding.offset, int(finding.rule[1:])))


def show(value: str | bytes, width: int = 40) -> str:
    """The value for a report, never long."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return repr(value) if len(value) <= width else f"{value[:width]!r}… ({len(value)} characters)"


def refuse(constant: str) -> NoReturn:
    """Python's json reads NaN and the infinities; JSON has none of them."""
    raise ValueError(f"{constant} is not JSON")


def long_integer(digits: str) -> int:
    """An integer of any length, where `int` has a limit."""
    return -integer(digits[1:]) if digits.startswith("-") else integer(digits)
