"""The runner's end of the browser's process: started when it is first needed, and kept for the whole run."""

import asyncio
import atexit
import importlib.util
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from asgi_conformance.drivers.base import Unanswered, Unreachable

START_WITHIN = 60.0  # seconds; a browser that starts for the first time on a busy machine is slow
ANSWER_WITHIN = 30.0
END_WITHIN = 10.0
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

# As servers do it: the modules are found by the runner's own path, whatever the working directory is.
_HOST = (
    "import json, sys; start = json.loads(sys.argv[1]); sys.path[:] = start['sys_path']; "
    "from asgi_conformance.drivers.browser.host import main; main(start)"
)


def missing() -> str | None:
    """What to install before there is a browser, in a sentence; None where it seems to be there."""
    if importlib.util.find_spec("playwright") is None:
        return "a browser needs Playwright: pip install 'asgi-conformance[browser]'"
    if executable() is None and not any(_playwrights_own().glob("chromium*")):
        return "there is no Chromium: install your system's, or run 'playwright install chromium'"
    return None


def executable() -> str | None:
    """The system's Chromium, by its usual names."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _playwrights_own() -> Path:
    """Where Playwright keeps the browsers that it has installed."""
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if named == "0":
        spec = importlib.util.find_spec("playwright")
        place = Path(spec.origin).parent if spec is not None and spec.origin else Path()
        return place / "driver" / "package" / ".local-browsers"
    if named:
        return Path(named)
    home = Path.home()
    places = {"darwin": home / "Library" / "Caches", "win32": home / "AppData" / "Local"}
    return places.get(sys.platform, Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))) / "ms-playwright"


class BrowserFault(Exception):
    """The browser answers with an error; the text is its own."""


class Browser:
    """A browser in a process of its own. It is bound to no event loop: :meth:`attached` lends it to the running one.

    The process ends when the socket does, which is when the runner is gone, however it went.
    """

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._rest = b""
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._control, theirs = socket.socketpair()
        # The parent-death signal follows a thread: only the main one lasts as long as the process.
        in_main = threading.current_thread() is threading.main_thread()
        start = {
            "sys_path": [str(place) for place in sys.path],
            "control": theirs.fileno(),
            "parent": os.getpid() if in_main else 0,
            "executable": executable(),
        }
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own arguments
                [sys.executable, "-c", _HOST, json.dumps(start)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Ctrl-C in the terminal is for the runner, which then ends what it has started.
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that holds the browser."""
        return self._process.pid

    @asynccontextmanager
    async def attached(self) -> AsyncIterator[str]:
        """Answers come in on the running loop inside of this block; gives the browser's name and version.

        Raises Unreachable when it does not start.
        """
        loop = asyncio.get_running_loop()
        first = self._loop is not loop  # a case that the watchdog has ended may have left its loop behind
        if first:
            self._loop, self._users = loop, 0
            self._waiting.clear()
            loop.add_reader(self._control, self._read)
        self._users += 1
        try:
            yield await self.ask("start", within=START_WITHIN, anew=first)
        except BrowserFault as error:
            raise Unreachable(f"no browser could be started: {_first_line(error)}") from error
        finally:
            self._users -= 1
            if self._users == 0:
                loop.remove_reader(self._control)
                self._loop = None

    async def ask(self, do: str, *, within: float = ANSWER_WITHIN, **what: Any) -> Any:
        """The answer to a request. Raises BrowserFault, and Unanswered when there is none."""
        number = next(self._numbers)
        self._waiting[number] = answer = asyncio.get_running_loop().create_future()
        try:
            self._control.sendall(json.dumps({"id": number, "do": do, **what}).encode() + b"\n")
        except OSError as error:
            raise Unanswered("a browser that has ended") from error
        try:
            async with asyncio.timeout(within):
                return await answer
        except TimeoutError:
            raise Unanswered(f"a browser that does not answer within {within:g} s") from None
        finally:
            self._waiting.pop(number, None)

    def _read(self) -> None:
        try:
            data = self._control.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._control)
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(Unanswered("a browser that has ended"))
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            told = json.loads(line)
            waiting = self._waiting.get(told["id"])
            if waiting is None or waiting.done():
                continue
            if "error" in told:
                waiting.set_exception(BrowserFault(told["error"]))
            else:
                waiting.set_result(told["result"])

    def close(self) -> None:
        """End the process, and the browser with it."""
        self._control.close()
        if self.owner != os.getpid():
            return
        try:
            self._process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


_browser: Browser | None = None


def the_browser() -> Browser:
    """This process's browser, started when it is first needed. Raises Unreachable where there is none."""
    global _browser  # noqa: PLW0603 - one for the process: it takes a second to start
    if _browser is not None and (_browser.owner != os.getpid() or not _browser.alive):
        _browser.close()
        _browser = None
    if _browser is None:
        lacking = missing()
        if lacking is not None:
            raise Unreachable(lacking)
        _browser = Browser()
    return _browser


@atexit.register
def close() -> None:
    """End the browser; the next one who needs it gets a new one."""
    global _browser  # noqa: PLW0603
    if _browser is not None:
        _browser.close()
        _browser = None
