"""The event stream of the HTML standard as a parser that does no I/O: bytes in, events out.

Exact to https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, whatever the cuts.
An event is out with the byte that completes its blank line: a CR ends its line at once, and an LF behind it is dropped
when it comes.

Why it is fast: line ends are ASCII, so a cut behind one never divides a character. Complete lines are decoded in one
call (Python's replacements for what is no UTF-8 are those of the Encoding standard). A run of blocks of one `data`
line each, which is what most streams are, is taken apart by one `str.split`; a run of blocks that have the same fields
in the same order is a table, whose columns are. Such a shortcut takes only what it has proved to be of that shape; the
rest goes through the loop over the lines, which is the rules.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import NamedTuple, NoReturn

BOM = b"\xef\xbb\xbf"
CR, LF = 0x0D, 0x0A
KEPT_NAMES = frozenset({"data", "event", "id"})  # the fields whose values wait for the blank line
KEPT = frozenset(name.encode() for name in KEPT_NAMES)
LINE_ENDS = ("\r", "\n")
LONG = 400  # from this length on, finding the end of each value is faster than one split
MANY, SHORT = 20, 100  # with so many lines that are no longer on average it pays to see whether they are a table
# A type and an id before one line of data. They are not empty, so both take effect. An attempt at several events in a
# chunk ends where the first one does: what is atomic is not tried again with less.
ID, TYPE = r"(?:id: ([^\0\r\n]++)END)?", r"(?:event: ([^\0\r\n]++)END)?"
BLOCK = ID + TYPE + ID + r"(?>data: (.*)END)END"
ONE_EVENT, ONE_CRLF_EVENT = (re.compile(BLOCK.replace("END", end)).fullmatch for end in ("\n", "\r\n"))
ONE_AT_A_TIME = 4096  # a longer chunk is not looked at for being one event
ALWAYS_INTEGERS = 640  # `int` takes so many digits, however low its limit against quadratic time has been set


class Event(NamedTuple):
    """One dispatched event. A tuple and not a dataclass, because making it is half of the work of a parser."""

    type: str  # never empty: without a type of its own an event is a "message"
    data: str
    last_event_id: str


# All in C, where Event(...) goes through a Python function.
new_tuple = tuple.__new__
new_event: Callable[[tuple[str, str, str]], Event] = partial(new_tuple, Event)


class EventTooLarge(Exception):
    """An event, or a single line, outgrew `max_event_size`; `events` are those that were complete before it."""

    def __init__(self, limit: int, events: list[Event]) -> None:
        super().__init__(f"an event of the stream is larger than {limit} bytes")
        self.limit = limit
        self.events = events


class EventStreamParser:
    """Takes the bytes of one event stream in any cuts and gives its events.

    Args:
        max_event_size: how many bytes an unfinished event may hold: its `data`, `event` and `id` lines, and any line
            that is still growing, line ends not counted. None for no limit.
        last_event_id: what the id buffer starts with. The standard's text says the empty string for every stream, but
            then the first event without an id would undo a resumption; browsers carry the id over, and so may you.

    Attributes:
        last_event_id: the id committed by the last blank line.
        retry: the reconnection time in milliseconds that the stream has set, or None. As the standard has no upper
            bound it can be of any size; `str()` refuses integers of more than 4300 digits.
    """

    __slots__ = (
        "_after_cr",
        "_at_start",
        "_closed",
        "_first",
        "_fresh",
        "_id",
        "_idle",
        "_kept",
        "_limit",
        "_more",
        "_pending",
        "_pending_size",
        "_special",
        "_type",
        "last_event_id",
        "retry",
    )

    def __init__(self, *, max_event_size: int | None = None, last_event_id: str = "") -> None:
        if max_event_size is not None and max_event_size < 1:
            raise ValueError(f"max_event_size must be positive or None, not {max_event_size}")
        self.last_event_id = last_event_id
        self.retry: int | None = None
        self._first: str | None = None  # the data buffer: its first line,
        self._more: list[str] = []  # and the others
        self._type = ""
        self._id = last_event_id
        self._pending: list[bytes] = []  # the line that has not ended yet
        self._at_start = True  # there may come a BOM
        self._after_cr = False  # an LF now belongs to the line end before it
        self._closed = False
        self._special = True  # any of the three
        self._fresh = True  # all three buffers are as a blank line leaves them
        self._idle = False  # the next byte begins an event, and there is nothing else to mind; never under a limit
        self._limit = max_event_size
        # These two are counted under a limit only.
        self._pending_size = 0
        self._kept = 0  # bytes of the finished lines that the unfinished event holds

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[Event]:
        """The events that these bytes complete.

        Raises:
            ValueError: the parser is closed.
            EventTooLarge: there is a limit, and the stream goes over it; the parser is closed then.
        """
        if self._idle and type(chunk) is bytes:
            # Servers mostly send one event at a time; such a one is read off here.
            if chunk[:5] == b"data:":
                start, end = 6 if chunk[5:6] == b" " else 5, chunk.find(b"\n")
                if end == len(chunk) - 2 and chunk[-1] == LF and CR not in chunk:
                    data = chunk[start:end].decode("utf-8", "replace")
                    return [new_tuple(Event, ("message", data, self.last_event_id))]
                if end == len(chunk) - 3 and chunk[end:] == b"\n\r\n" and chunk.find(b"\r") == end - 1:
                    data = chunk[start : end - 1].decode("utf-8", "replace")
                    return [new_tuple(Event, ("message", data, self.last_event_id))]
            elif len(chunk) <= ONE_AT_A_TIME:
                text = chunk.decode("utf-8", "replace")
                block = (ONE_CRLF_EVENT if "\r" in text else ONE_EVENT)(text)
                if block and "\r" not in (data := block[4]):
                    if ident := block[3] or block[1]:
                        self._id = self.last_event_id = ident
                    return [new_tuple(Event, (block[2] or "message", data, self.last_event_id))]
        if self._special or type(chunk) is not bytes:
            chunk = self._prepare(chunk)
        if not chunk:
            return []
        if chunk[-1] == LF:
            if self._pending or self._limit is not None:
                return self._take(chunk, len(chunk))
            events = self._parse(chunk.decode("utf-8", "replace"))
            self._idle = self._fresh
            return events
        if LF in chunk or CR in chunk:
            return self._take(chunk, max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1)
        return self._wait(chunk)

    def _prepare(self, chunk: bytes | bytearray | memoryview) -> bytes:
        """What the chunk has for the lines: bytes, without a BOM before and without the LF of a CRLF begun earlier."""
        if self._closed:
            raise ValueError("the event stream has ended: this parser is closed")
        chunk = bytes(memoryview(chunk))  # not bytes(chunk), which makes zeros of a number
        if not chunk:
            return chunk
        if self._after_cr:
            self._after_cr = False
            if chunk[0] == LF:
                chunk = chunk[1:]
        if self._at_start:
            chunk = self._without_bom(chunk)
        self._special = self._at_start
        return chunk

    def _wait(self, chunk: bytes) -> list[Event]:
        """No event: the chunk is inside of a line."""
        self._idle = False
        self._pending.append(chunk)
        if self._limit is not None:
            self._pending_size += len(chunk)
            self._check_pending(self._limit, [])
        return []

    def _take(self, chunk: bytes, end: int) -> list[Event]:
        """The events of the lines up to `end`; what is behind it is the beginning of one."""
        pending = self._pending
        lines, rest = chunk, b""
        if end != len(chunk):
            lines, rest = chunk[:end], chunk[end:]
        if pending:
            lines = b"".join([*pending, lines])
            pending.clear()
        if rest:
            pending.append(rest)
        elif lines[-1] == CR:
            self._after_cr = self._special = True
        if self._limit is not None:
            self._pending_size = len(rest)
            return self._parse_limited(lines, self._limit)
        text = lines.decode("utf-8", "replace")
        del lines  # an event may be large, and the next copies of it can have the memory
        events = self._parse(text)
        self._idle = self._fresh and not rest and not self._after_cr
        return events

    def close(self) -> None:
        """The end of the stream: what has not been dispatched is dropped. `feed` raises ValueError from now on."""
        self._closed = self._special = True
        self._idle = False
        self._pending.clear()
        self._first = None
        self._more = []
        self._type = ""
        self._id = self.last_event_id
        self._kept = 0

    def _parse(self, text: str) -> list[Event]:
        """The events of complete lines."""
        events: list[Event] = []
        if self._fresh and text[:5] == "data:":
            first = text.find("\n")
            if text[first + 1 : first + 2] in LINE_ENDS:
                text = self._take_bare(text, first, events)
        if text:
            lines = split_lines(text) if "\r" in text else text.split("\n")
            lines.pop()
            if len(lines) >= MANY and len(text) <= SHORT * len(lines):
                lines = self._take_table(lines, events)
            self._take_lines(lines, events)
        return events

    def _take_bare(self, text: str, first: int, events: list[Event]) -> str:
        """Shortcut for blocks of one `data` line and nothing else, of which the first one ends at `first`.

        Gives back the text that is left.
        """
        end, blank = ("\r", "\r\n\r\n") if text[first - 1 : first] == "\r" else ("\n", "\n\n")
        name = "data: " if text.startswith("data: ") else "data:"
        divider = blank + name
        if first < LONG:
            values = text.split(divider)
            values[0] = values[0][len(name) :]
            start = len(text) - len(values.pop())
            stop = len(text) - len(blank)
        else:
            values, start = [], len(name)
            while text.startswith(divider, stop := text.find(end, start)):
                values.append(text[start:stop])
                start = stop + len(divider)
        rest = ""
        if text.endswith(blank) and stop == len(text) - len(blank) >= start:
            values.append(text[start:stop])
        else:
            rest = text[start - len(name) :]
        together = "".join(values)
        if "\n" in together or "\r" in together or (name == "data:" and min(values, default="!") < "!"):
            return text  # there are other lines among them, or a blank that does not belong to a value
        events += map(new_event, zip(repeat("message"), values, repeat(self.last_event_id)))
        return rest

    def _take_table(self, lines: list[str], events: list[Event]) -> list[str]:
        """Shortcut for blocks that all have the fields of the first one, in its order, each field once.

        Gives back the lines that are left.
        """
        if not self._fresh and "" in lines:
            start = lines.index("") + 1
            self._take_lines(lines[:start], events)
            lines = lines[start:]
        width = lines.index("") + 1 if "" in lines else 0
        count = len(lines) // width if width > 1 else 0
        stop = count * width
        if not count or any(lines[width - 1 : stop : width]):
            return lines
        columns: dict[str, list[str]] = {}
        for number in range(width - 1):
            name = lines[number].partition(": ")[0]
            # No line has an LF in it, so there are `count` dividers only if each line begins with the name.
            values = "\n".join(["", *lines[number:stop:width]]).split(f"\n{name}: ")
            if name not in KEPT_NAMES or name in columns or len(values) != count + 1:
                return lines
            columns[name] = values[1:]
        kinds, idents = columns.get("event"), columns.get("id")
        if "data" not in columns or (idents and "\0" in "".join(idents)):
            return lines
        if kinds and "" in kinds:
            kinds = [kind or "message" for kind in kinds]
        if idents:
            self._id = idents[-1]
        made = zip(kinds or repeat("message"), columns["data"], idents or repeat(self.last_event_id), strict=False)
        events += map(new_event, made)
        self.last_event_id = self._id
        return lines[stop:]

    def _take_lines(self, lines: list[str], events: list[Event]) -> None:  # noqa: PLR0912 - one branch a rule
        """The rules themselves, line by line."""
        first, more = self._first, self._more
        kind, ident, last = self._type, self._id, self.last_event_id
        for line in lines:
            if not line:
                last = ident
                if first is not None:
                    if more:
                        first = "\n".join([first, *more])
                        more = []
                    events.append(new_tuple(Event, (kind or "message", first, last)))
                    first = None
                kind = ""
                continue
            name, colon, value = line.partition(": ")
            while True:
                if name == "data":
                    if first is None:
                        first = value
                    else:
                        more.append(value)
                elif name == "event":
                    kind = value
                elif name == "id":
                    if "\0" not in value:
                        ident = value
                elif name == "retry":
                    if value.isascii() and value.isdigit():
                        self.retry = integer(value)
                elif colon != ":":
                    # No known field, or one whose first colon has no blank behind it.
                    name, colon, value = line.partition(":")
                    if colon:
                        continue
                break
        self._first = first
        self._more = more
        self._type = kind
        self._id = ident
        self.last_event_id = last
        self._fresh = first is None and not kind and ident == last

    def _without_bom(self, chunk: bytes) -> bytes:
        """The chunk without the one BOM that may stand first; nothing while that is not decided."""
        first = b"".join([*self._pending, chunk])
        if len(first) < len(BOM) and BOM.startswith(first):
            self._pending[:] = [first]
            return b""
        self._pending.clear()
        self._at_start = False
        return first.removeprefix(BOM)

    def _parse_limited(self, lines: bytes, limit: int) -> list[Event]:
        """The events of complete lines, up to the one that goes over the limit; the same for any cuts."""
        kept, behind = self._kept, 0
        if kept + len(lines) <= limit:
            # Nothing here can be too large; what counts is only what the last block will hold.
            behind = max(lines.rfind(b"\n\n"), lines.rfind(b"\n\r\n"), 0)
        counted = lines[behind:].splitlines()  # of bytes, it knows the three line ends of the standard and no more
        for number, line in enumerate(counted):
            if kept + len(line) > limit:
                before = b"\n".join([*counted[:number], b""])
                self._give_up(limit, self._parse(before.decode("utf-8", "replace")) if number else [])
            if not line:
                kept = 0
            elif line.partition(b":")[0] in KEPT:
                kept += len(line)
        self._kept = kept
        events = self._parse(lines.decode("utf-8", "replace"))
        self._check_pending(limit, events)
        return events

    def _check_pending(self, limit: int, events: list[Event]) -> None:
        """Give up if the line that has not ended is too much already."""
        if self._kept + self._pending_size > limit:
            self._give_up(limit, events)

    def _give_up(self, limit: int, events: list[Event]) -> NoReturn:
        self.close()
        raise EventTooLarge(limit, events)


def split_lines(text: str) -> list[str]:
    """What is before, between and behind the line ends, of whatever kind they are."""
    # That all are CRLF, and that nothing else in the text divides lines for Python, is fast to guess and to prove.
    lines = text.splitlines()
    lines.append("")
    if "\r\n".join(lines) == text:
        return lines
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def integer(digits: str) -> int:
    """The number that ASCII digits write, exact at any length; `int` alone refuses long ones."""
    if len(digits) <= ALWAYS_INTEGERS:
        return int(digits)
    half = len(digits) // 2
    shifted: int = integer(digits[:-half]) * 10**half
    return shifted + integer(digits[-half:])
