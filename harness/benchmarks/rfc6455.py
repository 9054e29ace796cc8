"""The page about the WebSocket protocol: every case on a bare echo server and on uvicorn's implementations, by runs.

    python harness/benchmarks/rfc6455.py [--runs 3] [--server NAME …] [--output docs/rfc6455.md]

The runs are those of ``asgi-conformance run --suite rfc6455``; a further pass over the cases tells which of the
acceptable outcomes it was, and how each connection ended. Takes about ten minutes.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asgi_conformance import Blocked, NotApplicable, Probe, catalogue
from asgi_conformance.config import Options
from asgi_conformance.drivers.remote import RemoteDriver
from asgi_conformance.fixtures.rfc6455.websockets_echo import DEVIATIONS
from asgi_conformance.pattern import Route
from asgi_conformance.runner import Case as Planned
from asgi_conformance.session import Session
from asgi_conformance.suites.rfc6455.case import Case
from asgi_conformance.suites.rfc6455.engine import play
from asgi_conformance.suites.rfc6455.registering import ALL
from asgi_conformance.target import Target
from asgi_conformance.transcript import Transcript
from asgi_conformance.verdict import Verdict
from asgi_conformance.websocket.frames import NO_CLOSE

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "rfc6455.md"
BARE = "websockets, bare"
SERVERS = (BARE, "uvicorn-websockets-sansio", "uvicorn-websockets", "uvicorn-wsproto")
PARTS = ("uvicorn", "websockets", "wsproto", "httptools")
PATTERN = "websocket.mirror"
MIRROR, TOLD = Route("GET", "/", {"websocket", "websocket.mirror"}), "websocket.told"

HEADING = """# The WebSocket protocol, case by case

RFC 6455 and RFC 7692 on {versions}. This page is made by
`python harness/benchmarks/rfc6455.py`; the cases are those of `suites/rfc6455/`. `asgi-conformance explain ID` tells
more about one, and `asgi-conformance run --url ws://host/path --suite rfc6455` plays them on any endpoint that echoes.

*Behaviour* is what the case is about; *close* is how the connection ended. Strict outcomes are the best, non-strict
ones are allowed, for informational ones there is no rule; all three pass. A close is right, has another code, is
unclean (TCP ends without a close frame) or hung. Where the server ends a connection because of a fault, its close is
judged by a check of its own (`…-close`), at level SHOULD. WebSocket over HTTP/2 (RFC 8441) is not here.
"""

SCRIPTS = {
    "rfc6455.compression-data.after-final-block": "rfc6455_final_block.py",
    "rfc6455.compression-data.ping-between-fragments": "rfc6455_control_in_compressed.py",
    "rfc6455.control-frames.pong-in-compressed-fragments": "rfc6455_control_in_compressed.py",
    "rfc6455.handshake-answer.subprotocol-unoffered": "websocket_subprotocol.py",
    "rfc6455.handshake.body": "rfc6455_body.py",
    "rfc6455.handshake.extension-bad-name": "rfc6455_extension_grammar.py",
    "rfc6455.handshake.extension-quote-open": "rfc6455_quoted_offer.py",
    "rfc6455.handshake.extension-without-name": "rfc6455_extension_grammar.py",
    "rfc6455.handshake.extension-without-parameter": "rfc6455_extension_grammar.py",
    "rfc6455.handshake.host-missing": "rfc6455_host.py",
    "rfc6455.handshake.host-twice": "rfc6455_host.py",
    "rfc6455.handshake.http-1-0": "websocket_http_1_0.py",
    "rfc6455.handshake.key-empty": "rfc6455_empty_key.py",
    "rfc6455.length-forms.far-too-large": "rfc6455_declared_length.py",
    "rfc6455.negotiation.client-flag-with-value": "rfc6455_offers.py",
    "rfc6455.negotiation.client-window-no-number": "rfc6455_quoted_offer.py",
    "rfc6455.negotiation.flag-twice": "rfc6455_offers.py",
    "rfc6455.negotiation.flag-with-value": "rfc6455_offers.py",
    "rfc6455.negotiation.quoted-window": "rfc6455_quoted_offer.py",
    "rfc6455.negotiation.unknown-parameter": "rfc6455_offers.py",
    "rfc6455.negotiation.window-leading-zero": "rfc6455_offers.py",
    "rfc6455.negotiation.window-missing": "rfc6455_offers.py",
    "rfc6455.negotiation.window-no-number": "rfc6455_quoted_offer.py",
    "rfc6455.negotiation.window-twice": "rfc6455_offers.py",
    **{
        f"rfc6455.handshake.version-{version}": "websocket_version.py"
        for version in ("0", "7", "12", "14", "255", "thirteen", "empty")
    },
}


@dataclass(slots=True)
class Found:
    """What a server did, in all runs."""

    runs: list[dict[str, Verdict]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    words: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by category
    closes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    versions: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def bare() -> Iterator[str]:
    """The address of the bare echo server, while it runs."""
    command = [sys.executable, "-m", "asgi_conformance.fixtures.rfc6455.websockets_echo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            yield (process.stdout.readline() if process.stdout else "").strip()
        finally:
            process.kill()


def run(server: str, found: Found) -> None:
    """One run of the command line, as anybody would make it."""
    with tempfile.TemporaryDirectory() as folder, bare() as url:
        where = ["--url", url] if server == BARE else ["--pattern", PATTERN, "--server", server]
        command = [sys.executable, "-m", "asgi_conformance.cli", "run", "--suite", "rfc6455", *where]
        done = subprocess.run([*command, "--report-dir", folder], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode not in {0, 1}:
            sys.exit(f"{server}: exit {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        result = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
    verdicts = [Verdict.from_json(record) for record in result["verdicts"]]
    found.runs.append({verdict.check: verdict for verdict in verdicts})
    found.seconds.append(result["environment"]["duration_s"])
    found.versions = result["environment"]["versions"]


def look_closer(server: str, found: Found) -> None:
    """Play each case once more, followed to the end of TCP."""
    with bare() as url:
        options = Options(servers=(server,), patterns=(PATTERN,), checks=("rfc6455.*",))
        session = None if server == BARE else Session(options)
        target = session.targets[0] if session else Target(url, None, url, (MIRROR,))
        routes = {word: route for route in target.routes for word in route.capabilities}
        check = catalogue.load_checks()[0] if session is None else session.checks[0]
        for category, cases in ALL.items():
            for case in cases:
                route = routes.get(TOLD if case.told is not None else "websocket.mirror")
                if route is None:
                    found.words[category]["n/a"] += 1
                    continue
                transcript = Transcript(lambda: 0.0)
                planned = Planned(check, target, server, route)
                driver = session.make_driver(planned, transcript) if session else RemoteDriver(url)
                word, close = asyncio.run(outcome(case, Probe(driver, route, transcript)))
                found.words[category][word] += 1
                found.closes[category][close] += close != ""
        if session:
            session.close()


async def outcome(case: Case, probe: Probe) -> tuple[str, str]:
    """The word for the outcome of a case, and the one for its close."""
    try:
        result = await play(probe, case, case.cuts[0], to_the_end=True)
    except NotApplicable:
        return "n/a", ""
    except Blocked:
        return "failed", ""
    finally:
        await probe.stop()
    if result.outcome is None:
        return "failed", ""
    right = result.outcome.end.right if result.outcome.end else {1000}
    if result.code is None:
        return result.word.value, "hung" if not result.tcp_ended else ""
    if result.code == NO_CLOSE:
        return result.word.value, "unclean"
    if not result.tcp_ended:
        return result.word.value, "hung"
    return result.word.value, "right" if result.code in right or not right else "other code"


def page(found: dict[str, Found]) -> str:
    """The page as Markdown."""
    any_one = next(iter(found.values()))
    versions = ", ".join(f"{part} {any_one.versions[part]}" for part in PARTS if part in any_one.versions)
    parts = [HEADING.format(versions=versions), _totals(found)]
    parts += [_table(server, of) for server, of in found.items()]
    parts.append(_deviations(found))
    return "\n".join(parts)


def _totals(found: dict[str, Found]) -> str:
    lines = ["| server | checks | passed | failed | warned | not applicable | the same in all runs | seconds |"]
    lines.append("| --- | " + " | ".join(["---:"] * 7) + " |")
    for server, of in found.items():
        counted = Counter(verdict.outcome.value for verdict in of.runs[0].values())
        other = [name for name in of.runs[0] if len({run[name].outcome for run in of.runs}) > 1]
        same = f"{len(of.runs[0]) - len(other)} of {len(of.runs[0])}, {len(of.runs)} runs"
        numbers = [counted[word] for word in ("passed", "failed", "warned", "not-applicable")]
        seconds = "–".join(f"{value:.0f}" for value in sorted({min(of.seconds), max(of.seconds)}))
        lines.append(f"| {server} | {len(of.runs[0])} | {' | '.join(map(str, numbers))} | {same} | {seconds} |")
    return "\n".join(lines) + "\n"


def _table(server: str, of: Found) -> str:
    words, closes = (
        ("strict", "non-strict", "informational", "failed", "n/a"),
        ("right", "other code", "unclean", "hung"),
    )
    lines = [f"## {server}\n", f"| category | cases | {' | '.join(words)} | close: {' | '.join(closes)} |"]
    lines.append("| --- | " + " | ".join(["---:"] * 10) + " |")
    judged = _by_category(of.runs[0])
    for category, verdicts in sorted(judged.items()):
        counted, ends = of.words.get(category, Counter()), of.closes.get(category, Counter())
        others = len(verdicts) - sum(counted.values())  # handshakes and the like: behaviour alone
        if others:
            outside = {case.name for case in ALL.get(category, ())}
            plain = Counter(
                {"passed": "strict", "not-applicable": "n/a"}.get(verdict.outcome.value, "failed")
                for verdict in verdicts
                if verdict.check.rpartition(".")[2] not in outside
            )
            counted += plain
        cells = [counted[word] or "" for word in words] + [ends[word] or "" for word in closes]
        lines.append(f"| {category} | {len(verdicts)} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def _by_category(verdicts: dict[str, Verdict]) -> dict[str, list[Verdict]]:
    """Behaviour only: one verdict for each case."""
    found: dict[str, list[Verdict]] = defaultdict(list)
    for name, verdict in verdicts.items():
        if not name.endswith("-close"):
            found[name.split(".")[1]].append(verdict)
    return found


def _deviations(found: dict[str, Found]) -> str:
    rows: dict[str, list[tuple[str, Verdict]]] = defaultdict(list)
    warned: Counter[str] = Counter()
    for server, of in found.items():
        for name, verdict in of.runs[0].items():
            if verdict.outcome.value == "failed":
                rows[name].append((server, verdict))
            warned[server] += verdict.outcome.value == "warned"
    lines = ["## Deviations\n", "| case | on | observed | because | shown by |", "| --- | --- | --- | --- | --- |"]
    for name, seen in sorted(rows.items()):
        servers = ", ".join(server for server, _ in seen)
        observed = "; ".join(dict.fromkeys(verdict.observed or "" for _, verdict in seen)).replace("|", "\\|")
        because = "; ".join(dict.fromkeys(verdict.known or DEVIATIONS.get(name, "?") for _, verdict in seen))
        script = SCRIPTS.get(name)
        shown = f"[{script}](reproductions/{script})" if script else ""
        lines.append(f"| `{name.removeprefix('rfc6455.')}` | {servers} | {observed} | {because} | {shown} |")
    for server, count in warned.items():
        if count:
            lines.append(f"\nOn {server}, {count} connections that had to fail ended without a close frame to say why:")
            lines.append("[rfc6455_protocol_error.py](reproductions/rfc6455_protocol_error.py).")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Judge the servers, one after the other, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--server", action="append", choices=SERVERS)
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
    catalogue.load_checks()
    found: dict[str, Found] = {}
    for server in given.server or SERVERS:
        found[server] = Found()
        for number in range(given.runs):
            run(server, found[server])
            print(f"{server}: run {number + 1}, {found[server].seconds[-1]} s", flush=True)
        look_closer(server, found[server])
    given.output.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
