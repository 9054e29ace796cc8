"""The benchmark report: pure, small, without scripts, and as careful with names as any other report."""

import copy
import json
import re

import pytest

from asgi_conformance.bench.analysis import Rules, chunk_costs, group_record, reliability
from asgi_conformance.bench.run import environment
from asgi_conformance.bench.scenarios import framework_group, ladder_group, style_groups
from asgi_conformance.reports import bench_html, bench_json, bench_markdown, bench_record, bench_terminal, diff

WORK = type("Work", (), {})


def samples(group, scale=1.0):
    """What three processes might have measured: a layer of BaseHTTPMiddleware costs three times the rest."""
    each = {"none": 0.0, "pure-asgi": 0.02, "decorator": 3.0, "base-http": 3.0}
    found = []
    for process in range(3):
        times = [
            [
                1000.0
                * (1 + each.get(v.style, 1.0) * v.layers * (scale if v.style == "base-http" else 1.0))
                * (1 + 0.001 * ((round_ * 7 + number * 3 + process) % 5))
                for round_ in range(40)
            ]
            for number, v in enumerate(group.variants)
        ]
        at = [process + round_ / 40 for round_ in range(40)]
        found.append({"at": at, "requests": [1] * len(times), "cpu": times, "wall": times})
    return found


def made(scale=1.0):
    groups = [*style_groups(layers=(0, 1, 10), loops=("asyncio",)), framework_group(), ladder_group()]
    found = [samples(group, scale) for group in groups]
    records = [group_record(group, one, Rules(), controls=4) for group, one in zip(groups, found, strict=True)]
    reliable, reason = reliability(records, 0.5, 2)
    work = WORK()
    work.sampling = type("S", (), {"seed": 1, "processes": 3, "at_once": 1, "seconds": 1.0})
    work.rules = Rules()
    vector = {
        "counts": {"opcodes": 100, "calls": 9, "handles": 0, "iterations": 0, "tasks": 0, "events": 2},
        "layers": [{"name": "App", "counts": {"opcodes": 100}}],
        "functions": {"app:root": 100},
        "peak_bytes": 2048,
        "unstable": [],
    }
    return {
        "schema": 1,
        "kind": bench_record.KIND,
        "about": "What each middleware style costs",
        "reliable": reliable,
        "reason": reason,
        "groups": records,
        "chunks": chunk_costs(groups, found),
        "vectors": {"fastapi · plain · spec 2.3 · none": vector},
        "environment": environment(work) | {"load_before": 0.1, "load_after": 0.2, "duration_s": 3.0},
    }


@pytest.fixture(scope="module")
def record():
    return made()


def test_the_page_is_one_small_file_without_scripts_and_the_same_every_time(record):
    page = bench_html.render(record)
    assert page == bench_html.render(record)
    assert len(page.encode()) < 300_000
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"https?:", page)
    assert "prefers-color-scheme: dark" in page


def test_the_page_shows_every_chart_with_words_for_those_who_cannot_see_it(record):
    page = bench_html.render(record)
    for anchor in ("layers", "heat", "twins", "chunks", "made-of", "forest", "control", "clients", "counts"):
        assert f'<section id="{anchor}">' in page
    charts = re.findall(r"<svg [^>]*>", page)
    assert len(charts) >= 10
    assert all('role="img"' in chart and "aria-label=" in chart for chart in charts)


def test_a_style_that_cannot_be_told_from_another_is_said_to_be_like_it(record):
    assert "not told from BaseHTTPMiddleware" in bench_html.render(record)


def test_a_run_whose_control_failed_says_so_first_and_judges_nothing(record):
    broken = copy.deepcopy(record)
    broken["groups"][0]["control"]["passed"] = False
    broken["reliable"], broken["reason"] = reliability(broken["groups"], 0.5, 2)
    page = bench_html.render(broken)
    assert "Not reliable: identical code differed from itself" in page
    assert '<ul class="cards">' not in page
    assert bench_terminal.render(broken).splitlines()[1].startswith("Not reliable")


def test_names_of_unknown_origin_are_escaped(record):
    hostile = json.loads(json.dumps(record).replace("fastapi · plain", "<script>alert(1)</script> · plain"))
    assert "<script" not in bench_html.render(hostile)
    assert "<script" not in bench_markdown.render(hostile)


def test_the_summaries_have_a_line_for_each_style(record):
    for text in (bench_markdown.render(record), bench_terminal.render(record)):
        for style in ("pure ASGI", "app.middleware", "BaseHTTPMiddleware"):
            assert style in text


def test_a_record_survives_json(record):
    again = bench_record.read(bench_json.render(record))
    assert again["groups"][0]["name"] == record["groups"][0]["name"]
    with pytest.raises(bench_record.NoRecord, match="schema 1"):
        bench_record.read("{}")


def test_identical_reports_do_not_differ(record):
    text = bench_json.render(record)
    assert diff.render(text, text) == "nothing changed\n"


def test_a_style_that_became_slower_is_told(record):
    told = diff.render(bench_json.render(record), bench_json.render(made(scale=1.5)))
    line = r"^slower  fastapi · plain · .*BaseHTTPMiddleware × 10: 31\.0× became 4[56]\.\d× of none"
    assert re.search(line, told, re.MULTILINE)
    assert "@app.middleware" not in told
    assert "layer   fastapi · plain" in told


def test_counts_that_changed_are_told_with_the_function(record):
    other = copy.deepcopy(record)
    vector = other["vectors"]["fastapi · plain · spec 2.3 · none"]
    vector["counts"]["opcodes"] = 113
    vector["functions"] = {"app:root": 100, "app:Noop.__call__": 13}
    told = diff.render(bench_json.render(record), bench_json.render(other))
    assert told == (
        "counts  fastapi · plain · spec 2.3 · none: opcodes 100 → 113\n        app:Noop.__call__: +13 opcodes\n"
    )


def verdicts(*outcomes):
    rows = [
        {"check": f"area.clause.rule-{n}", "target": "main:app", "driver": "uvicorn", "route": "GET /", "outcome": o}
        for n, o in enumerate(outcomes)
        if o
    ]
    return json.dumps({"schema": 1, "verdicts": rows})


def test_verdicts_that_changed_are_told_the_broken_ones_first():
    told = diff.render(verdicts("failed", "passed", "passed", None), verdicts("passed", "failed", "passed", "failed"))
    assert told.splitlines() == [
        "broken  area.clause.rule-1 · main:app · uvicorn · GET /: passed became failed",
        "mended  area.clause.rule-0 · main:app · uvicorn · GET /: failed became passed",
        "new     area.clause.rule-3 · main:app · uvicorn · GET /: failed",
        "1 verdict only in the second, 0 verdicts only in the first",
    ]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("nonsense", "{}", "not JSON"),
        ("[]", "{}", "no report"),
        ("{}", "{}", "neither"),
        (verdicts(), "{}", "a set of"),
    ],
)
def test_what_cannot_be_compared_is_told(first, second, words):
    with pytest.raises(diff.NotComparable, match=words):
        diff.render(first, second)
