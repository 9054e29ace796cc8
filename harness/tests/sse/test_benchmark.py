"""The comparison of parsers still runs, and still finds nothing wrong with ours; it judges no times."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def benchmark_script() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "sse_parsers.py"
    spec = importlib.util.spec_from_file_location("sse_parsers", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_parser_present_gets_a_row(benchmark_script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark_script.main(["--megabytes", "0.01", "--turn", "0.01", "--only", "speed"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| 70 B | LF | 4096 |")]
    contestants, _ = benchmark_script.present()
    assert [row.split("|")[4].strip() for row in rows] == [
        *(contestant.name for contestant in contestants),
        "ceiling: split, decode",
    ]


def test_parser_that_is_not_installed_is_named(
    benchmark_script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> None:
        raise ImportError("No module named 'absent'")

    monkeypatch.setattr(benchmark_script, "CONTESTANTS", (benchmark_script.ours, absent))
    benchmark_script.main(["--only", "faults"])
    out = capsys.readouterr().out
    assert "Missing: absent (No module named 'absent')." in out
    assert "| asgi_conformance.sse | 0 | 0 | 0 | 0 | none |" in out
