"""An HTTP/1.1 response as a parser that does no I/O: bytes in, events out.

It reads as a careful client does, and it never repairs: what it cannot read is told in :attr:`fault`, and the
response is then not complete. The rules are those of RFC 9112, sections 4 to 7.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from asgi_conformance.drivers.base import Headers

MAX_HEAD = 1 << 20  # bytes; a head without end must not fill the memory


@dataclass(frozen=True, slots=True)
class Start:
    """The status line and the header section are complete. `interim` is true for a 1xx that another one follows."""

    status: int
    reason: str
    headers: Headers
    version: str
    interim: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """Some of the content, without transfer coding."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The response is complete; `trailers` came with a chunked body."""

    trailers: Headers = ()


Event = Start | Data | End


class Framing(Enum):
    """How the end of the content is known."""

    NONE = auto()  # there is no content
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()  # it ends with the connection


class _State(Enum):
    HEAD = auto()
    LENGTH = auto()
    CLOSE = auto()
    CHUNK_SIZE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILERS = auto()
    OVER = auto()


_STATUS_LINE = re.compile(rb"HTTP/(\d\.\d) (\d{3})(?: ([^\r\n]*))?")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*", re.DOTALL)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")


class _MalformedError(Exception):
    """The bytes are no response; the text says what they are."""


class ResponseParser:
    """One response to one request.

    Args:
        method: of the request; it decides whether there is content.

    Attributes:
        complete: the response came to the end that its framing promised.
        fault: what is wrong with the bytes, as a noun phrase; empty while nothing is.
        framing: how the end is known, once the head is there.
        rest: bytes after the end of the response.
    """

    def __init__(self, method: str = "GET") -> None:
        self._method = method
        self._state = _State.HEAD
        self._missing = 0  # bytes of the content, or of the chunk
        self.complete = False
        self.fault = ""
        self.framing: Framing | None = None
        self.rest = b""

    @property
    def over(self) -> bool:
        """Nothing more can come of this response: it is complete or cannot be read."""
        return self._state is _State.OVER

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes from the connection; the events that they complete."""
        self.rest += data
        events: list[Event] = []
        try:
            while not self.over and self._step(events):
                pass
        except _MalformedError as error:
            self.fault = str(error)
            self._state = _State.OVER
        return events

    def finish(self) -> list[Event]:
        """Take note that the connection was closed in order, which is how some responses end."""
        if self._state is not _State.CLOSE:
            return []
        events: list[Event] = []
        self._end(events)
        return events

    def _step(self, events: list[Event]) -> bool:
        """Make one step; False when it needs more bytes."""
        match self._state:
            case _State.HEAD:
                return self._head(events)
            case _State.LENGTH | _State.CHUNK | _State.CLOSE:
                return self._content(events)
            case _State.CHUNK_SIZE:
                return self._chunk_size()
            case _State.CHUNK_END:
                return self._chunk_end()
            case _:
                return self._trailers(events)

    def _head(self, events: list[Event]) -> bool:
        # Looked at as soon as it is there: what speaks another protocol may never send an empty line.
        status_line, ended, _ = self.rest.partition(b"\n")
        status_line = status_line.removesuffix(b"\r")
        found = _STATUS_LINE.fullmatch(status_line)
        if ended and found is None:
            raise _MalformedError(f"a status line that reads {_shown(status_line)}")
        block = self._block()
        if block is None or found is None:
            return False
        lines = block.split(b"\r\n")[1:]
        status, headers = int(found[2]), _fields(lines)
        interim = 100 <= status < 200 and status != 101
        reason = (found[3] or b"").decode("latin-1")
        events.append(Start(status, reason, headers, found[1].decode(), interim))
        if not interim:
            self._begin(status, headers, events)
        return True

    def _block(self) -> bytes | None:
        """The lines up to an empty one, which is taken off as well."""
        head, found, rest = self.rest.partition(b"\r\n\r\n")
        if not found:
            if len(self.rest) > MAX_HEAD:
                raise _MalformedError(f"a head of more than {MAX_HEAD} bytes")
            return None
        self.rest = rest
        return head

    def _begin(self, status: int, headers: Headers, events: list[Event]) -> None:
        """Choose the framing (RFC 9112, section 6.3)."""
        codings = _values(headers, b"transfer-encoding")
        lengths = set(_values(headers, b"content-length"))
        if self._method == "HEAD" or status in {101, 204, 304}:
            self.framing = Framing.NONE
            self._end(events)
        elif codings:
            chunked = codings[-1].lower() == b"chunked"
            self.framing = Framing.CHUNKED if chunked else Framing.CLOSE
            self._state = _State.CHUNK_SIZE if chunked else _State.CLOSE
        elif lengths:
            length = lengths.pop()
            if lengths or not length.isdigit():
                raise _MalformedError(f"a content-length of {_shown(b', '.join([length, *sorted(lengths)]))}")
            self.framing = Framing.LENGTH
            self._missing = int(length)
            self._state = _State.LENGTH
            if not self._missing:
                self._end(events)
        else:
            self.framing = Framing.CLOSE
            self._state = _State.CLOSE

    def _content(self, events: list[Event]) -> bool:
        if not self.rest:
            return False
        if self._state is _State.CLOSE:
            data, self.rest = self.rest, b""
        else:
            data, self.rest = self.rest[: self._missing], self.rest[self._missing :]
            self._missing -= len(data)
        events.append(Data(data))
        if self._state is not _State.CLOSE and not self._missing:
            if self._state is _State.LENGTH:
                self._end(events)
            else:
                self._state = _State.CHUNK_END
        return True

    def _chunk_size(self) -> bool:
        line, found, rest = self.rest.partition(b"\r\n")
        if not found:
            if len(line) > 4096:
                raise _MalformedError(f"a chunk size that reads {_shown(line)}")
            return False
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            raise _MalformedError(f"a chunk size that reads {_shown(line)}")
        self._missing = int(size[1], 16)
        if self._missing:
            self.rest = rest
            self._state = _State.CHUNK
        else:
            # The line's end stays: with no trailers it is the first half of the empty line.
            self.rest = b"\r\n" + rest
            self._state = _State.TRAILERS
        return True

    def _chunk_end(self) -> bool:
        if len(self.rest) < 2:
            return False
        if self.rest[:2] != b"\r\n":
            raise _MalformedError("a chunk that is longer than its size")
        self.rest = self.rest[2:]
        self._state = _State.CHUNK_SIZE
        return True

    def _trailers(self, events: list[Event]) -> bool:
        block = self._block()
        if block is None:
            return False
        self._end(events, _fields(block.split(b"\r\n")[1:]))
        return True

    def _end(self, events: list[Event], trailers: Headers = ()) -> None:
        self.complete = True
        self._state = _State.OVER
        events.append(End(trailers))


def _fields(lines: list[bytes]) -> Headers:
    found = []
    for line in lines:
        matched = _FIELD.fullmatch(line)
        if matched is None:
            raise _MalformedError(f"a header line that reads {_shown(line)}")
        found.append((matched[1], matched[2]))
    return tuple(found)


def _values(headers: Headers, name: bytes) -> list[bytes]:
    """The values of all headers of that name, lists taken apart."""
    return [part.strip() for key, value in headers if key.lower() == name for part in value.split(b",")]


def _shown(data: bytes) -> str:
    return repr(data[:60])[1:]
