"""The linter in other projects' tests: an option, a marker and a fixture of the pytest plugin.

``asgi_lint = true`` among pytest's settings, or ``--asgi-lint``, watches every application that a test reaches through
Starlette's and FastAPI's test client, httpx's ``ASGITransport`` or our own ``InProcess``; ``@pytest.mark.asgi_lint``
does so for some tests, and ``@pytest.mark.asgi_lint(on=False)`` leaves some out. The fixture ``asgi_lint`` wraps an
application by hand. A test whose application breaks a rule fails, whatever it asserts itself, and the rule is named.
"""

import functools
import importlib
import warnings
from collections.abc import Callable, Collection, Generator
from typing import Any

import pytest

from asgi_conformance.lint import Lint, LintFinding, ProtocolWarning
from asgi_conformance.protocol.types import ASGIApp

MARKER = "asgi_lint(on=True, ignore=()): fail the test where its ASGI applications break the protocol"

# Where tests hand an application to a client: the module, the class, and what its constructor calls the application.
CLIENTS = (
    ("starlette.testclient", "TestClient"),
    ("httpx", "ASGITransport"),
    ("httpx2", "ASGITransport"),
    ("asgi_conformance.drivers.inprocess", "InProcess"),
)


def add_options(parser: pytest.Parser) -> None:
    """``--asgi-lint``, and the setting of the same name."""
    group = parser.getgroup("asgi-conformance")
    group.addoption("--asgi-lint", action="store_true", help="fail tests whose ASGI applications break the protocol")
    parser.addini("asgi_lint", "fail tests whose ASGI applications break the protocol", type="bool", default=False)


class Watched(Lint):
    """A linter that passes for its application: tests read and set attributes of what they gave to a client."""

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["app"], name)

    def __setattr__(self, name: str, value: object) -> None:
        if name in {"app", "_policy", "_snapshot_scope"}:
            object.__setattr__(self, name, value)
        else:
            setattr(self.app, name, value)


class LintRun:
    """The linter in one pytest process: what it found in the present test, and the clients that it watches."""

    def __init__(self, config: pytest.Config) -> None:
        self._everywhere = bool(config.getoption("--asgi-lint") or config.getini("asgi_lint"))
        self._findings: list[LintFinding] = []
        self._asked: set[str] = set()  # tests that use the fixture
        self._undo: list[Callable[[], None]] = []
        config.addinivalue_line("markers", MARKER)

    def watched(self, app: ASGIApp) -> ASGIApp:
        """The application, with what it does wrong noted. What a client does wrong is no fault of the tests."""
        return app if isinstance(app, Watched) else Watched(app, self._note, only="application")

    def ask(self, item_id: str) -> None:
        """Judge this test although nothing else says so."""
        self._asked.add(item_id)

    def _note(self, finding: LintFinding) -> None:
        self._findings.append(finding)

    # Hooks.

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Watch the clients where a test wants it."""
        if not self._undo and any(self._on(item) for item in items):
            self._undo = [undo for place in CLIENTS if (undo := _patch(*place, self.watched)) is not None]

    def pytest_unconfigure(self) -> None:
        """Let go of the clients."""
        while self._undo:
            self._undo.pop()()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Begin anew with each test."""
        self._findings.clear()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a test that has passed otherwise."""
        result = yield
        self._judge(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """What comes to light when fixtures end, such as a lifespan's shutdown, counts as well."""
        result = yield
        self._judge(item)
        return result

    def _on(self, item: pytest.Item) -> bool:
        marker = item.get_closest_marker("asgi_lint")
        if marker is not None:
            return bool(marker.kwargs.get("on", True))
        return self._everywhere or item.nodeid in self._asked

    def _judge(self, item: pytest.Item) -> None:
        found, self._findings = self._findings, []
        if not found or not self._on(item):
            return
        marker = item.get_closest_marker("asgi_lint")
        ignore: Collection[str] = marker.kwargs.get("ignore", ()) if marker is not None else ()
        told = {(finding.rule, finding.where): finding for finding in found if finding.rule not in ignore}
        for finding in told.values():
            if finding.level == "SHOULD":
                warnings.warn(ProtocolWarning(str(finding)), stacklevel=1)
        broken = [str(finding) for finding in told.values() if finding.level != "SHOULD"]
        if broken:
            pytest.fail("the application breaks the ASGI protocol\n\n" + "\n\n".join(broken), pytrace=False)


def _patch(module_name: str, name: str, watched: Callable[[ASGIApp], ASGIApp]) -> Callable[[], None] | None:
    """Have the class watch the application that it is given; what undoes it, or None where there is no such class."""
    try:
        kind = getattr(importlib.import_module(module_name), name)
    except (ImportError, RuntimeError):  # Starlette's test client raises the second where httpx is missing
        return None
    original = kind.__init__

    @functools.wraps(original)
    def init(self: Any, app: ASGIApp, *args: Any, **options: Any) -> None:
        original(self, watched(app), *args, **options)

    kind.__init__ = init

    def undo() -> None:
        kind.__init__ = original

    return undo
