"""The cases of RFC 6455: sound servers pass them, and every broken one is found by exactly the cases that it names."""

import json
import os
import re
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from asgi_conformance import catalogue
from asgi_conformance.check import Check
from asgi_conformance.config import Options
from asgi_conformance.drivers.remote import RemoteDriver
from asgi_conformance.fixtures.mutants.rfc6455._peer import Peer
from asgi_conformance.fixtures.mutants.rfc6455._serve import serving
from asgi_conformance.fixtures.rfc6455.websockets_echo import DEVIATIONS
from asgi_conformance.mutant import SERVER_MUTANTS, ServerMutant
from asgi_conformance.pattern import Route
from asgi_conformance.runner import plan, run_case
from asgi_conformance.session import Session
from asgi_conformance.suites.rfc6455 import wire
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome, Verdict

CHECKS = [check for check in catalogue.load_checks() if check.suite == "rfc6455"]
IDS = [check.id for check in CHECKS]
MUTANTS = [
    (catalogue.load_mutants(), SERVER_MUTANTS[name])[1] for name in (catalogue.load_mutants(), SERVER_MUTANTS)[1]
]
MIRROR, TOLD = Route("GET", "/ws", {"websocket.mirror"}), Route("GET", "/told", {"websocket.told"})
EVERYDAY, OTHERS = 40, 20  # of the cases one in so many: on sound servers for every day, and of those not named
NAMED = 40  # of the cases that a mutant names, so many at most


def some(checks: list[Check], one_in: int) -> list[Check]:
    """One in so many, always the same, and such as do not move many bytes."""
    return [check for check in checks if ".limits." not in check.id and not zlib.crc32(check.id.encode()) % one_in]


def judged(checks: list[Check], url: str, *routes: Route) -> dict[str, Verdict]:
    """The verdicts on the server at this address."""
    target = Target(url, None, url, routes)
    verdicts = (
        run_case(case, lambda _, transcript: RemoteDriver(url, transcript=transcript))
        for case in plan(checks, target, "remote", RemoteDriver.abilities)
    )
    return {verdict.check: verdict for verdict in verdicts}


def told(verdicts: dict[str, Verdict], *outcomes: Outcome) -> dict[str, str]:
    """What was found, for those with such an outcome."""
    return {
        name: f"expected {verdict.expected}, observed {verdict.observed}"
        for name, verdict in verdicts.items()
        if verdict.outcome in outcomes
    }


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that never answer need not be waited for as long as ones that might."""
    monkeypatch.setattr(wire, "WITHIN", 4.0)


@contextmanager
def bare() -> Iterator[str]:
    """The address of an echo by the `websockets` library."""
    command = [sys.executable, "-m", "asgi_conformance.fixtures.rfc6455.websockets_echo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def test_our_own_server_passes() -> None:
    assert failing(some(CHECKS, EVERYDAY)) == {}


@pytest.mark.slow
def test_our_own_server_passes_every_case() -> None:
    assert failing(CHECKS) == {}


def failing(checks: list[Check]) -> dict[str, str]:
    """What our own server does not pass."""
    with serving(Peer) as port:
        verdicts = judged(checks, f"ws://127.0.0.1:{port}", MIRROR, TOLD)
    return told(verdicts, *set(Outcome) - {Outcome.PASSED})


@pytest.mark.slow
def test_the_library_deviates_only_as_declared() -> None:
    """All cases are judged for docs/rfc6455.md."""
    checks = [*some(CHECKS, 4), *(check for check in CHECKS if check.id in DEVIATIONS)]
    with bare() as url:
        verdicts = judged(checks, url, Route("GET", "/", {"websocket.mirror"}))
    found = told(verdicts, Outcome.FAILED, Outcome.WARNED, Outcome.COULD_NOT_RUN)
    assert set(found) == set(DEVIATIONS), found


@pytest.mark.slow
@pytest.mark.parametrize("server", ["uvicorn", "uvicorn-h11-websockets", "uvicorn-wsproto"])
def test_uvicorn_deviates_only_as_declared(server: str) -> None:
    session = Session(Options(servers=(server,), patterns=("websocket.mirror",), suites=("rfc6455",)))
    (target,) = session.targets
    wanted = {check.id for check in some(CHECKS, 12)} | set(target.pattern.deviations)
    verdicts = [session.run(case) for case in session.cases() if case.check.id in wanted]
    session.close()
    assert [(v.check, v.observed) for v in verdicts if v.stale] == []
    # wsproto ends connections without a close frame, which is a warning for each of them.
    bad = {Outcome.FAILED, Outcome.COULD_NOT_RUN}
    assert [(v.check, v.expected, v.observed) for v in verdicts if v.outcome in bad and v.known is None] == []


def parameter(mutant: ServerMutant) -> object:
    """Servers that keep a client waiting are for CI."""
    return pytest.param(mutant, marks=[pytest.mark.slow] if mutant.name.startswith("waits-") else [], id=mutant.name)


@pytest.mark.sampled(14)
@pytest.mark.parametrize("mutant", [parameter(mutant) for mutant in MUTANTS])
def test_mutant_is_killed_by_exactly_the_cases_it_names(
    mutant: ServerMutant, impatient: None, pytestconfig: pytest.Config
) -> None:
    """By a sample, since there are fifty thousand pairs; RFC6455_MATRIX=1 takes them all, and ten minutes."""
    killers = mutant.killers(IDS)
    assert killers
    named = [check for check in CHECKS if check.id in killers]
    others = [check for check in CHECKS if check.id not in killers]
    if not os.environ.get("RFC6455_MATRIX"):
        named = named[:: len(named) // NAMED + 1]
        others = some(others, OTHERS if pytestconfig.option.full else EVERYDAY)
    with serving(mutant.make) as port:
        verdicts = judged(named + others, f"ws://127.0.0.1:{port}", MIRROR, TOLD)
    broken = told(verdicts, Outcome.FAILED, Outcome.WARNED)
    assert set(broken) == {check.id for check in named}, {
        name: broken.get(name, "not found") for name in set(broken) ^ {check.id for check in named}
    }


def test_every_case_kills_a_mutant() -> None:
    killed = set().union(*(mutant.killers(IDS) for mutant in MUTANTS))
    assert sorted(set(IDS) - killed) == []


@pytest.mark.slow
def test_each_word_of_a_mutant_is_an_id() -> None:
    for mutant in MUTANTS:
        for word in mutant.killed_by:
            alone = ServerMutant(mutant.name, (word.removeprefix("-"),), mutant.make)
            assert alone.killers(IDS), f"{mutant.name}: {word}"


def test_there_are_at_least_as_many_cases_as_in_the_reference() -> None:
    """By category, the counts that the reference document has."""
    counted = Counter(name.split(".")[1] for name in IDS if not name.endswith("-close"))
    least = {
        "framing": 16, "ping-pong": 11, "reserved-bits": 7, "opcodes": 10, "fragmentation": 20, "utf8": 145,
        "close": 37, "limits": 55, "compression": 90, "compression-offers": 126, "handshake": 40,
        "handshake-answer": 12, "masking": 10, "length-forms": 8, "server-close": 30, "tcp-ends": 12,
        "control-frames": 10, "compression-data": 20, "negotiation": 20,
    }  # fmt: skip
    assert {name: counted[name] for name in least if counted[name] < least[name]} == {}


def test_every_case_says_what_it_shows() -> None:
    titles = Counter(check.title for check in CHECKS)
    assert [title for title in titles if not re.search(r"\b(must|should|has|may)\b", title)] == []
    assert [title for title, count in titles.items() if count > 1] == []


class Hangs(Peer):
    """Takes everything and answers nothing."""

    def received(self, data: bytes) -> bytes:
        return super().received(data) if not self.open else b""


class WrongPongs(Peer):
    """Answers a ping with another payload."""

    def send(self, opcode: int, payload: bytes, *, rsv: int = 0) -> bytes:
        return super().send(opcode, b"?" if opcode == 10 else payload, rsv=rsv)


class StaysOpen(Peer):
    """Leaves TCP open after a close, and hears nothing more."""

    deaf = False

    def received(self, data: bytes) -> bytes:
        answer = b"" if self.deaf else super().received(data)
        self.deaf, self.over = self.deaf or self.over, False
        return answer


@pytest.mark.parametrize(
    ("make", "check", "observed"),
    [
        (Hangs, "framing.text-125", "the connection still open"),
        (Hangs, "reserved-bits.text-4", "the connection still open"),
        (Hangs, "close.at-once", "the connection still open"),
        (WrongPongs, "ping-pong.text", "a pong, then the connection still open"),
        (StaysOpen, "close.at-once", "a close with 1000, and TCP open after"),
        (StaysOpen, "reserved-bits.text-4-close", "it open for"),
    ],
)
def test_a_server_that_hangs_is_found(
    make: type[Peer], check: str, observed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "WITHIN", 0.3)
    with serving(make) as port:
        (verdict,) = judged(
            [c for c in CHECKS if c.id == f"rfc6455.{check}"], f"ws://127.0.0.1:{port}", MIRROR, TOLD
        ).values()
    assert verdict.broken
    assert (verdict.observed or "").startswith(observed)
    json.dumps(verdict.to_json())
