"""The suite on request: what it needs of an address or application, and what it says when that is missing."""

from collections.abc import Iterator

import pytest

from asgi_conformance import catalogue
from asgi_conformance.cli import main as command
from asgi_conformance.config import Options
from asgi_conformance.discovery import OutOfReach
from asgi_conformance.fixtures.mutants.rfc6455._peer import Peer
from asgi_conformance.fixtures.mutants.rfc6455._serve import serving
from asgi_conformance.runner import IN_PROCESS
from asgi_conformance.session import Session


class Greets(Peer):
    """Says something of its own."""

    def echo(self, opcode: int, payload: bytes, *, compressed: bool) -> bytes:
        return super().echo(opcode, b"welcome", compressed=compressed)


@pytest.fixture
def address() -> Iterator[str]:
    with serving(Peer) as port:
        yield f"ws://127.0.0.1:{port}"


def session(**given: object) -> Session:
    return Session(Options(**given))


def test_an_address_of_a_websocket_names_the_route(address: str) -> None:
    found = session(url=f"{address}/any/path?x=1", suites=("rfc6455",))
    (target,) = found.targets
    assert (target.url, target.name) == (address, f"{address}/any/path?x=1")
    (route,) = target.routes
    assert (route.path, route.capabilities) == ("/any/path?x=1", {"websocket", "websocket.mirror"})
    cases = list(found.cases())
    framing = next(case for case in cases if case.check.id == "rfc6455.framing.text-125")
    assert found.run(framing).outcome == "passed"
    told = next(case for case in cases if case.check.id == "rfc6455.server-close.code-1000")
    assert "websocket.told" in (told.not_applicable or "")


def test_a_named_websocket_is_below_the_address(address: str) -> None:
    (target,) = session(url=f"{address}/below", websocket=("/ws",), checks=("rfc6455.framing.*",)).targets
    assert (target.url, target.routes[0].path) == (f"{address}/below", "/ws")
    assert "websocket.mirror" in target.routes[0].capabilities


def test_an_endpoint_that_does_not_echo_is_told_once() -> None:
    with serving(Greets) as port, pytest.raises(OutOfReach, match="does not send 'hello' back .* answers 'welcome'"):
        session(url=f"ws://127.0.0.1:{port}/", suites=("rfc6455",))


def test_an_address_without_a_websocket_is_told() -> None:
    with serving(Peer) as port, pytest.raises(OutOfReach, match="has no websocket"):
        session(url=f"http://127.0.0.1:{port}/", suites=("rfc6455",))


@pytest.mark.slow
def test_other_suites_do_without_an_echo() -> None:
    with serving(Greets) as port:
        found = session(url=f"ws://127.0.0.1:{port}/", suites=("rfc6455", "websocket"))
    assert all(case.not_applicable for case in found.cases() if case.check.suite == "rfc6455")


@pytest.mark.slow
def test_an_application_is_asked_in_process() -> None:
    found = session(app="asgi_conformance.fixtures.websocket.mirror:app", checks=("rfc6455.framing.*",))
    (target,) = found.targets
    assert sum("websocket.mirror" in route.capabilities for route in target.routes) == 1
    assert {case.driver for case in found.cases()} == {"uvicorn"}
    found.close()


@pytest.mark.slow
def test_an_application_with_a_prefix_is_none_that_echoes() -> None:
    with pytest.raises(OutOfReach, match="it answers 'Echo: hello'"):
        session(app="asgi_conformance.fixtures.websocket.echo:app", suites=("rfc6455",))


@pytest.mark.slow
def test_nobody_gets_it_unasked(address: str) -> None:
    assert [check for check in session(url=address).checks if check.suite == "rfc6455"] == []
    assert [check for check in session(patterns=("websocket.mirror",)).checks if check.suite == "rfc6455"] == []
    found = session(patterns=("websocket.mirror",), suites=("rfc6455",))
    assert {case.driver for case in found.cases()} == {"uvicorn"}
    assert len(list(found.cases())) == sum(check.suite == "rfc6455" for check in catalogue.load_checks())
    assert IN_PROCESS in found.drivers


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("ws://127.0.0.1:9/ws", 3, "nothing accepts connections"),
        ("ws://", 3, "is not a URL of a server"),
        ("wsx://127.0.0.1", 2, "it has to begin with"),
    ],
)
@pytest.mark.slow
def test_a_wrong_address_is_told_in_a_line(url: str, code: int, says: str, tmp_path, capfd) -> None:
    with pytest.raises(SystemExit) as end:
        command(["run", "--url", url, "--suite", "rfc6455", "--report-dir", str(tmp_path)])
    assert end.value.code == code
    told = capfd.readouterr().err.strip()
    assert says in told
    assert "\n" not in told
