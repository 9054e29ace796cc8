"""The Markdown summary says what a reviewer needs, and nothing in it acts."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from asgi_conformance.reports import markdown
from asgi_conformance.reports.markdown import code, plain
from asgi_conformance.reports.run import Run
from asgi_conformance.verdict import Outcome, Verdict


@pytest.mark.parametrize("name", ["mixed", "conformant"])
def test_the_text_is_as_it_was(name: str, request: pytest.FixtureRequest, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.md", markdown.render(request.getfixturevalue(name)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*a* _b_ `c`", r"\*a\* \_b\_ \`c\`"),
        ("[x](http://y) | z", r"\[x\](http://y) \| z"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("ask @someone about #12", "ask @<!-- -->someone about #<!-- -->12"),
        ("two\nlines", r"two\\nlines"),  # the escape of a line feed, its backslash escaped in turn
    ],
)
def test_plain_text_stays_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("`a`", "`` `a` ``"), ("a``b", "```a``b```"), ("", "` `"), ("a | b", "`a | b`")],
)
def test_code_spans_hold_any_text(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_bar_does_not_end_the_cell() -> None:
    assert code("a | b", in_table=True) == r"`a \| b`"


def test_a_large_run_still_fits_into_a_comment(verdict: Callable[..., Verdict]) -> None:
    long = "@#" * 500
    one = verdict("sse.a.b", Outcome.FAILED, expected=long, observed=long)
    many = [
        replace(one, check=f"sse.a.b{n}", target=f"app-{t}", known=long if n % 2 else None)
        for n in range(100)
        for t in range(8)
    ]
    text = markdown.render(Run({}, tuple(many)))
    assert len(text) < 65_536
    assert "30 more broken rules, told in the report" in text
    assert "left out for want of room" in text
