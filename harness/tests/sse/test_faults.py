"""The page of parsers and framers is the one that is made; what is not installed is named, and passes nothing."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sse-parsers.md"
OURS = ("asgi_conformance.sse", "asgi_conformance.sse.frame", "f-strings")  # what depends on nobody's version
STALE = "docs/sse-parsers.md is stale: python harness/benchmarks/sse_faults.py --write"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        yield importlib.import_module("sse_faults")


@pytest.fixture(scope="module")
def made(script: ModuleType) -> str:
    page: str = script.page()
    return page


def sections(page: str) -> dict[str, str]:
    """The page by its headings."""
    parts = re.split(r"^## (.*)\n", page, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def rows(page: str) -> dict[str, str]:
    """The rows of the two tables with counts, by the name in front."""
    parts = sections(page)
    lines = (parts["Parsers"] + parts["Framers"]).splitlines()
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("|")}


def test_what_is_told_of_ours_is_up_to_date(made: str) -> None:
    kept = PAGE.read_text(encoding="utf-8")
    for name in OURS:
        assert sections(kept).get(name) == sections(made)[name], STALE
        assert rows(kept).get(name) == rows(made)[name], STALE
    assert sections(kept)[""] == sections(made)[""], STALE
    for name in ("Parsers", "Framers"):  # how many streams and values there are, and what the columns mean
        assert sections(kept)[name].partition("|")[0] == sections(made)[name].partition("|")[0], STALE


def test_what_is_told_of_installed_versions_is_up_to_date(made: str) -> None:
    kept = PAGE.read_text(encoding="utf-8")
    same = sections(kept).keys() & sections(made).keys() - {"", "Parsers", "Framers"}
    for name in same:  # another version is another parser: the page says which one it is about
        assert sections(kept)[name] == sections(made)[name], STALE
        assert rows(kept)[name] == rows(made)[name], STALE
    assert set(OURS) <= same


def test_ours_have_no_faults(made: str) -> None:
    assert rows(made)["asgi_conformance.sse"] == "| asgi_conformance.sse | 0 | 0 | 0 | 0 | none |"
    assert rows(made)["asgi_conformance.sse.frame"].endswith("| 0 |")


def test_what_is_not_installed_passes_nothing(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise ImportError("No module named 'absent'")

    monkeypatch.setattr(script, "CONTESTANTS", (script.CONTESTANTS[0], absent))
    monkeypatch.setattr(script, "FRAMERS", {"f-strings": script.FRAMERS["f-strings"], "absent-framer": absent})
    page = script.page()
    assert rows(page)["absent"] == "| absent | not installed | | | | |"
    assert rows(page)["absent-framer"] == "| absent-framer | not installed | | |"
    assert set(sections(page)) == {"", "Parsers", "Framers", "asgi_conformance.sse", "f-strings"}


def test_faults_are_found_and_told_by_their_smallest_stream(script: ModuleType) -> None:
    vectors = script.load_vectors().VECTORS

    def drops_the_type(chunks: list[bytes]) -> list[tuple[str, str, str]]:
        return [("message", data, ident) for _, data, ident in script.CONTESTANTS[0]().parse(chunks)]

    judged = script.judge_parser(script.Contestant("drops", len, drops_the_type), vectors)
    assert "event-once" in judged.whole & judged.bytes & judged.ids
    assert "end-lf" not in judged.ids
    smallest = min((v.stream for v in vectors if v.category == "event-once"), key=len)
    assert judged.examples["event-once"][0] == smallest


def test_framer_that_drops_an_event_is_counted(script: ModuleType) -> None:
    right, refused, changed = script.judge_framer(script.Framer("silent", lambda _: b": nothing\n\n"))
    assert (refused, right) == (0, 1)  # nothing at all is rightly nothing
    assert right + refused + sum(map(len, changed.values())) == len(script.PAYLOADS)


def test_a_cell_of_the_table_stays_one(script: ModuleType) -> None:
    assert script.code("a|b`c") == "``a\\|b`c``"
