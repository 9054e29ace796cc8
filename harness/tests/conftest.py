"""A user's project, as tests of the front ends need it: its own settings, its own folders of our names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# No test depends on speed, and examples for every day are few.
settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")

HARNESS = Path(__file__).resolve().parents[1]

APP = """
import asyncio

from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/")
async def root():
    return {"message": "hello"}


@app.get("/events")
async def events():
    async def ticks():
        while True:
            yield "data: tick\\n\\n"
            await asyncio.sleep(1)

    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(ticks(), media_type="text/event-stream", headers=headers)


@app.websocket("/ws")
async def echo(socket: WebSocket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)
"""

SETTINGS = """
[tool.pytest]
strict = true
python_files = ["check_*.py"]
python_functions = ["check_*"]
filterwarnings = ["error"]
"""


class Project:
    """A folder with an application in it, and commands that are run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "theirapp.py").write_text(APP)
        (folder / "pyproject.toml").write_text(SETTINGS)
        for name in ("harness", "fixtures", "suites", "reports"):
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text(f"raise RuntimeError('this is not our {name}')\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def python(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def conformance(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "asgi_conformance.cli", *arguments, timeout=timeout)

    def pytest(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return self.python(
            "-m", "pytest", "-p", "no:cacheprovider", "-p", "asgi_conformance.plugin",
            "--pyargs", "asgi_conformance.suites", *arguments, timeout=timeout,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
        return kept | {"PYTHONPATH": str(HARNESS), "NO_COLOR": "1"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
