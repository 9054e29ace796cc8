"""The pytest plugin inside a project that has its own settings, and folders of our names."""

import json
import xml.etree.ElementTree as ET

import pytest

ONE = ("--check", "asgi.response-body.bytes", "--server", "in-process")


def test_a_users_application_is_judged_whatever_the_projects_settings(project):
    done = project.pytest("--app", "theirapp:app", *ONE, "--report-dir", "report", "--junitxml", "junit.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert "Conformant" in done.stdout
    results = json.loads((project.folder / "report" / "results.json").read_text())
    assert [v["outcome"] for v in results["verdicts"]] == ["passed", "passed"]
    cases = ET.parse(project.folder / "junit.xml").getroot().iter("testcase")
    properties = {p.get("name"): p.get("value") for case in cases for p in case.iter("property")}
    assert properties["id"] == "asgi.response-body.bytes"
    assert properties["level"] == "MUST"


@pytest.mark.slow
def test_it_works_under_xdist(project):
    pytest.importorskip("xdist")
    done = project.pytest("--app", "theirapp:app", *ONE, "-n", "2", "--report-dir", "report")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (project.folder / "report" / "results.jsonl").read_text().splitlines()
    assert len(lines) == 2


BROKEN = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("http only")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": "text"})
"""


def test_a_violation_fails_with_words_and_without_a_traceback_of_ours(project):
    project.write("broken.py", BROKEN)
    done = project.pytest("--app", "broken:app", *ONE)
    assert done.returncode == 1
    assert "expected  a byte string" in done.stdout
    assert "'body': 'text'" in done.stdout
    assert "asgi_conformance/runner.py" not in done.stdout


@pytest.mark.slow
def test_levels_that_do_not_fail_the_run_are_warnings(project):
    project.write("broken.py", BROKEN)
    done = project.pytest("--app", "broken:app", *ONE, "--fail-on", "practice")
    assert done.returncode == 0, done.stdout
    assert "1 warned" in done.stdout


@pytest.mark.slow
def test_what_the_target_never_promised_is_not_applicable(project):
    project.write("broken.py", BROKEN)
    done = project.pytest("--app", "broken:app", "--suite", "websocket", "--server", "in-process")
    assert done.returncode == 0, done.stdout
    assert "not applicable" in done.stdout
    assert "passed" not in done.stdout


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--app", "nowhere_at_all:app"), "there is no module 'nowhere_at_all'"),
        (("--app", "theirapp:application"), "it has: app"),
        (("--app", "theirapp:app", "--check", "nothing.at.all"), "there is no check 'nothing.at.all'"),
        (("--app", "theirapp:app", "--server", "apache"), "unknown server 'apache'"),
    ],
)
def test_wrong_usage_is_a_line(project, arguments, words):
    done = project.pytest(*arguments)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert words in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_a_project_that_only_has_the_plugin_installed_notices_nothing(project):
    project.write("check_own.py", "def check_it():\n    assert True\n")
    done = project.python("-m", "pytest", "-p", "no:cacheprovider", "-p", "asgi_conformance.plugin", "check_own.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "asgi-conformance" not in done.stdout.splitlines()[-2:]
