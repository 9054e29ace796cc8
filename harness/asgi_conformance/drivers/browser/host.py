"""The process that holds the browser: Playwright and a headless Chromium, told what to do by JSON lines on a socket.

It ends with the other end of the socket, and everything below it with it: Playwright's own process ends with ours, and
Chromium with the pipe by which it is driven.
"""

import asyncio
import contextlib
import json
import os
import socket
from importlib import resources
from pathlib import Path
from typing import Any

from asgi_conformance.drivers.server.lifeline import tie_to_parent

LONGEST_LINE = 1 << 26
FAREWELL = 5.0  # seconds for a browser to close in order
BLANK = "<!DOCTYPE html><meta charset=utf-8><link rel=icon href=data:,><title>asgi-conformance</title>"


def main(start: dict[str, Any]) -> None:
    """Serve the socket ``control``; `start` has the ``parent`` to be tied to, and Chromium's path, or None."""
    tie_to_parent(start["parent"])
    asyncio.run(_serve(socket.socket(fileno=start["control"]), start["executable"]))
    os._exit(0)


async def _serve(control: socket.socket, executable: str | None) -> None:
    reader, writer = await asyncio.open_connection(sock=control, limit=LONGEST_LINE)
    pages = Pages(executable)
    tasks: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        task = asyncio.create_task(_answer(pages, json.loads(line), writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    with contextlib.suppress(Exception):
        await asyncio.wait_for(pages.end(), FAREWELL)


async def _answer(pages: "Pages", request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    number, do = request.pop("id"), request.pop("do")
    try:
        answer = {"id": number, "result": await getattr(pages, do)(**request)}
    except Exception as error:
        answer = {"id": number, "error": str(error).strip() or type(error).__name__}
    writer.write(json.dumps(answer).encode() + b"\n")


class Pages:
    """The browser and its pages, by number. The methods are what the runner may ask for."""

    def __init__(self, executable: str | None) -> None:
        self._executable = executable
        self._starting = asyncio.Lock()
        self._playwright: Any = None
        self._browser: Any = None
        self._pages: dict[int, Any] = {}
        self._recorder = (resources.files(__package__) / "recorder.js").read_text(encoding="utf-8")

    async def start(self, *, anew: bool) -> str:
        """Start the browser if it does not run; its name and version. `anew`: no page is wanted any more."""
        for page in [*self._pages] if anew else ():
            await self.close(page)
        async with self._starting:
            if self._browser is None or not self._browser.is_connected():
                # It may not be installed, and that is told as the answer to this request.
                from playwright.async_api import async_playwright  # noqa: PLC0415

                if self._playwright is None:
                    self._playwright = await async_playwright().start()
                chromium = self._playwright.chromium
                self._browser = await chromium.launch(executable_path=self._which(chromium), args=["--disable-gpu"])
        return f"Chromium {self._browser.version}"

    def _which(self, chromium: Any) -> str | None:
        """The system's Chromium, unless Playwright has the one that it is made for."""
        own: str = chromium.executable_path
        return own if Path(own).exists() else self._executable

    async def open(self, page: int, origin: str, path: str | None) -> None:
        """Open a page of the application, or (None) an empty one at its origin, with cookies and a cache of its own."""
        # The certificate was looked at by whoever connects to the server; between us and the browser there is none.
        context = await self._browser.new_context()
        self._pages[page] = made = await context.new_page()
        await made.add_init_script(self._recorder)
        if path is not None:
            await made.goto(origin + path, wait_until="domcontentloaded")
            return
        # Only for the empty page, and not any longer: an intercepted request is not quite what it would be.
        await made.route(f"{origin}/", lambda route: route.fulfill(content_type="text/html", body=BLANK))
        await made.goto(f"{origin}/")
        await made.unroute_all()

    async def evaluate(self, page: int, script: str, argument: Any) -> Any:
        """What the JavaScript function gives for the argument, awaited where it is a promise."""
        return await self._pages[page].evaluate(script, argument)

    async def close(self, page: int) -> None:
        """Close a page, as a user closes a tab."""
        await self._pages.pop(page).context.close()

    async def end(self) -> None:
        """Close the browser."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
