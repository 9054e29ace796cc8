"""What was found survives the run that found it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import asgi_conformance.verdict
from asgi_conformance.reports.records import append, read
from asgi_conformance.reports.run import Run

WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from asgi_conformance.reports.records import append
from asgi_conformance.verdict import Level, Outcome, Verdict
file = open(sys.argv[2], "a", encoding="utf-8")
append(file, Verdict("a.b.c", Level.MUST, "a", Outcome.FAILED, "x:app", "in-process", observed="\\udc80\\x00"))
print("written", flush=True)
sys.stdin.read()
"""


def test_what_was_written_is_read_back(mixed: Run, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for verdict in mixed.verdicts:
            append(file, verdict)
    with path.open(encoding="utf-8") as file:
        assert read(file) == mixed.verdicts


def test_secrets_are_not_written(mixed: Run, tmp_path: Path) -> None:
    verdict = next(verdict for verdict in mixed.verdicts if verdict.transcript)
    with (tmp_path / "results.jsonl").open("w+", encoding="utf-8") as file:
        append(file, verdict)
        file.seek(0)
        text = file.read()
    assert "authorization: ***" in text
    assert "not-for-you" not in text


def test_a_torn_last_line_is_left_out(mixed: Run) -> None:
    lines = [json.dumps(verdict.to_json()) + "\n" for verdict in mixed.verdicts]
    for cut in (1, len(lines[-1]) // 2, len(lines[-1]) - 2):
        assert read([*lines[:-1], lines[-1][:cut]]) == mixed.verdicts[:-1]
    assert read([*lines[:-1], lines[-1].rstrip("\n")]) == mixed.verdicts


@pytest.mark.parametrize("line", ["{", "[]", "{}", '"x"', '{"level": "MUST"}', ""])
def test_a_broken_line_elsewhere_is_an_error_that_says_which(mixed: Run, line: str) -> None:
    good = json.dumps(mixed.verdicts[0].to_json()) + "\n"
    with pytest.raises(ValueError, match="line 2 is not a verdict"):
        read([good, line + "\n", good])


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    library = Path(asgi_conformance.verdict.__file__).parents[1]
    path = tmp_path / "results.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(library), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.send_signal(signal.SIGKILL)
    with path.open(encoding="utf-8") as file:
        (verdict,) = read(file)
    assert verdict.observed == "\udc80\x00"
