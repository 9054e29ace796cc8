"""The linter in another project's tests: by setting, by marker, by fixture."""

import subprocess
import sys

import pytest

TESTS = """
import asyncio, warnings
import httpx, pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from asgi_conformance import InProcess

app = FastAPI()

@app.get("/")
async def root():
    return {"message": "hello"}

async def broken(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok"})

async def late(scope, receive, send):
    await receive(); await send({"type": "lifespan.startup.complete"})
    await receive()
    for _ in range(2):
        await send({"type": "lifespan.shutdown.complete"})

@pytest.fixture
def shut_down_late():
    async def visit():
        async with InProcess(late):
            pass
    yield
    asyncio.run(visit())

def get(application):
    async def visit():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://test") as client:
            return (await client.get("/")).status_code
    return asyncio.run(visit())

def test_sound_in_test_client():
    with TestClient(app) as client:
        assert client.get("/").json() == {"message": "hello"}
        assert client.app.title == "FastAPI"
        client.app.state.touched = True
        client.app.dependency_overrides = {}
    assert app.state.touched and app.dependency_overrides == {}

def test_broken_in_test_client():
    assert TestClient(broken).get("/").status_code == 200

def test_broken_in_httpx():
    assert get(broken) == 200

def test_broken_in_process():
    async def visit():
        async with InProcess(broken) as client:
            assert (await client.request("GET", "/")).status == 200
    asyncio.run(visit())

def test_broken_at_teardown(shut_down_late):
    pass

@pytest.mark.asgi_lint(on=False)
def test_left_out():
    assert get(broken) == 200

@pytest.mark.asgi_lint(ignore=["http.response-start.header-case"])
def test_ignored():
    assert get(broken) == 200

@pytest.mark.asgi_lint
def test_marked():
    assert get(broken) == 200

def test_by_hand(asgi_lint):
    class Client:
        async def get(self, application):
            async def receive(): return {"type": "http.request"}
            async def send(message): pass
            scope = {"type": "http", "asgi": {"version": "3.0"}, "method": "GET", "path": "/"}
            await application(scope, receive, send)
    asyncio.run(Client().get(asgi_lint(broken)))
"""


@pytest.fixture
def outcomes(tmp_path):
    def run(*options: str, settings: str = "") -> dict[str, str]:
        (tmp_path / "test_theirs.py").write_text(TESTS)
        (tmp_path / "pytest.toml").write_text(f"[pytest]\n{settings}")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "asgi_conformance.plugin",
            "-rA",
            "-q",
        ]
        done = subprocess.run(
            [*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        lines = [line.split() for line in done.stdout.splitlines() if line.startswith(("PASSED ", "FAILED ", "ERROR "))]
        found = {line[1].partition("::test_")[2]: line[0] for line in lines}
        assert found, done.stdout + done.stderr
        run.text = done.stdout
        return found

    return run


MARKED = {"marked": "FAILED", "by_hand": "FAILED"}
EVERYWHERE = {
    "broken_in_test_client": "FAILED",
    "broken_in_httpx": "FAILED",
    "broken_in_process": "FAILED",
    "broken_at_teardown": "ERROR",
}


def broken(found: dict[str, str]) -> dict[str, str]:
    return {name: outcome for name, outcome in found.items() if outcome != "PASSED"}


def test_by_setting(outcomes) -> None:
    assert broken(outcomes(settings="asgi_lint = true\n")) == MARKED | EVERYWHERE
    assert "http.response-start.header-case  MUST (H37), the application is at fault" in outcomes.text


@pytest.mark.slow
def test_by_marker_and_by_hand_only(outcomes) -> None:
    assert broken(outcomes()) == MARKED
