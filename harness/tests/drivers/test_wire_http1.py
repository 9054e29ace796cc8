"""The response parser, whole, byte by byte and split in two."""

from dataclasses import dataclass

import pytest

from asgi_conformance.drivers.wire_http1 import Data, End, Event, Framing, ResponseParser, Start


@dataclass(frozen=True)
class Read:
    """What came of a response."""

    statuses: tuple[int, ...]
    body: bytes
    complete: bool
    fault: str
    rest: bytes
    trailers: tuple[tuple[bytes, bytes], ...]


def read(parser: ResponseParser, parts: list[bytes], *, closed: bool) -> Read:
    events: list[Event] = []
    for part in parts:
        events += parser.feed(part)
    if closed:
        events += parser.finish()
    ends = [event for event in events if isinstance(event, End)]
    assert len(ends) == parser.complete
    return Read(
        statuses=tuple(event.status for event in events if isinstance(event, Start)),
        body=b"".join(event.data for event in events if isinstance(event, Data)),
        complete=parser.complete,
        fault=parser.fault,
        rest=parser.rest if parser.complete else b"",
        trailers=ends[0].trailers if ends else (),
    )


def read_every_way(data: bytes, method: str = "GET", *, closed: bool = False) -> Read:
    """The result, which is the same however the bytes arrive."""
    ways = [[data], [data[i : i + 1] for i in range(len(data))]]
    ways += [[data[:i], data[i:]] for i in range(1, len(data))]
    results = {read(ResponseParser(method), way, closed=closed) for way in ways}
    assert len(results) == 1
    return results.pop()


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("data", "method", "body", "rest"),
    [
        (OK + b"content-length: 5\r\n\r\nhello", "GET", b"hello", b""),
        (OK + b"Content-Length:5\r\n\r\nhelloHTTP/1.1", "GET", b"hello", b"HTTP/1.1"),
        (OK + b"content-length: 0\r\n\r\n", "POST", b"", b""),
        (OK + b"content-length: 5, 5\r\n\r\nhello", "GET", b"hello", b""),
        (OK + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello", "GET", b"hello", b""),
        (OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "GET", b"hello", b""),
        (OK + b"transfer-encoding: chunked\r\n\r\n5;x=1\r\nhello\r\nA ; y\r\n0123456789\r\n0\r\n\r\nX", "GET",
         b"hello0123456789", b"X"),
        (OK + b"transfer-encoding: gzip, Chunked\r\n\r\n0\r\n\r\n", "GET", b"", b""),
        (OK + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n1\r\nx\r\n0\r\n\r\n", "GET", b"x", b""),
        (OK + b"content-length: 5\r\n\r\n", "HEAD", b"", b""),
        (OK + b"transfer-encoding: chunked\r\n\r\n", "HEAD", b"", b""),
        (b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello", "GET", b"", b"hello"),
        (b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n", "GET", b"", b""),
        (b"HTTP/1.0 404\r\ncontent-length: 1\r\n\r\nx", "GET", b"x", b""),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\x81\x00", "GET", b"", b"\x81\x00"),
    ],
)  # fmt: skip
def test_a_complete_response_is_read(data: bytes, method: str, body: bytes, rest: bytes):
    result = read_every_way(data, method)
    assert (result.body, result.complete, result.fault, result.rest) == (body, True, "", rest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK",
        OK,
        OK + b"content-length: 5\r\n\r\n",
        OK + b"content-length: 5\r\n\r\nhell",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_what_is_cut_is_not_complete(data: bytes):
    result = read_every_way(data, closed=True)
    assert (result.complete, result.fault) == (False, "")


def test_a_body_without_framing_ends_with_the_connection():
    data = OK + b"\r\nuntil the end"
    assert not read_every_way(data).complete
    assert read_every_way(data, closed=True).complete
    assert read_every_way(data, closed=True).body == b"until the end"
    parser = ResponseParser()
    parser.feed(data)
    assert parser.framing is Framing.CLOSE


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"HTTP/2 200 OK\r\n\r\n", "a status line that reads 'HTTP/2 200 OK'"),
        (b"SSH-2.0-OpenSSH\r\n", "a status line that reads"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "a status line that reads"),
        (OK + b"no colon\r\n\r\n", "a header line that reads 'no colon'"),
        (OK + b"space : x\r\n\r\n", "a header line that reads 'space : x'"),
        (OK + b"a: x\r\n folded\r\n\r\n", "a header line that reads ' folded'"),
        (OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\n", "a content-length of"),
        (OK + b"content-length: -1\r\n\r\n", "a content-length of '-1'"),
        (OK + b"content-length: \r\n\r\n", "a content-length of ''"),
        (OK + b"transfer-encoding: chunked\r\n\r\nxyz\r\n", "a chunk size that reads 'xyz'"),
        (OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n", "a chunk that is longer than its size"),
    ],
)
def test_what_cannot_be_read_is_named(data: bytes, fault: str):
    result = read_every_way(data, closed=True)
    assert result.fault.startswith(fault)
    assert not result.complete


def test_interim_responses_are_told_apart():
    data = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK + b"content-length: 1\r\n\r\nx"
    )
    result = read_every_way(data)
    assert result.statuses == (100, 103, 200)
    assert result.body == b"x"
    parser = ResponseParser()
    assert [event.interim for event in parser.feed(data) if isinstance(event, Start)] == [True, True, False]


def test_headers_keep_order_case_and_octets():
    (start, *_) = ResponseParser().feed(OK + b"X-B: 1\r\nx-a:\t\xe9 \r\nX-B:\r\ncontent-length: 0\r\n\r\n")
    assert isinstance(start, Start)
    assert start.headers == ((b"X-B", b"1"), (b"x-a", b"\xe9"), (b"X-B", b""), (b"content-length", b"0"))
    assert (start.reason, start.version) == ("OK", "1.1")


def test_trailers_are_kept():
    result = read_every_way(OK + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\nrest")
    assert result.trailers == ((b"x-sum", b"1"), (b"x-more", b"2"))
    assert result.rest == b"rest"


def test_a_head_without_end_is_given_up():
    parser = ResponseParser()
    for _ in range(200):
        parser.feed(OK if not parser.rest else b"x: " + b"y" * 10_000 + b"\r\n")
    assert parser.fault == "a head of more than 1048576 bytes"
