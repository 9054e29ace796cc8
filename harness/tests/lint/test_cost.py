"""The benchmark of the linter runs; what it measures is not judged here."""

import re
import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).parents[2]


def test_benchmark_runs() -> None:
    program = HARNESS / "benchmarks" / "lint_cost.py"
    done = subprocess.run(
        [sys.executable, program, "--rounds", "10"],
        env={"PYTHONPATH": str(HARNESS), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.stderr == ""
    assert len(re.findall(r"^  lint +-?\d+\.\d+ µs", done.stdout, re.MULTILINE)) == 3
    assert len(re.findall(r"^  control +-?\d+\.\d+ µs", done.stdout, re.MULTILINE)) == 3
