"""The comparison of parsers still runs, and still finds nothing wrong with ours; it judges no times."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def benchmark_script() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        yield importlib.import_module("sse_parsers")


def test_every_parser_present_gets_a_row(benchmark_script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark_script.main(["--megabytes", "0.01", "--turn", "0.01", "--only", "speed"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| 70 B | LF | 4096 |")]
    contestants, _ = benchmark_script.present()
    assert [row.split("|")[4].strip() for row in rows] == [
        *(contestant.name for contestant in contestants),
        "ceiling: split, decode",
    ]


def test_cost_of_a_large_event_is_shown(
    benchmark_script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark_script, "GROWTH", (1,))
    contestants, _ = benchmark_script.present()
    benchmark_script.growth(contestants[:1], 1)
    rows = capsys.readouterr().out.splitlines()
    assert [row.split("|")[1].strip() for row in rows[-2:]] == ["one", "of 100 bytes"]
