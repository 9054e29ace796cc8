"""The page is whole, self-contained, legible and bounded, whatever the verdicts hold."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import product

import pytest

from asgi_conformance.reports import html
from asgi_conformance.reports.benchmarks import BenchmarkRow, Benchmarks
from asgi_conformance.reports.html import SIGNS, TEMPLATES, inline, moment, prose
from asgi_conformance.reports.run import RuleText, Run, Status
from asgi_conformance.verdict import Entry, Level, Outcome, Verdict

VOID = {"meta", "br"}
OPTIONAL = {"td", "tr"}  # their end tags may be left out, and are in transcripts
ACTIVE = {"script", "iframe", "object", "embed", "link", "img", "form", "base", "video", "audio"}


@dataclass
class Page(HTMLParser):
    """What a page consists of, as a parser sees it."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID | OPTIONAL and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in OPTIONAL:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]


def parsed(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return page


@pytest.mark.parametrize("name", ["mixed", "conformant"])
def test_the_text_is_as_it_was(name: str, request: pytest.FixtureRequest, golden: Callable[[str, str], None]) -> None:
    benchmarks = request.getfixturevalue("benchmarks") if name == "mixed" else None
    golden(f"{name}.html", html.render(request.getfixturevalue(name), benchmarks))


@pytest.mark.parametrize("name", ["mixed", "conformant", "catalogue"])
def test_the_page_needs_nothing_and_links_to_what_is_there(
    name: str, request: pytest.FixtureRequest, benchmarks: Benchmarks
) -> None:
    run: Run = request.getfixturevalue(name)
    page = parsed(html.render(run, benchmarks))
    assert not {tag for tag, _ in page.tags} & ACTIVE
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "src"]
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for address in page.values("href"):
        assert address.startswith("https://") or address.removeprefix("#") in ids
    assert not re.search(r"url\(|@import", html.render(run))
    assert {verdict.check for verdict in run.verdicts} <= set(ids)


def test_every_status_has_a_sign_and_a_word_of_its_own(mixed: Run) -> None:
    assert len(set(SIGNS.values())) == len(Status)
    page = parsed(html.render(mixed))
    assert [f"1 {status}" in page.text for status in Status if status is not Status.PASSED] == [True] * 6
    (shares,) = [attributes for _, attributes in page.tags if attributes.get("class") == "shares"]
    numbers = re.findall(r"\d+", shares["aria-label"])
    assert sum(map(int, numbers)) == len(mixed.verdicts)
    assert shares["role"] == "img"


def test_failures_are_open_and_warnings_closed(mixed: Run) -> None:
    blocks = {a["id"]: "open" in a for tag, a in parsed(html.render(mixed)).tags if tag == "details" and "id" in a}
    assert blocks["sse.event.blank-line"]
    assert not blocks["middleware.request-id.on-errors"]
    assert not blocks["lifespan.shutdown.bounded"]


def test_a_failure_is_told_with_all_that_it_takes(mixed: Run) -> None:
    text = parsed(html.render(mixed)).text
    for part in (
        "Not conformant: 1 new MUST failure, 1 stale entry; 1 check could not run",
        "Every event must end with a blank line.",
        "an empty line after the last field",
        "the stream ended after one line feed; a browser drops the event",
        "2.2 ms",
        "authorization: ***",
        r"b'data: x\n' ← here",
        "Usual mend:",
        "HTML, Server-sent events, event-stream-interpretation",
        "asgi-conformance run my.app:app --server uvicorn-h11 --check sse.event.blank-line",
        "asgi-conformance explain sse.event.blank-line",
        "waits for its queue; see issue 12",
        "no websocket route",
        "the server did not start",
        "2026-11-20 18:25 UTC",
    ):
        assert part in text


HOSTILE = (
    "</style></details><script>alert(1)</script><img src=x onerror=y>\"'>&amp;{{ 7*7 }}{% x %}\x00\x1b[2J\udc80\u202e\r"
)


def test_nothing_that_an_application_said_becomes_part_of_the_page(verdict: Callable[..., Verdict]) -> None:
    one = verdict(
        HOSTILE,
        Outcome.FAILED,
        driver=HOSTILE,
        target=HOSTILE,
        suite=HOSTILE,
        route=HOSTILE,
        expected=HOSTILE,
        observed=f"`{HOSTILE}`",
        transcript=(Entry(0.0, HOSTILE, HOSTILE, here=True),),
    )
    rule = RuleText(HOSTILE, f"``{HOSTILE}``\n\nUsual cause: {HOSTILE}", Level.MUST, HOSTILE, f"javascript:{HOSTILE}")
    verdicts = (
        one,
        replace(one, known=HOSTILE),
        replace(one, outcome=Outcome.PASSED, known=HOSTILE),
        replace(one, outcome=Outcome.COULD_NOT_RUN),
        replace(one, outcome=Outcome.NOT_APPLICABLE),
        replace(one, level=Level.SHOULD, outcome=Outcome.WARNED, target="other"),
    )
    environment = {"target": HOSTILE, "versions": {HOSTILE: HOSTILE}, "found": [HOSTILE], "date": HOSTILE}
    environment |= {"command": HOSTILE, "python": HOSTILE, "platform": HOSTILE, "not_offered": [HOSTILE]}
    benchmarks = Benchmarks(HOSTILE, (BenchmarkRow(HOSTILE, 1.0, 1.0, 1.0, 1),), HOSTILE, HOSTILE)
    text = html.render(Run(environment, verdicts, {HOSTILE: rule}), benchmarks)
    page = parsed(text)
    assert not {tag for tag, _ in page.tags} & ACTIVE
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not [address for address in page.values("href") if not address.startswith("#")]
    assert "{{ 7*7 }}{% x %}" in page.text
    assert re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ud800-\udfff]", text) is None
    ids = page.values("id")
    assert len(ids) == len(set(ids))


def test_a_text_of_a_megabyte_is_cut_and_says_so(verdict: Callable[..., Verdict]) -> None:
    long = "<&'\">" * 200_000
    entries = tuple(Entry(float(n), "send", long) for n in range(3))
    text = html.render(Run({}, (verdict("a.b.c", Outcome.FAILED, expected=long, observed=long, transcript=entries),)))
    assert len(text) < 100_000
    assert "(1,000,000 characters)" in text


def large(verdict: Callable[..., Verdict], targets: int, checks: int, broken: int) -> Run:
    """A run in which every `broken`-th verdict is broken, with all the evidence that a transcript can hold."""
    entries = tuple(Entry(float(n), "send", "{'type': 'http.response.body', 'body': b'<x>'} " * 5) for n in range(121))
    rule = RuleText("It must. " * 8, "Why. " * 100, Level.MUST, "C " * 20, "https://example.org/" + "x" * 60)
    rules = {f"area-{n % 8}.clause.rule-{n}": rule for n in range(checks)}
    verdicts = [
        verdict(check, route="GET /some/route", target=f"some.target-{target}")
        if (index + target) % broken
        else verdict(
            check,
            Outcome.FAILED,
            route="GET /some/route",
            target=f"some.target-{target}",
            expected="é" * 300,
            observed="é" * 3_000,
            transcript=entries,
            known="so " * 30 if target % 2 else None,
        )
        for target in range(targets)
        for index, check in enumerate(rules)
    ]
    return Run({}, tuple(verdicts), rules)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("broken", [1, 10, 3_001])
def test_the_page_of_a_catalogue_stays_below_one_and_a_half_megabytes(
    verdict: Callable[..., Verdict], broken: int
) -> None:
    run = large(verdict, targets=30, checks=100, broken=broken)
    assert len(html.render(run).encode()) < 1_500_000


@pytest.mark.parametrize("broken", [1, 10, 3_001])
def test_the_page_of_one_application_stays_below_300_kilobytes(
    verdict: Callable[..., Verdict], broken: int, benchmarks: Benchmarks
) -> None:
    run = large(verdict, targets=1, checks=120, broken=broken)
    assert len(html.render(run, benchmarks).encode()) < 300_000


@pytest.mark.slow
def test_what_there_is_no_room_for_is_named(verdict: Callable[..., Verdict]) -> None:
    run = large(verdict, targets=30, checks=100, broken=1)
    text = html.render(run)
    page = parsed(text)
    assert "The transcript is in <code>results.json</code>." in text
    assert "without evidence here" in text
    assert {address for address in page.values("href") if address.startswith("#")} <= {
        f"#{name}" for name in page.values("id")
    }


def luminance(colour: str) -> float:
    """The relative luminance of a colour, as WCAG defines it."""
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, as WCAG defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_reckoned_as_the_guideline_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_of_level_aa(scheme: str) -> None:
    style = (TEMPLATES / "report.css").read_text("utf-8")
    light, dark = style.split("@media screen and (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light if scheme == "light" else dark))
    tones = [status.replace(" ", "-") for status in Status]
    grounds = ["page", "surface", "sunken"]
    washes = [f"{tone}-wash" for tone in tones]
    pairs = [*product(["ink", "muted", "link", *tones], grounds), *product(["ink", "muted", *tones], washes)]
    poor = {pair: ratio for pair in pairs if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 4.5}
    assert poor == {}


def test_prose_keeps_paragraphs_and_code() -> None:
    assert prose("One\nline.\n\nUsual cause: `a<b` or ``c``.") == (
        "<p>One line.</p><p><strong>Usual cause:</strong> <code>a&lt;b</code> or <code>c</code>.</p>"
    )
    assert inline("a ` b") == "a ` b"


def test_a_date_is_shown_as_people_read_it() -> None:
    assert moment("2026-11-20T18:25:31+00:00") == "2026-11-20 18:25 UTC"
    assert moment("2026-11-20T18:25:31") == "2026-11-20 18:25"
    assert moment("yesterday") == "yesterday"


def test_the_picture_has_its_numbers_in_words_and_in_a_table(mixed: Run, benchmarks: Benchmarks) -> None:
    page = parsed(html.render(mixed, benchmarks))
    (picture,) = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert picture["role"] == "img"
    assert "none 41.2 µs; pure ASGI 44.5 µs; BaseHTTPMiddleware 402.0 µs" in picture["aria-label"]
    for told in ("402.0", "390.5", "431.2", "40.8", "9.75", "Timed one after the other", "400 rounds of 10 requests"):
        assert told in page.text


def test_benchmarks_without_rows_are_left_out(mixed: Run) -> None:
    assert html.render(mixed, Benchmarks("t", (), "h")) == html.render(mixed)
