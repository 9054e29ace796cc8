"""The scripts in docs/reproductions show what they say, on the implementations of which it is said, and no other."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reproductions"
ALL = {"websockets-sansio", "websockets", "wsproto"}
SHOWS = {
    "early_data": ALL,
    "end": ALL,
    "events": ALL,
    "header_bytes": {"websockets"},
    "http_1_0": ALL,
    "key": {"wsproto"},
    "limit": {"websockets"},
    "lost": {"websockets-sansio", "wsproto"},
    "push": ALL,
    "send_after": {"websockets"},
    "silent_sender": {"websockets"},
    "subprotocol": {"websockets-sansio", "websockets"},
    "unread": {"websockets-sansio", "wsproto"},
    "unread_close": {"websockets-sansio", "wsproto"},
    "version": {"websockets-sansio", "websockets"},
}


def test_every_script_is_listed_and_short() -> None:
    scripts = {path.stem.removeprefix("websocket_"): path.read_text() for path in FOLDER.glob("websocket_*.py")}
    assert set(scripts) == set(SHOWS)
    assert {name: text.count("\n") for name, text in scripts.items() if text.count("\n") > 30} == {}


@pytest.mark.slow
def test_scripts_reproduce() -> None:
    """Three at a time: most of their time they wait."""

    async def run(name: str, implementation: str, room: asyncio.Semaphore) -> tuple[str, str, int | None, str]:
        async with room:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-W", "ignore", str(FOLDER / f"websocket_{name}.py"), implementation,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            output, _ = await process.communicate()
            return name, implementation, process.returncode, output.decode(errors="replace")

    async def everything() -> list[tuple[str, str, int | None, str]]:
        room = asyncio.Semaphore(3)
        return await asyncio.gather(*(run(name, one, room) for name in SHOWS for one in sorted(ALL)))

    wrong = [
        f"{name} on {one}: {'reproduces' if code == 0 else 'does not reproduce'}: {output[-300:]}"
        for name, one, code, output in asyncio.run(everything())
        if code not in {0, 1} or (code == 0) != (one in SHOWS[name])
    ]
    assert wrong == []
