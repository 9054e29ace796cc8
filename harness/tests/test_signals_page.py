"""The page of signals shows what the server does, and its reproductions reproduce."""

import asyncio
import importlib.util
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from asgi_conformance.suites.server import signals

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "signals.md"
REPRODUCTIONS = ROOT / "docs" / "reproductions"
SCRIPTS = {"cleanup": ("SIGTERM", "SIGINT"), "second_sigterm": ("",)}


def rows(page):
    """The cells of each row, without the times and what the grace period is."""
    lines = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line] for line in lines if "under way" not in line[0]]
    return [(work, sent, [told.rpartition(" ")[0] for told in moments.split(", ")], *rest)
            for work, sent, moments, *rest in cells]  # fmt: skip


def test_page_has_each_signal_with_each_kind_of_work():
    shown = [(work, sent) for work, sent, *_ in rows(PAGE.read_text())]
    expected = {(work.name, signals.names(sent)) for work in signals.WORK for sent in signals.ONCE}
    expected |= {(work.name, signals.names(sent)) for work in signals.WORK if work.waited_for for sent in signals.TWICE}
    assert set(shown) == expected


def test_reproductions_are_listed_and_short():
    scripts = {path.stem.removeprefix("signals_"): path.read_text() for path in REPRODUCTIONS.glob("signals_*.py")}
    assert set(scripts) == set(SCRIPTS)
    assert {name: text.count("\n") for name, text in scripts.items() if text.count("\n") > 30} == {}


@pytest.mark.slow
def test_page_is_what_happens():
    assert metadata.version("uvicorn") in PAGE.read_text(), "made with another version: write the page anew"
    spec = importlib.util.spec_from_file_location("signals_page", ROOT / "harness" / "benchmarks" / "signals.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.AT_ONCE = 6
    assert rows(asyncio.run(module.page("uvicorn", grace=2))) == rows(PAGE.read_text())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "argument"), [(name, one) for name, each in SCRIPTS.items() for one in each])
def test_reproduction_reproduces(name, argument):
    command = [sys.executable, "-W", "ignore", str(REPRODUCTIONS / f"signals_{name}.py"), *filter(None, [argument])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
