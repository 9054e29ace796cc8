"""The event stream of the HTML standard as a parser that does no I/O: bytes in, events out.

Exact to https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, whatever the cuts.
An event is out with the byte that completes its blank line: a CR ends its line at once, and an LF behind it is dropped
when it comes.

Why it is fast: line ends are ASCII, so a cut behind one never divides a character. Whatever is complete is decoded in
one call, and a run of blocks of a usual shape is taken apart by `str.split` or by one regular expression. A shortcut
takes only what it can prove to have that shape; the rest goes through the plain loop over the lines, which is the rules.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import NamedTuple, NoReturn

BOM = b"\xef\xbb\xbf"
CR, LF = 0x0D, 0x0A
LINE_ENDS = frozenset({CR, LF})
KEPT = frozenset({b"data", b"event", b"id"})  # the fields whose values wait for the blank line
OTHERS = frozenset({"event", "id", "retry"})  # the fields besides `data`

# The usual block: comments, then `event` and `id` in either order, then `data`. What follows the last one that
# matches is the last group of the last match, so nothing is passed over. `?+`, because the value of "event: " is empty.
USUAL = re.compile(
    r"(?::.*\n|\n)*+"
    r"(?:event: ?+(.+)\n)?+(?:id: ?+([^\0\n]+)\n)?+(?:event: ?+(.+)\n)?+"
    r"data: ?+(.*(?:\ndata: .*)*+)\n\n"
    r"|([\s\S]+)"
)
WORTH_A_PATTERN = 256  # with fewer characters than that the loop over the lines is as good
LONG = 400  # from this length on, finding the end of each value is faster than one split
ALWAYS_INTEGERS = 640  # `int` takes so many digits, however low its limit against quadratic time has been set


class Event(NamedTuple):
    """One dispatched event. A tuple and not a dataclass, because making it is half of the work of a parser."""

    type: str  # never empty: without a type of its own an event is a "message"
    data: str
    last_event_id: str


# All in C, where Event(...) goes through a Python function.
new_event: Callable[[tuple[str, str, str]], Event] = partial(tuple.__new__, Event)


class EventTooLarge(Exception):  # noqa: N818 - the name says it
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
        "_data",
        "_id",
        "_idle",
        "_kept",
        "_limit",
        "_pending",
        "_pending_size",
        "_type",
        "last_event_id",
        "retry",
    )

    def __init__(self, *, max_event_size: int | None = None, last_event_id: str = "") -> None:
        if max_event_size is not None and max_event_size < 1:
            raise ValueError(f"max_event_size must be positive or None, not {max_event_size}")
        self.last_event_id = last_event_id
        self.retry: int | None = None
        self._data: list[str] = []
        self._type = ""
        self._id = last_event_id
        self._pending: list[bytes] = []  # the line that has not ended yet
        self._pending_size = 0
        self._after_cr = False  # an LF now belongs to the line end before it
        self._at_start = True
        self._idle = False  # a chunk now begins an event; never under a limit
        self._closed = False
        self._limit = max_event_size
        self._kept = 0  # bytes of the finished lines that the unfinished event holds; counted under a limit only

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[Event]:
        """The events that these bytes complete.

        Raises:
            ValueError: the parser is closed.
            EventTooLarge: there is a limit, and the stream goes over it; the parser is closed then.
        """
        if self._idle and type(chunk) is bytes and chunk[:6] == b"data: ":
            # Servers mostly send one event at a time; one line of data and the blank line are read off here.
            end = chunk.find(b"\n")
            if end == len(chunk) - 2 and chunk[-1] == LF and b"\r" not in chunk:
                return [new_event(("message", chunk[6:end].decode("utf-8", "replace"), self.last_event_id))]
            if end == len(chunk) - 3 and chunk[end:] == b"\n\r\n" and chunk.find(b"\r") == end - 1:
                return [new_event(("message", chunk[6 : end - 1].decode("utf-8", "replace"), self.last_event_id))]
        if self._closed:
            raise ValueError("the event stream has ended: this parser is closed")
        if type(chunk) is not bytes:
            chunk = bytes(memoryview(chunk))  # not bytes(chunk), which makes zeros of a number
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == LF:
                chunk = chunk[1:]
        if self._at_start:
            chunk = self._without_bom(chunk)
        if not chunk:
            return []
        self._idle = False
        return self._feed(chunk)

    def _feed(self, chunk: bytes) -> list[Event]:
        """The events of a chunk that has bytes and does not begin inside of a line end."""
        pending, end = self._pending, len(chunk)
        if chunk[-1] not in LINE_ENDS:
            end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
            if end == 0:
                pending.append(chunk)
                self._pending_size += len(chunk)
                if self._limit is not None:
                    self._check_pending(self._limit, [])
                return []
        lines = chunk if end == len(chunk) else chunk[:end]
        if pending:
            pending.append(lines)
            lines = b"".join(pending)
            pending.clear()
        self._after_cr = lines[-1] == CR
        self._pending_size = len(chunk) - end
        if self._pending_size:
            pending.append(chunk[end:])
        if self._limit is not None:
            return self._parse_limited(lines, self._limit)
        events = self._parse(lines)
        self._idle = not (pending or self._after_cr) and self._between()
        return events

    def close(self) -> None:
        """The end of the stream: what has not been dispatched is dropped. `feed` raises ValueError from now on."""
        self._closed = True
        self._idle = False
        self._pending.clear()
        self._data.clear()
        self._type = ""
        self._id = self.last_event_id
        self._kept = 0

    def _between(self) -> bool:
        """Whether nothing of a next event is there yet."""
        return not self._data and not self._type and self._id == self.last_event_id

    def _parse(self, lines: bytes) -> list[Event]:
        """The events of complete lines: by the first way that fits them."""
        text = lines.decode("utf-8", "replace")  # the replacements are those of the Encoding standard
        events: list[Event] = []
        between = self._between()
        if between and text.startswith("data:"):
            text = self._take_bare(text, events)
            if not text:
                return events
        if "\r" in text:
            text = with_lf(text)
        if len(text) > WORTH_A_PATTERN:
            if not between and (first := text.find("\n\n") + 2) > 1:
                self._take_lines(text[:first], events)
                text = text[first:]
                between = True
            if between:
                text = self._take_usual(text, events)
        if text:
            self._take_lines(text, events)
        return events

    def _take_bare(self, text: str, events: list[Event]) -> str:
        """Shortcut for blocks of one `data` line and nothing else; gives back the text that is left."""
        first = text.find("\n")
        end, blank = ("\r", "\r\n\r\n") if text[first - 1 : first] == "\r" else ("\n", "\n\n")
        name = "data: " if text.startswith("data: ") else "data:"
        if not text.startswith(blank, first + 1 - len(blank) // 2):
            return text
        divider = blank + name
        if first < LONG:
            values = text.split(divider)
            values[0] = values[0][len(name) :]
            rest = values.pop()
        else:
            values, start = [], len(name)
            while text.startswith(divider, stop := text.find(end, start)):
                values.append(text[start:stop])
                start = stop + len(divider)
            rest = text[start:]
        if rest.endswith(blank):
            values.append(rest[: -len(blank)])
            rest = ""
        else:
            rest = name + rest
        together = "".join(values)
        if "\n" in together or "\r" in together or (name == "data:" and f"{divider} " in text):
            return text
        events += map(new_event, zip(repeat("message"), values, repeat(self.last_event_id)))
        return rest

    def _take_usual(self, text: str, events: list[Event]) -> str:
        """Shortcut for blocks of the usual fields; gives back the text from the first other block on."""
        last, rest = self.last_event_id, ""
        for before, ident, behind, data, rest in USUAL.findall(text):  # noqa: B007 - the last one is returned
            if ident:
                last = ident
            if "\n" in data:
                data = data.replace("\ndata: ", "\n")
            events.append(new_event((behind or before or "message", data, last)))
        if rest:
            events.pop()
        self._id = self.last_event_id = last
        return rest

    def _take_lines(self, text: str, events: list[Event]) -> None:
        """The rules themselves, line by line; every line of `text` is complete and ends with LF."""
        data, kind, ident = self._data, self._type, self._id
        lines = text.split("\n")
        lines.pop()
        for line in lines:
            if not line:
                self.last_event_id = ident
                if data:
                    events.append(new_event((kind or "message", "\n".join(data), ident)))
                    data = []
                kind = ""
                continue
            name, _, value = line.partition(": ")
            if name == "data":
                data.append(value)
                continue
            if name not in OTHERS:
                # Either no known field, or one whose colon has no blank behind it.
                name, _, value = line.partition(":")
                if name == "data":
                    data.append(value)
                    continue
            if name == "event":
                kind = value
            elif name == "id":
                if "\0" not in value:
                    ident = value
            elif name == "retry" and value.isascii() and value.isdigit():
                self.retry = integer(value)
        self._data, self._type, self._id = data, kind, ident

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
                self._give_up(limit, self._parse(b"\n".join([*counted[:number], b""])) if number else [])
            if not line:
                kept = 0
            elif line.partition(b":")[0] in KEPT:
                kept += len(line)
        self._kept = kept
        events = self._parse(lines)
        self._check_pending(limit, events)
        return events

    def _check_pending(self, limit: int, events: list[Event]) -> None:
        """Give up if the line that has not ended is too much already."""
        if self._kept + self._pending_size > limit:
            self._give_up(limit, events)

    def _give_up(self, limit: int, events: list[Event]) -> NoReturn:
        self.close()
        raise EventTooLarge(limit, events)


def with_lf(text: str) -> str:
    """The text with LF for each of its line ends."""
    without = text.replace("\r", "")
    # All of them CRLF: single characters are found so much faster that a guess and its proof cost less.
    if without.replace("\n", "\r\n") == text:
        return without
    return text.replace("\r\n", "\n").replace("\r", "\n")


def integer(digits: str) -> int:
    """The number that ASCII digits write, exact at any length; `int` alone refuses long ones."""
    digits = digits.lstrip("0") or "0"
    if len(digits) <= ALWAYS_INTEGERS:
        return int(digits)
    half = len(digits) // 2
    shifted: int = integer(digits[:-half]) * 10**half
    return shifted + integer(digits[-half:])
