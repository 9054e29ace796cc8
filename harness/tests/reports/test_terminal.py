"""The summary in a terminal: all facts without colour, nothing wider than it needs to be, nothing that acts."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from asgi_conformance.reports import terminal
from asgi_conformance.reports.run import Run, Status
from asgi_conformance.verdict import Entry, Outcome, Verdict

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", ["mixed", "conformant", "catalogue"])
def test_the_text_is_as_it_was(name: str, request: pytest.FixtureRequest, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.terminal.txt", terminal.render(request.getfixturevalue(name)))


def test_the_heading_is_as_it_was(mixed: Run, golden: Callable[[str, str], None]) -> None:
    golden("heading.txt", terminal.heading(mixed.environment))


def test_colour_changes_no_word(mixed: Run) -> None:
    coloured = terminal.render(mixed, color=True)
    assert coloured != terminal.render(mixed)
    assert ANSI.sub("", coloured) == terminal.render(mixed)
    assert ANSI.sub("", terminal.heading(mixed.environment, color=True)) == terminal.heading(mixed.environment)


@pytest.mark.parametrize("width", [1, 40, 60, 79, 100, 200])
def test_only_what_will_be_copied_is_wider_than_the_terminal(mixed: Run, width: int) -> None:
    copied = ("again ", "explain ", "rule ", "      see ", "FAIL ", "warn ")
    for line in terminal.render(mixed, width=width).splitlines():
        assert len(line) <= max(width, 40) or line.startswith(copied)


def test_the_counts_in_the_text_add_up(mixed: Run) -> None:
    line = next(line for line in terminal.render(mixed).splitlines() if " verdicts: " in line)
    total, *parts = [int(number) for number in re.findall(r"\d+", line)]
    assert total == sum(parts) == len(mixed.verdicts)


def test_the_offending_line_is_marked_however_long_it_is(verdict: Callable[..., Verdict]) -> None:
    entries = [Entry(float(n), "send", f"line {n} " + "x" * 500, here=n == 77) for n in range(120)]
    text = terminal.render(Run({}, (verdict("a.b.c", Outcome.FAILED, transcript=tuple(entries)),)), width=80)
    (marked,) = [line for line in text.splitlines() if line.endswith("<- here")]
    assert "line 77" in marked
    assert "line 0 " in text
    assert "line 119" in text
    gaps = [int(number) for number in re.findall(r"… (\d+) lines? left out", text)]
    assert sum(gaps) + terminal.LINES == 120


def test_a_terminal_obeys_nothing_that_an_application_said(verdict: Callable[..., Verdict]) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\r\u202e\udc80"
    one = verdict(
        "a.b.c",
        Outcome.FAILED,
        target=hostile,
        route=hostile,
        expected=hostile,
        observed=hostile,
        transcript=(Entry(0.0, hostile, hostile),),
    )
    known = replace(one, known=hostile)
    stuck = replace(one, outcome=Outcome.COULD_NOT_RUN)
    text = terminal.render(Run({}, (one, known, stuck)))
    assert re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\ud800-\udfff]", text) is None


def test_one_rule_broken_everywhere_is_told_once(verdict: Callable[..., Verdict]) -> None:
    one = verdict("a.b.c", Outcome.FAILED, observed="nothing")
    text = terminal.render(Run({}, tuple(replace(one, target=f"app-{n:03}") for n in range(100))))
    assert text.count("FAIL") == 1
    assert text.count("also ") == terminal.BY_NAME + 1
    assert "85 more places" in text


@pytest.mark.parametrize(
    ("target", "driver", "command"),
    [
        ("my.app:app", "in-process", "asgi-conformance run my.app:app --server in-process --check a.b.c"),
        ("http://host/", "remote", "asgi-conformance run --url http://host/ --check a.b.c"),
        ("sse.counter", "uvicorn", "asgi-conformance run --server uvicorn --check a.b.c"),
        ("my app:x", "uvicorn", "asgi-conformance run 'my app:x' --server uvicorn --check a.b.c"),
        ("named", "uvicorn", "asgi-conformance run app:make --factory --server uvicorn --check a.b.c"),
    ],
)
def test_the_command_repeats_just_this(verdict: Callable[..., Verdict], target: str, driver: str, command: str) -> None:
    one = verdict("a.b.c", Outcome.FAILED, driver, target=target)
    run = Run({"repeat": {"named": "asgi-conformance run app:make --factory"}}, (one,))
    assert f"again     {command}\n" in terminal.render(run)


def test_statuses_have_a_letter_each() -> None:
    assert len({status.letter for status in Status}) == len(Status)
