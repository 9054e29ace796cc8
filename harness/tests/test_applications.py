"""Whole applications that conform: nothing is said against them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).with_name("applications")


@pytest.mark.slow
def test_a_conforming_application_of_twenty_routes(tmp_path: Path) -> None:
    source = (FOLDER / "twenty_routes.py").read_text()
    routes = [(method.upper(), path) for method, path in re.findall(r'^@app\.(\w+)\("([^"]+)"', source, re.MULTILINE)]
    assert len(routes) == 20
    command = [sys.executable, "-m", "asgi_conformance.cli", "run", "twenty_routes:app", "--suite", "asgi,http"]
    named = [word for method, path in routes for word in ("--http", f"{method} {path}")]
    done = subprocess.run(
        [*command, "--server", "in-process", "--report-dir", tmp_path, *named],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = json.loads((tmp_path / "results.json").read_text())["verdicts"]
    assert {verdict["outcome"] for verdict in verdicts} == {"passed", "not-applicable"}
    assert len({verdict["route"] for verdict in verdicts} - {None}) == 20
