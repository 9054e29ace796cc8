"""Frames against those of the `websockets` library, whole, in two and byte by byte."""

import pytest
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode

from asgi_conformance.websocket.frames import (
    BINARY,
    CLOSE,
    CONT,
    PONG,
    TEXT,
    Frame,
    FrameReader,
    Message,
    MessageReader,
    close_payload,
    encode,
    masking,
    may_be_sent,
    parse_close,
)

SIZES = (0, 1, 125, 126, 65_535, 65_536)


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_is_the_one_that_the_library_makes(size: int) -> None:
    payload = bytes(n % 251 for n in range(size))
    assert encode(BINARY, payload, key=None) == TheirFrame(Opcode.BINARY, payload).serialize(mask=False)
    masked = encode(TEXT, payload, fin=False, rsv=5, key=b"\x01\x02\x03\x04")
    (read,) = FrameReader().feed(masked)
    assert (read.opcode, read.payload, read.fin, read.rsv) == (TEXT, payload, False, 5)
    assert (read.key, read.minimal) == (b"\x01\x02\x03\x04", True)


def test_a_mask_comes_off_as_it_went_on() -> None:
    assert masking(masking(b"some bytes", b"abcd"), b"abcd") == b"some bytes"
    assert masking(b"", b"abcd") == b""


def test_frames_are_the_same_however_they_are_cut() -> None:
    data = encode(TEXT, b"one", fin=False) + encode(PONG, b"") + encode(CONT, b"x" * 200) + encode(CLOSE, b"")
    whole = FrameReader().feed(data)
    reader = FrameReader()
    assert [frame for byte in data for frame in reader.feed(bytes([byte]))] == whole
    for cut in range(len(data)):
        reader = FrameReader()
        assert reader.feed(data[:cut]) + reader.feed(data[cut:]) == whole


@pytest.mark.parametrize("form", [16, 64])
def test_a_longer_form_is_told(form: int) -> None:
    (frame,) = FrameReader().feed(encode(TEXT, b"short", form=form))
    assert frame.payload == b"short"
    assert not frame.minimal


def test_a_length_beyond_the_limit_is_not_waited_for() -> None:
    with pytest.raises(OverflowError):
        FrameReader(1000).feed(encode(BINARY, b"", form=64, declared=1 << 62))


def test_fragments_become_a_message() -> None:
    data = encode(TEXT, b"on", fin=False, key=None) + encode(PONG, b"!", key=None) + encode(CONT, b"e", key=None)
    events, breach = MessageReader().feed(data)
    assert events == [Frame(PONG, b"!"), Message(TEXT, b"one")]
    assert not breach


@pytest.mark.parametrize(
    ("data", "breach"),
    [
        (encode(TEXT, b"a", key=b"mask"), "a masked frame"),
        (encode(TEXT, b"a", key=None, form=16), "a length in a longer form"),
        (encode(3, b"a", key=None), "a reserved opcode"),
        (encode(TEXT, b"a", key=None, rsv=4), "a reserved bit"),
        (encode(CONT, b"a", key=None), "a frame out of order"),
        (encode(TEXT, b"a", fin=False, key=None) + encode(TEXT, b"b", key=None), "a frame out of order"),
        (encode(PONG, b"a" * 126, key=None), "a control frame that is fragmented, too long"),
        (encode(PONG, b"a", fin=False, key=None), "a control frame that is fragmented, too long"),
        (encode(CLOSE, close_payload(1005), key=None), "a close whose payload nobody may send"),
        (encode(CLOSE, b"\x03", key=None), "a close whose payload nobody may send"),
        (encode(CLOSE, close_payload(1000, b"\xff"), key=None), "a close whose reason is no UTF-8"),
        (encode(CLOSE, b"", key=None) + encode(TEXT, b"a", key=None), "a frame after the close"),
        (encode(CLOSE, b"", key=None) * 2, "a frame after the close"),
        (encode(TEXT, b"\xed\xa0\x80", key=None), "a text message that is no UTF-8"),
        (encode(BINARY, b"", key=None, form=64, declared=1 << 40), "a frame that claims a payload of"),
    ],
)
def test_each_breach_is_told(data: bytes, breach: str) -> None:
    _, told = MessageReader().feed(data)
    assert told.startswith(breach)


def test_what_came_before_a_breach_is_told_with_it() -> None:
    events, breach = MessageReader().feed(encode(TEXT, b"a", key=None) + encode(CONT, b"b", key=None))
    assert events == [Message(TEXT, b"a")]
    assert breach


def test_codes() -> None:
    assert parse_close(b"") == (1005, b"")
    assert parse_close(close_payload(4000, b"why")) == (4000, b"why")
    assert all(map(may_be_sent, (1000, 1003, 1007, 1014, 3000, 4999, 5000)))
    assert not any(map(may_be_sent, (0, 999, 1004, 1005, 1006, 1015, 1016, 2999)))
