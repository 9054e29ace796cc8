"""Runs the throughput suite in a pytest of its own, and gives back what pytest-benchmark measured."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from asgi_conformance import _paths

WITHIN = 120.0  # real seconds


def measure() -> dict[str, Any] | None:
    """The record of pytest-benchmark; None where it is not installed, or did not come to an end."""
    if importlib.util.find_spec("pytest_benchmark") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "benchmarks.json"
        settings = Path(folder) / "pytest.toml"
        settings.write_text("[pytest]\n", encoding="utf-8")
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-c", str(settings), "--rootdir", folder),
            *("-p", "asgi_conformance.plugin", "-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider"),
            *("--import-mode", "importlib", "--benchmark-json", str(saved), str(_paths.SUITES / "throughput")),
        ]
        # Plugins and workers of a surrounding test run would change what is timed.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
        environment = kept | {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_paths.PACKAGE.parent), os.environ.get("PYTHONPATH")])),
        }
        try:
            subprocess.run(  # noqa: S603 - our own suite, in our own interpreter
                command, env=environment, cwd=folder, capture_output=True, timeout=WITHIN, check=True
            )
            record: dict[str, Any] = json.loads(saved.read_text(encoding="utf-8"))
        except (subprocess.SubprocessError, OSError, ValueError):
            return None
    return record
