"""The scripts docs/reproductions/rfc6455_*.py show what they say, where it is said, and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reproductions"
ALL = {"websockets-sansio", "websockets", "wsproto"}
SHOWS = {
    "body": {"websockets-sansio"},
    "control_in_compressed": {"wsproto"},
    "declared_length": {"wsproto"},
    "empty_key": {"wsproto"},
    "extension_grammar": {"wsproto"},
    "final_block": ALL,
    "host": {"websockets-sansio", "websockets"},
    "offers": {"wsproto"},
    "protocol_error": {"wsproto"},
    "quoted_offer": {"wsproto"},
}


def test_every_script_is_listed_and_short() -> None:
    scripts = {path.stem.removeprefix("rfc6455_"): path.read_text() for path in FOLDER.glob("rfc6455_*.py")}
    assert set(scripts) == set(SHOWS)
    assert {name for name, text in scripts.items() if text.count("\n") > 30} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHOWS))
def test_script_reproduces(name: str) -> None:
    for implementation in sorted(ALL):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(FOLDER / f"rfc6455_{name}.py"), implementation],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        told = f"{implementation}: exit {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}"
        assert done.returncode == (0 if implementation in SHOWS[name] else 1), told
