"""The command line: verdicts and exit codes, wrong usage, interruption, applications that misbehave."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from asgi_conformance.verdict import Outcome

ONE = ("--check", "asgi.response-body.bytes")
IN_PROCESS = ("--server", "in-process")


def verdicts(project):
    return json.loads((project.folder / "conformance-report" / "results.json").read_text())["verdicts"]


def test_a_conforming_application_ends_with_zero_and_a_report(project):
    done = project.conformance("run", "theirapp:app", *ONE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Conformant" in done.stdout
    folder = project.folder / "conformance-report"
    assert {"results.jsonl", "results.json", "junit.xml", "summary.md", "index.html"} <= set(os.listdir(folder))
    assert {v["driver"] for v in verdicts(project)} == {"in-process", "uvicorn"}
    assert {v["route"] for v in verdicts(project)} == {"GET /", "GET /events"}
    assert {v["outcome"] for v in verdicts(project)} == {"passed"}


def test_a_violation_ends_with_one_and_is_told_with_its_evidence(project):
    project.write(
        "broken.py",
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http': raise RuntimeError('http only')\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': 'text'})\n",
    )
    done = project.conformance("run", "broken:app", *ONE, *IN_PROCESS)
    assert done.returncode == 1, done.stdout + done.stderr
    for words in ("FAIL", "asgi.response-body.bytes", "expected", "observed", "'body': 'text'", "explain"):
        assert words in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    (verdict,) = verdicts(project)
    assert verdict["outcome"] == "failed"
    assert verdict["transcript"]


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere_at_all:app"], 2, "there is no module 'nowhere_at_all'"),
        (["theirapp:application"], 2, "has no attribute 'application'; it has: app"),
        (["theirapp"], 2, "write MODULE:ATTRIBUTE"),
        (["theirapp:asyncio"], 2, "a module, which cannot be called"),
        (["import_error:app"], 2, "importing 'import_error' raised"),
        (["startup_fails:app"], 2, "startup failed: "),
        (["ends_the_process:app"], 2, "ended the process while it was being loaded (exit code 7)"),
        (["theirapp:app", "--suite", "nothing"], 2, "there is no suite 'nothing'"),
        (["theirapp:app", "--check", "asgi.response-body.byte"], 2, "asgi.response-body.bytes"),
        (["theirapp:app", "--server", "apache"], 2, "unknown server 'apache'; known: "),
        (["theirapp:app", "--server", "uvicorn-h12"], 2, "unknown word 'h12'"),
        (["theirapp:app", "--fail-on", "might"], 2, "there is no level 'might'"),
        (["theirapp:app", "--http", "FETCH /"], 2, "'FETCH' is no HTTP method"),
        (["theirapp:app", "--http", "events"], 2, "has to begin with a slash"),
        (["theirapp:app", "--baseline", "none.toml"], 2, "there is no file none.toml"),
        (["theirapp:app", "--url", "http://127.0.0.1:1"], 2, "not both"),
        (["--url", "ftp://127.0.0.1"], 2, "has to begin with http://"),
        (["theirapp:app", "--nonsense"], 2, "No such option"),
        (["theirapp:app", "--sse", "/not-there"], 3, "answers 404 to GET /not-there"),
        (["--url", "http://127.0.0.1:1"], 3, "nothing accepts connections at 127.0.0.1 port 1"),
    ],
)
def test_wrong_usage_is_a_line_or_two(project, arguments, code, words):
    project.write("import_error.py", "import json\nsettings = json.loads('{')\n")
    project.write("ends_the_process.py", "import os\nos._exit(7)\n")
    project.write(
        "startup_fails.py",
        "from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n"
        "@asynccontextmanager\nasync def lifespan(app):\n    raise OSError('no database')\n    yield\n"
        "app = FastAPI(lifespan=lifespan)\n",
    )
    done = project.conformance("run", *arguments)
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert words in told
    assert "Traceback" not in told
    if code == 2:
        assert len(done.stderr.splitlines()) <= 4


def test_an_application_that_ends_the_process_does_not_take_the_run_with_it(project):
    project.write(
        "deadly.py",
        "import os\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http': raise RuntimeError('http only')\n"
        "    if scope['path'] == '/die': os._exit(9)\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'alive'})\n",
    )
    project.write("pyproject.toml", '[tool.asgi-conformance]\nhttp = ["/die", "/"]\n')
    done = project.conformance("run", "deadly:app", *ONE, "--server", "uvicorn")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert {v["route"]: v["outcome"] for v in verdicts(project)} == {"GET /die": "could-not-run", "GET /": "passed"}


@pytest.mark.slow
def test_an_application_that_holds_the_loop_is_told_and_the_run_goes_on(project):
    project.write(
        "held.py",
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http': raise RuntimeError('http only')\n"
        "    if scope['path'] == '/spin' and (b'x-spin', b'1') not in scope['headers']:\n"
        "        await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "        while True: pass\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'alive'})\n",
    )
    done = project.conformance("run", "held:app", *ONE, *IN_PROCESS, "--http", "/spin", "--http", "/")
    assert "Traceback" not in done.stdout + done.stderr
    told = done.stdout + done.stderr
    assert "event loop was held" in told, told
    assert "held.py" in told


def test_without_a_target_the_catalogue_is_judged(project):
    done = project.conformance("run", *ONE, *IN_PROCESS, "--pattern", "streaming.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [v["target"] for v in verdicts(project)] == ["streaming.csv"]


def test_list_and_explain(project):
    listed = project.conformance("list", "checks")
    assert "asgi.response-body.bytes" in listed.stdout
    for what in ("patterns", "mutants", "suites", "servers"):
        assert project.conformance("list", what).stdout.strip()
    told = project.conformance("explain", "asgi.response-body.bytes").stdout
    assert "must be a byte string" in told
    assert "https://asgi.readthedocs.io" in told
    unknown = project.conformance("explain", "asgi.response-body.byte")
    assert unknown.returncode == 2
    assert "asgi.response-body.bytes" in unknown.stderr


def children_named(marker):
    """Process ids of running processes whose command line or environment names the marker."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    environment = file.read()
                with open(f"/proc/{entry}/stat") as file:
                    state = file.read().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if marker.encode() in environment and state != "Z":
                found.append(int(entry))
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process_and_keeps_what_was_found(project, signum):
    marker = f"CONFORMANCE_TEST={project.folder}-{signum}"
    journal = project.folder / "conformance-report" / "results.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "asgi_conformance.cli", "run", "theirapp:app", "--server", "uvicorn"],
        cwd=project.folder,
        env=project.environment | {"CONFORMANCE_TEST": f"{project.folder}-{signum}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_text().count("\n") >= 2:
            break
        time.sleep(0.05)
    process.send_signal(signum)
    out, err = process.communicate(timeout=60)
    while children_named(marker) and time.monotonic() < deadline + 30:
        time.sleep(0.05)
    assert children_named(marker) == []
    kept = [json.loads(line) for line in journal.read_text().splitlines()]
    assert len(kept) >= 2
    assert all(Outcome(record["outcome"]) for record in kept)
    if signum != signal.SIGKILL:
        assert process.returncode in {1, 3}, out + err
        assert (project.folder / "conformance-report" / "index.html").exists()
        assert "Traceback" not in out + err
