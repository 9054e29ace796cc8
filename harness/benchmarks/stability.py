"""Runs the same cases again and again, in process and on uvicorn, and tells every verdict that is not always the same.

``python harness/benchmarks/stability.py [RUNS] [PATTERN …]``; load the machine meanwhile to see whether that matters.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

PATTERNS = (
    "background.basic",
    "lifespan.app-state",
    "middleware.stack",
    "sse.counter.hardened",
    "sse.resume",
    "streaming.csv",
    "websocket.chat",
    "websocket.echo.hardened",
)


def main(runs: int, patterns: tuple[str, ...]) -> int:
    """Print the outcomes that differ between runs; 1 when there are any."""
    seen: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            options = [part for name in patterns for part in ("--pattern", name)]
            command = [sys.executable, "-m", "asgi_conformance.cli", "run", *options, "--report-dir", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
            verdicts = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))["verdicts"]
        for verdict in verdicts:
            key = (verdict["check"], verdict["target"], verdict["driver"], verdict["route"] or "")
            seen[key][verdict["outcome"]] += 1
        print(f"run {number + 1}: exit {done.returncode}, {len(verdicts)} verdicts", flush=True)
    differing = {key: counts for key, counts in seen.items() if len(counts) > 1 or sum(counts.values()) != runs}
    for key, counts in sorted(differing.items()):
        print("differs:", " ".join(key), dict(counts))
    print(f"{len(seen)} cases, {runs} runs, {len(differing)} that differ")
    return 1 if differing else 0


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    sys.exit(main(number, tuple(sys.argv[2:]) or PATTERNS))
