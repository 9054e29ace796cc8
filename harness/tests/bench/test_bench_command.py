"""``asgi-conformance bench`` and ``diff``: exit codes, reports, and words for wrong usage."""

import json

import pytest
from click.testing import CliRunner

from asgi_conformance.bench_command import bench_command, diff_command

APP = """
class Layer:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


async def bare(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


app = bare
layered = Layer(bare)
"""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--styles", "pure"], "there is no style 'pure'; there is: pure-asgi"),
        (["--loops", "trio"], "there is no loop 'trio'"),
        (["--workloads", "plane"], "there is no workload 'plane'; there is: plain"),
        (["--layers", "1,many"], "--layers 1,many: numbers"),
        (["--http", "/"], "name it, as MODULE:ATTR"),
        (["main:app", "--http", "nowhere"], "--http 'nowhere': write it as"),
        (["--gate", "missing.json"], "missing.json: No such file or directory; --save missing.json makes one"),
    ],
)
def test_wrong_usage_is_told_in_a_line(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(bench_command, arguments)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_reports_that_are_not_there_are_told(tmp_path):
    done = CliRunner().invoke(diff_command, [str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    assert done.exit_code == 2
    assert "a report cannot be read" in done.output


@pytest.mark.slow
def test_the_gate_lets_the_same_code_pass_and_stops_one_more_layer_by_name(project):
    project.write("benched.py", APP)
    arguments = ("bench", "benched:app", "--http", "/", "--report-dir", "one")
    saved = project.conformance(*arguments, "--save", "base.json")
    assert saved.returncode == 0, saved.stdout + saved.stderr
    same = project.conformance(*arguments, "--gate", "base.json")
    assert same.returncode == 0, same.stdout + same.stderr
    assert "1 cost vectors compared, 0 grown" in same.stdout
    project.write("benched.py", APP.replace("app = bare", "app = Layer(bare)"))
    grown = project.conformance("bench", "benched:app", "--http", "/", "--report-dir", "two", "--gate", "base.json")
    assert grown.returncode == 4, grown.stdout + grown.stderr
    assert "layer Layer is new: +" in grown.stdout
    gone = project.conformance("bench", "benched:layered", "--http", "/", "--gate", "base.json")
    assert gone.returncode == 3, gone.stdout + gone.stderr
    told = project.conformance("diff", "one", "two")
    assert told.returncode == 0
    assert "benched:Layer.__call__: +" in told.stdout


@pytest.mark.slow
def test_two_applications_are_compared_and_the_report_written(project):
    project.write("benched.py", APP.replace("await self.app", "sum(range(200)); await self.app"))
    done = project.conformance(
        "bench", "benched:app", "benched:layered", "--http", "/", "--seconds", "2", "--report-dir", "report"
    )
    assert done.returncode in {0, 3}, done.stdout + done.stderr  # 3 when the control failed, one time in a hundred
    record = json.loads((project.folder / "report" / "bench.json").read_text())
    (group,) = record["groups"]
    assert group["variants"][1]["cpu"]["ratio"] > 1.5
    assert record["reliable"] is (done.returncode == 0)
    for name in ("bench.html", "bench.md"):
        assert "benched:layered" in (project.folder / "report" / name).read_text()
