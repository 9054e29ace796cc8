"""Compression against that of the `websockets` library, and answers that no offer allows."""

import random

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from asgi_conformance.websocket.deflate import Agreement, Deflater, Inflater, agreed, extensions
from asgi_conformance.websocket.frames import BreachError

PLAIN = "permessage-deflate"
MESSAGES = [b"one and one and one", b"", bytes(50_000), random.Random(1).randbytes(50_000), b"one and one and one"]


@pytest.mark.parametrize("server_keeps", [True, False])
@pytest.mark.parametrize("client_keeps", [True, False])
@pytest.mark.parametrize("window", [9, 12, 15])
def test_both_directions_with_the_library(server_keeps: bool, client_keeps: bool, window: int) -> None:
    agreement = Agreement(window, window, server_keeps, client_keeps)
    theirs = PerMessageDeflate(not client_keeps, not server_keeps, window, window)
    deflater, inflater = Deflater(agreement), Inflater(agreement)
    for message in MESSAGES:
        ours = Frame(Opcode.BINARY, deflater.deflate(message), rsv1=True)
        assert bytes(theirs.decode(ours).data) == message
        assert inflater.inflate(bytes(theirs.encode(Frame(Opcode.BINARY, message)).data)) == message


def test_a_window_of_8_bits_is_kept_to() -> None:
    deflater = Deflater(Agreement(client_window=8))
    text = bytes(100_000) + random.Random(2).randbytes(1000) * 2
    assert Inflater(Agreement(server_window=8)).inflate(deflater.deflate(text)) == text


def test_more_window_than_agreed_is_a_breach() -> None:
    far = Deflater(Agreement()).deflate(random.Random(3).randbytes(5000) * 2)
    with pytest.raises(BreachError, match="cannot be inflated as agreed"):
        Inflater(Agreement(server_window=9)).inflate(far)


def test_context_that_was_given_up_is_a_breach() -> None:
    deflater, inflater = Deflater(Agreement()), Inflater(Agreement(server_keeps=False))
    assert inflater.inflate(deflater.deflate(MESSAGES[3])) == MESSAGES[3]
    with pytest.raises(BreachError):
        inflater.inflate(deflater.deflate(MESSAGES[3][-1000:]))


@pytest.mark.parametrize(
    ("offer", "answer", "agreement"),
    [
        (PLAIN, "", None),
        (PLAIN, PLAIN, Agreement()),
        (PLAIN, f"{PLAIN}; server_max_window_bits=10", Agreement(server_window=10)),
        (PLAIN, f"{PLAIN}; client_no_context_takeover", Agreement(client_keeps=False)),
        (f"{PLAIN}; client_max_window_bits", f'{PLAIN};client_max_window_bits="9"', Agreement(client_window=9)),
        (f"{PLAIN}; server_max_window_bits=8, {PLAIN}", PLAIN, Agreement()),
    ],
)
def test_answers_that_are_allowed(offer: str, answer: str, agreement: Agreement | None) -> None:
    assert agreed(offer, answer) == agreement


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (PLAIN, "x-other"),
        (PLAIN, f"{PLAIN}, {PLAIN}"),
        (PLAIN, f"{PLAIN}; x=1"),
        (PLAIN, f"{PLAIN}; client_max_window_bits=10"),
        (PLAIN, f"{PLAIN}; server_max_window_bits=7"),
        (PLAIN, f"{PLAIN}; server_max_window_bits"),
        (PLAIN, f"{PLAIN}; server_no_context_takeover=1"),
        (PLAIN, f"{PLAIN}; server_no_context_takeover; server_no_context_takeover"),
        (f"{PLAIN}; server_no_context_takeover", PLAIN),
        (f"{PLAIN}; server_max_window_bits=10", PLAIN),
        (f"{PLAIN}; server_max_window_bits=10", f"{PLAIN}; server_max_window_bits=11"),
        (PLAIN, f"{PLAIN}; ="),
    ],
)
def test_answers_that_are_not(offer: str, answer: str) -> None:
    with pytest.raises(BreachError):
        agreed(offer, answer)


def test_a_header_is_taken_apart() -> None:
    found = extensions('a, B; c; d=1 ; e="2" ,f')
    assert found == [("a", ()), ("b", (("c", None), ("d", "1"), ("e", "2"))), ("f", ())]


@pytest.mark.parametrize("value", [";a", "a;", "a; =1", "a b", 'a; b="1', "a;;b"])
def test_a_header_without_its_grammar_is_a_breach(value: str) -> None:
    with pytest.raises(BreachError):
        extensions(value)
