"""What holds for any run: counts add up, the order does not matter, and no renderer fails."""

import json
import re
import xml.etree.ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from asgi_conformance.reports import html, junit, markdown, results_json, terminal
from asgi_conformance.reports.findings import anchor, window
from asgi_conformance.reports.masking import mask
from asgi_conformance.reports.matrix import by_area, by_target
from asgi_conformance.reports.run import Run
from asgi_conformance.verdict import Entry, Level, Outcome, Verdict

TEXT = st.text(st.characters(), max_size=12)  # surrogates, NUL and all
NAMES = st.sampled_from(["a", "b", "c"])
ENTRIES = st.builds(
    Entry, st.floats(0, 1e9), st.sampled_from(["send", "receive", ">", "<", "note"]) | TEXT, TEXT, st.booleans()
)
VERDICTS = st.builds(
    Verdict,
    check=st.builds("{0}.x.{1}".format, NAMES, NAMES),
    level=st.sampled_from(Level),
    suite=NAMES | TEXT,
    outcome=st.sampled_from(Outcome),
    target=NAMES | TEXT,
    driver=st.sampled_from(["in-process", "uvicorn-h11", "hypercorn"]),
    route=st.none() | TEXT,
    expected=st.none() | TEXT,
    observed=st.none() | TEXT,
    transcript=st.lists(ENTRIES, max_size=3).map(tuple),
    duration_s=st.floats(0, 1e6),
    known=st.none() | TEXT,
)
LISTS = st.lists(VERDICTS, max_size=8)
FAIL_ON = st.frozensets(st.sampled_from(Level))
SURE = settings(derandomize=True, deadline=None, max_examples=40)


@SURE
@given(LISTS, FAIL_ON)
def test_counts_add_up_and_agree_with_the_exit_code(verdicts: list[Verdict], fail_on: frozenset[Level]) -> None:
    run = Run({}, tuple(verdicts), fail_on=fail_on)
    assert sum(run.counts.values()) == len(verdicts)
    for matrix in (by_area(run), by_target(run)):
        assert sum(sum(cell.counts.values()) for _, cells in matrix.rows for cell in cells) == len(verdicts)
    head = run.sentence.partition(":")[0]
    assert run.exit_code() == {"Conformant": 0, "Not conformant": 1, "Incomplete": 3, "Nothing ran": 3}[head]


@SURE
@given(LISTS.flatmap(lambda verdicts: st.tuples(st.just(verdicts), st.permutations(verdicts))), FAIL_ON)
def test_the_order_in_which_verdicts_come_does_not_matter(
    orders: tuple[list[Verdict], list[Verdict]], fail_on: frozenset[Level]
) -> None:
    one, other = (Run({}, tuple(verdicts), fail_on=fail_on) for verdicts in orders)
    for renderer in (terminal, markdown, junit, results_json, html):
        assert renderer.render(one) == renderer.render(other)


@SURE
@given(LISTS, st.integers(1, 200))
def test_every_report_can_be_written_whatever_was_said(verdicts: list[Verdict], width: int) -> None:
    run = Run({}, tuple(verdicts))
    assert ET.fromstring(junit.render(run).encode()).get("tests") == str(len(verdicts))
    assert len(json.loads(results_json.render(run))["verdicts"]) == len(verdicts)
    for text in (terminal.render(run, width=width), markdown.render(run), html.render(run)):
        assert text.encode()
        assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text) is None


@SURE
@given(st.lists(ENTRIES, max_size=150), st.integers(8, 60))
def test_a_window_on_a_transcript_keeps_the_offending_line_and_counts_the_rest(
    entries: list[Entry], limit: int
) -> None:
    shown = window(entries, limit)
    gaps = [re.fullmatch(r"… ([\d,]+) lines? left out …", entry.text) for entry in shown]
    left_out = sum(int(gap[1].replace(",", "")) for gap in gaps if gap)
    assert left_out + sum(gap is None for gap in gaps) == len(entries)
    marked = [entry for entry in entries if entry.here]
    assert not marked or marked[0] in shown


@SURE
@given(st.text(st.sampled_from(list("cookie:token=\\'\"(, b\r\n\t{}?&@/*")), max_size=60))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@SURE
@given(VERDICTS, VERDICTS)
def test_an_anchor_depends_on_the_place_alone(one: Verdict, other: Verdict) -> None:
    places = [(v.check, v.driver, v.target, v.route) for v in (one, other)]
    assert (anchor(one) == anchor(other)) == (places[0] == places[1])
    assert re.fullmatch(r"[A-Za-z0-9.-]+", anchor(one))
