"""Server processes come quickly, and none outlives its runner."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from asgi_conformance.drivers.base import Request
from asgi_conformance.drivers.server import ServerDriver, ServerProcess, launch
from asgi_conformance.loading import AppRef

HERE = str(Path(__file__).parent)
FRAMEWORK = AppRef("served:framework", factory=True, app_dir=HERE)

RUNNER = """
    import asyncio, json, os, sys, threading
    sys.path[:] = json.loads(sys.argv[1])
    from asgi_conformance.drivers.server import ServerProcess
    from asgi_conformance.loading import AppRef

    def start():
        process = ServerProcess("uvicorn", AppRef("served:app", app_dir=sys.argv[2]), how=sys.argv[3])
        process.start()
        print(process.pid, flush=True)
        return process

    where = sys.argv[4]
    if where == "main":
        process = start()
    elif where == "thread":
        thread = threading.Thread(target=lambda: globals().update(process=start()))
        thread.start()
        thread.join()
    elif where == "starting":
        process = ServerProcess("uvicorn", AppRef("served:starts_never", app_dir=sys.argv[2]), how=sys.argv[3])
        process.begin()
        process._await(lambda: process.pid is not None, 30)
        print(process.pid, flush=True)
    print("ready", flush=True)
    sys.stdin.read()
"""


class Watched:
    """A process that may be nobody's child here; its end can be waited for."""

    def __init__(self, pid: int) -> None:
        self._descriptor = os.pidfd_open(pid)

    def ends(self, within: float) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], within)
        return bool(ready)

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.mark.parametrize("how", ["fork", "exec"])
@pytest.mark.parametrize(
    ("signum", "where"),
    [
        (signal.SIGKILL, "main"),
        (signal.SIGKILL, "thread"),  # no parent-death signal then: it would come at the end of the thread
        (signal.SIGKILL, "starting"),
        (signal.SIGINT, "main"),
        (signal.SIGTERM, "main"),
    ],
)
def test_no_server_outlives_its_runner(signum: signal.Signals, how: str, where: str):
    command = [sys.executable, "-c", textwrap.dedent(RUNNER), json.dumps(sys.path), HERE, how, where]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as runner:
        pid = int(runner.stdout.readline())
        assert runner.stdout.readline() == "ready\n"
        server = Watched(pid)
        try:
            assert not server.ends(0)
            runner.send_signal(signum)
            assert server.ends(10), "the server is still running"
            runner.wait(10)
        finally:
            server.close()
            runner.kill()


def test_a_runner_that_is_stopped_in_the_middle_of_a_check_leaves_nothing(tmp_path: Path):
    script = """
        import asyncio, json, sys
        sys.path[:] = json.loads(sys.argv[1])
        from asgi_conformance.drivers.server import ServerDriver
        from asgi_conformance.drivers.base import Request
        from asgi_conformance.loading import AppRef

        async def check():
            async with ServerDriver("uvicorn", AppRef("served:app", app_dir=sys.argv[2])) as driver:
                exchange = await driver.http(Request(path="/wait"))
                await exchange.head()
                print(driver.process.pid, flush=True)
                await asyncio.Event().wait()

        try:
            asyncio.run(check())
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), json.dumps(sys.path), HERE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as runner:
        server = Watched(int(runner.stdout.readline()))
        try:
            runner.send_signal(signal.SIGINT)
            assert server.ends(10)
            out, err = runner.communicate(timeout=10)
            assert (out, err) == ("interrupted\n", "")
        finally:
            server.close()
            runner.kill()


def serve_once(how: str) -> bytes:
    async def scene() -> bytes:
        async with asyncio.timeout(60), ServerDriver("uvicorn", FRAMEWORK, how=how, leaving="kill") as driver:  # type: ignore[arg-type]
            exchange = await driver.http(Request(path="/hello"))
            piece = await exchange.piece()
            return piece.data if piece else b""

    return asyncio.run(scene())


@pytest.mark.slow
def test_thirty_fresh_servers_in_a_row_all_serve():
    descriptors = len(os.listdir("/proc/self/fd"))
    assert [serve_once("fork") for _ in range(30)] == [b'{"hello":"world"}'] * 30
    # One of them may have started the zygote, whose socket stays.
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1


def test_a_server_without_the_zygote_serves_as_well():
    assert serve_once("exec") == b'{"hello":"world"}'


def test_every_fresh_server_is_another_process_with_its_own_port():
    processes = [ServerProcess("uvicorn", FRAMEWORK).start() for _ in range(3)]
    try:
        assert len({process.pid for process in processes}) == 3
        assert len({process.address for process in processes}) == 3
    finally:
        for process in processes:
            process.kill()


def test_a_zygote_that_dies_is_replaced():
    serve_once("fork")
    zygote = launch._zygote
    assert zygote is not None
    with ServerProcess("uvicorn", FRAMEWORK) as process:
        zygote._process.kill()
        zygote._process.wait()
        # Its children are killed with it: nobody could tell their exit codes any more.
        assert process.wait_exit(10) == -signal.SIGKILL
    assert serve_once("fork") == b'{"hello":"world"}'
    assert launch._zygote is not zygote


def test_a_zygote_that_cannot_fork_is_done_without(monkeypatch: pytest.MonkeyPatch):
    launch.close()
    monkeypatch.setattr(launch, "_ZYGOTE", "raise SystemExit(1)")
    try:
        with ServerProcess("uvicorn", FRAMEWORK) as process:
            assert process.running
    finally:
        launch.close()


def test_the_zygote_can_be_prepared_and_closed():
    launch.prepare("uvicorn")
    zygote = launch._zygote
    assert zygote is not None
    assert serve_once("fork") == b'{"hello":"world"}'
    assert launch._zygote is zygote
    launch.close()
    assert zygote._process.poll() == 0
    assert launch._zygote is None


def test_a_server_that_ended_may_begin_again():
    process = ServerProcess("uvicorn", FRAMEWORK).start()
    first = process.pid
    assert process.stop() == -signal.SIGTERM
    assert "Finished server process" in process.log()
    process.start()
    try:
        assert process.pid != first
        assert "Finished server process" not in process.log()
    finally:
        process.kill()


def test_children_of_the_server_are_killed_with_it(tmp_path: Path):
    (tmp_path / "parent.py").write_text(
        textwrap.dedent("""
            import os, subprocess, sys
            child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
            copy = os.dup(child.stdin.fileno())  # held by a grandchild as well, so that the pipe does not end
            keeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[copy])
            print(f"child {child.pid}", flush=True)

            async def app(scope, receive, send):
                raise TypeError
        """)
    )
    for how in ("fork", "exec"):
        process = ServerProcess("uvicorn", AppRef("parent:app", app_dir=str(tmp_path)), how=how).start()
        line = next(line for line in process.log().splitlines() if line.startswith("child "))
        child = Watched(int(line.split()[1]))
        try:
            assert not child.ends(0)
            process.kill()
            assert child.ends(10)
        finally:
            child.close()
