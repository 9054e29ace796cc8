"""Text of unknown origin is shown whole, harmless and bounded."""

import pytest

from asgi_conformance.reports.text import clip, count, listed, milliseconds, one_line, seconds, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", r"a\x00b"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("over\rwritten", r"over\rwritten"),
        ("\u202eevil", r"\u202eevil"),
        ("\udc80", r"\udc80"),
        ("\ufeff\uffff", r"\ufeff\uffff"),
        ("line\n\ttab", "line\n\ttab"),
        ("žluťoučký 🐎", "žluťoučký 🐎"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_its_escape(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(text).encode()


def test_a_cut_text_says_how_long_it_was() -> None:
    assert clip("x" * 1500, 3) == "xxx… (1,500 characters)"
    assert clip("xxx", 3) == "xxx"
    assert one_line("a\nb\tc", 10) == r"a\nb\tc"


def test_numbers_carry_their_nouns() -> None:
    assert [count(n, "check") for n in (0, 1, 1200)] == ["0 checks", "1 check", "1,200 checks"]
    assert count(2, "entry", "entries") == "2 entries"


def test_a_long_list_says_how_much_is_missing() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_times_have_the_unit_that_reads_best() -> None:
    assert [milliseconds(value) for value in (0.04, 2.14, 3_600_000)] == ["0.0 ms", "2.1 ms", "3600.0 s"]
    assert [seconds(value) for value in (0.44, 23.46, 200.2)] == ["0.4 s", "23.5 s", "3 min 20 s"]
