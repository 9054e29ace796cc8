"""The browser's process: found or missing, started once, and gone with its runner."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asgi_conformance.drivers.base import Unreachable
from asgi_conformance.drivers.browser import process
from asgi_conformance.drivers.browser.page import events, opened
from asgi_conformance.drivers.browser.process import BrowserFault, missing, the_browser
from asgi_conformance.drivers.browser.relay import Relay
from asgi_conformance.drivers.server.driver import ServerDriver
from asgi_conformance.loading import AppRef

APP = "asgi_conformance.fixtures.sse.{}:app"
needs_browser = pytest.mark.skipif(missing() is not None, reason=f"could not run: {missing()}")


@pytest.fixture
def without_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which there is none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))


def test_missing_browser_is_told_with_what_to_do(without_browser: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "_browser", None)
    lacking = missing()
    assert lacking is not None
    assert "install" in lacking
    with pytest.raises(Unreachable, match="install"):
        the_browser()


def test_missing_playwright_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "playwright", None)
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: None)
    assert missing() == "a browser needs Playwright: pip install 'asgi-conformance[browser]'"


def test_playwrights_own_browser_is_found(without_browser: None, tmp_path: Path):
    pytest.importorskip("playwright")
    (tmp_path / "chromium-1255").mkdir()
    assert missing() is None


def page_of(pattern: str, path: str | None, scene) -> None:
    """Play a scene with a page of a fixture app."""

    async def played() -> None:
        async with (
            asyncio.timeout(90),
            ServerDriver("uvicorn", AppRef(APP.format(pattern), fresh=True), leaving="kill") as server,
            Relay(server.raw, server.place) as relay,
            opened(relay, path=path) as page,
        ):
            await scene(page)

    asyncio.run(played())


@pytest.mark.slow
@needs_browser
def test_repaired_page_of_the_document_shows_its_events():
    async def scene(page):
        lines = "() => [...document.querySelectorAll('#events p')].map((line) => line.textContent)"
        await page.until("() => document.querySelectorAll('#events p').length >= 3", 20)
        shown = await page.evaluate(lines)
        assert [line.partition(":")[0] for line in shown[:3]] == ["1", "2", "3"]
        assert [json.loads(event.data)["count"] for event in events(await page.log())][:3] == [1, 2, 3]
        assert not [entry for entry in await page.log() if entry.what == "fault"]

    page_of("html_client_hardened", "/", scene)


@pytest.mark.slow
@needs_browser
def test_page_as_the_document_has_it_shows_nothing():
    async def scene(page):
        log = await page.until("(log) => log.filter((e) => e.what == 'fault').length >= 3", 20)
        assert await page.evaluate("() => document.querySelectorAll('#events p').length") == 0
        assert {entry.text for entry in log if entry.what == "fault" and "JSON" not in entry.text} == set()
        kinds = {event.type for event in events(log)}
        assert {"message", "notification"} <= kinds  # they arrive; the script cannot read them

    page_of("html_client", "/", scene)


@pytest.mark.slow
@needs_browser
def test_document_page_gives_up_one_of_its_sources():
    async def scene(page):
        await page.until("(log) => new Set(log.filter((e) => e.what == 'event').map((e) => e.source)).size == 2", 20)
        page.relay.cut()
        asked = len(page.relay.exchanges)
        # The one that reconnects comes after the browser's default, and by then the other would have come, too.
        assert await page.relay.until(lambda: len(page.relay.exchanges) > asked, 20)
        assert [exchange.target for exchange in page.relay.exchanges[asked:]] == ["/events/named"]
        assert await page.evaluate("() => recorder.sources.map((source) => source.readyState)") in ([2, 0], [2, 1])

    page_of("html_client", "/", scene)


@pytest.mark.slow
@needs_browser
def test_named_event_reaches_its_listener_and_not_onmessage():
    async def scene(page):
        counting = """([url]) => {
          window.counts = {message: 0, update: 0};
          const source = new EventSource(url);
          source.onmessage = () => counts.message++;
          source.addEventListener("update", () => counts.update++);
        }"""
        await page.evaluate(counting, ["/events"])
        await page.until("(log) => log.filter((e) => e.type == 'update').length >= 2", 20)
        told = [event.type for event in events(await page.log())]
        counts = await page.evaluate("() => counts")
        assert counts == {kind: told.count(kind) for kind in ("message", "update")}

    page_of("js_client_hardened", None, scene)


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("reason", ["status", "type"])
def test_refused_source_is_closed_for_good(reason: str):
    async def scene(page):
        # There is no such path, and the page itself is no event stream.
        refusing = "/nowhere" if reason == "status" else "/"
        await page.listen(refusing)
        log = await page.until("(log) => log.some((e) => e.what == 'error')", 20)
        assert [entry.state for entry in log if entry.what == "error"] == [2]
        # One that was opened and cut later is back, and the refused one is not.
        await page.listen("/events")
        await page.until("(log) => log.some((e) => e.what == 'event')", 20)
        page.relay.cut()
        targets = [exchange.target for exchange in page.relay.exchanges]
        assert await page.relay.until(lambda: len(page.relay.exchanges) > len(targets), 20)
        assert [exchange.target for exchange in page.relay.exchanges[len(targets) :]] == ["/events"]
        assert targets.count(refusing) == 1

    page_of("html_client_hardened", None, scene)


@pytest.mark.slow
@needs_browser
def test_script_that_raises_is_told():
    async def scene(page):
        with pytest.raises(BrowserFault, match="no such thing"):
            await page.evaluate("() => { throw new Error('no such thing') }")
        assert await page.evaluate("([a, b]) => a + b", [1, 2]) == 3

    page_of("html_client_hardened", None, scene)


@pytest.mark.slow
@needs_browser
def test_one_browser_serves_several_loops():
    for _ in range(3):
        page_of("html_client_hardened", None, lambda page: page.evaluate("() => 1"))
        pid = the_browser().pid
    page_of("html_client_hardened", None, lambda page: page.evaluate("() => 1"))
    assert the_browser().pid == pid


@pytest.mark.slow
@needs_browser
def test_browser_that_has_died_is_replaced():
    page_of("html_client_hardened", None, lambda page: page.evaluate("() => 1"))
    first = the_browser()
    os.kill(first.pid, signal.SIGKILL)
    page_of("html_client_hardened", None, lambda page: page.evaluate("() => 1"))
    assert the_browser().pid != first.pid


RUNNER = """
import asyncio
from asgi_conformance.drivers.browser.process import the_browser

async def main():
    browser = the_browser()
    async with browser.attached():
        print(browser.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.slow
@needs_browser
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("whose", ["runner", "host"])
def test_nothing_is_left_when_a_process_is_killed(whose: str):
    runner = subprocess.Popen([sys.executable, "-c", RUNNER], stdout=subprocess.PIPE, text=True)
    try:
        assert runner.stdout is not None
        host = int(runner.stdout.readline())
        family = descendants(host)
        assert any("chrom" in command for command in family.values()), family
        os.kill(runner.pid if whose == "runner" else host, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while left := {pid for pid in family if alive(pid)}:
            assert time.monotonic() < deadline, {pid: family[pid] for pid in left}
            time.sleep(0.05)  # processes of others can only be looked at
    finally:
        runner.kill()
        runner.wait()
        if runner.stdout is not None:
            runner.stdout.close()


def descendants(root: int) -> dict[int, str]:
    """The processes below one, itself included, with their command lines."""
    found = {root: command(root)}
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= {pid: command(pid) for pid in more}
    return found


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:80]
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Whether the process runs; one that waits for its parent to look is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False
