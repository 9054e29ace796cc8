"""The page about websocket servers: every rule on each of uvicorn's implementations, by a run.

    python harness/benchmarks/websocket_servers.py [--server NAME …] [--output docs/websocket-servers.md]

Each variant is judged by a run of its own, all at the same time: most of it is waiting. Takes about two minutes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from asgi_conformance import catalogue
from asgi_conformance.check import Check
from asgi_conformance.session import renderer
from asgi_conformance.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "websocket-servers.md"
PATTERN = "server.websocket"
VARIANTS = ("uvicorn-websockets-sansio", "uvicorn-websockets", "uvicorn-wsproto")
PARTS = ("uvicorn", "websockets", "wsproto", "httptools")

HEADING = """# Websockets on real servers

What servers owe to a websocket application and its client, rule by rule, on {versions}. This page is made by
`python harness/benchmarks/websocket_servers.py`; the rules are those of `suites/server/`, the applications those of
`fixtures/server/websocket.py`. `asgi-conformance explain ID` tells more about a rule. `uvicorn` without a word for its
implementation is `websockets-sansio` where the library is installed. The same application on a server that is mended
(`fixtures/server/websocket_mended.py`) breaks none of the rules.
"""

SCRIPTS = {
    "server.websocket-accept.unoffered-subprotocol": "subprotocol",
    "server.websocket-close.busy": "unread_close",
    "server.websocket-disconnect.loss-code": "lost",
    "server.websocket-end.exception-frame": "end",
    "server.websocket-end.return-frame": "end",
    "server.websocket-event.no-payload": "events",
    "server.websocket-event.payload-type": "events",
    "server.websocket-event.two-payloads": "events",
    "server.websocket-handshake.early-data": "early_data",
    "server.websocket-handshake.http-version": "http_1_0",
    "server.websocket-handshake.key-length": "key",
    "server.websocket-handshake.version": "version",
    "server.websocket-keepalive.code": "lost",
    "server.websocket-keepalive.sender": "silent_sender",
    "server.websocket-keepalive.unread": "unread",
    "server.websocket-limit.declared": "limit",
    "server.websocket-limit.fragments": "limit",
    "server.websocket-limit.message": "limit",
    "server.websocket-ping.busy": "unread_close",
    "server.websocket-push.close-behind-message": "push",
    "server.websocket-receive.again": "lost",
    "server.websocket-scope.header-bytes": "header_bytes",
    "server.websocket-send.raises": "send_after",
}


def rules() -> dict[str, Check]:
    """The rules of the page, by id, in its order."""
    checks = (check for check in catalogue.load_checks() if check.suite == "server")
    return {check.id: check for check in checks if ".websocket-" in check.id}


def judged(variants: list[str]) -> tuple[dict[str, list[Verdict]], dict[str, str]]:
    """The verdicts on each variant, and the versions of what is installed."""
    with tempfile.TemporaryDirectory() as folder:
        running = {name: _begin(name, Path(folder) / name) for name in variants}
        for name, process in running.items():
            output, _ = process.communicate()
            if process.returncode not in {0, 1}:
                sys.exit(f"{name}: {output}")
        results = {name: json.loads((Path(folder) / name / "results.json").read_text()) for name in variants}
    verdicts = {name: [Verdict.from_json(found) for found in result["verdicts"]] for name, result in results.items()}
    return verdicts, next(iter(results.values()))["environment"]["versions"]


def _begin(variant: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "asgi_conformance.cli", "run", "--pattern", PATTERN, "--server", variant]
    chosen = ["--check", "server.websocket-*", "--report-dir", str(folder)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command + chosen, cwd=ROOT, text=True, **streams)  # noqa: S603 - our own command line


def main() -> None:
    """Run, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", metavar="NAME", help=f"default: {', '.join(VARIANTS)}")
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
    verdicts, versions = judged(given.server or list(VARIANTS))
    told = ", ".join(f"{name} {versions[name]}" for name in PARTS if name in versions)
    links = {rule: f"reproductions/websocket_{script}.py" for rule, script in SCRIPTS.items()}
    page = renderer("server_matrix").render(HEADING.format(versions=told), verdicts, rules(), links)
    given.output.write_text(page, encoding="utf-8")
    print(f"{given.output}: {', '.join(f'{name} {len(found)}' for name, found in verdicts.items())} verdicts")


if __name__ == "__main__":
    main()
