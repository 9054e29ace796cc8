"""The pytest plugin: collects the suites' checks, runs each case through the one runner, tells the verdicts."""

import contextlib
import fnmatch
import importlib
import io
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from asgi_conformance import _paths, catalogue, linted
from asgi_conformance.check import Check
from asgi_conformance.config import Options, UsageError, combine, from_file
from asgi_conformance.discovery import OutOfReach
from asgi_conformance.drivers.base import Unreachable
from asgi_conformance.loading import LoadError
from asgi_conformance.protocol.types import ASGIApp
from asgi_conformance.runner import Case
from asgi_conformance.selection import ON_REQUEST
from asgi_conformance.session import Session, renderer, write_reports
from asgi_conformance.verdict import Level, Outcome, Verdict

LETTERS = {
    "warned": ("warned", "w", ("WARNED", {"yellow": True})),
    "known": ("known", "k", ("KNOWN", {"cyan": True})),
    "not applicable": ("not applicable", "n", ("NOT APPLICABLE", {"cyan": True})),
    "could not run": ("could not run", "?", ("COULD NOT RUN", {"red": True, "bold": True})),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run, named as on the command line of their own."""
    group = parser.getgroup("asgi-conformance", "conformance of ASGI applications")
    group.addoption("--app", metavar="MODULE:ATTR", help="judge this application instead of the fixture apps")
    group.addoption("--factory", action="store_true", default=None, help="MODULE:ATTR is a function that makes it")
    group.addoption("--app-dir", metavar="DIR", help="where MODULE is imported from (default: here)")
    group.addoption("--url", metavar="URL", help="judge what answers at this address")
    group.addoption("--server", metavar="NAME[,NAME]", help="in-process, uvicorn, uvicorn-h11, …")
    for kind in ("sse", "websocket", "http"):
        group.addoption(f"--{kind}", action="append", metavar="PATH", help=f"a route of this kind ({kind})")
    group.addoption("--check", action="append", metavar="ID", help="run this check only; a pattern with * will do")
    group.addoption("--suite", metavar="NAME[,NAME]", help="run these areas only")
    group.addoption("--pattern", action="append", metavar="NAME", help="judge this fixture app only")
    group.addoption(
        "--full", action="store_true", help="judge every fixture app by every check, not each by a few of them"
    )
    group.addoption("--fail-on", metavar="LEVEL[,LEVEL]", help="levels that fail the run (default: must,practice)")
    group.addoption("--baseline", metavar="FILE", help="known failures")
    group.addoption("--isolation", metavar="fork|none", help="none: all checks in process share one instance")
    group.addoption("--report-dir", metavar="DIR", help="write results and reports there")
    linted.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Markers, and the state that the other hooks share."""
    config.addinivalue_line("markers", "conformance(id): a check of the conformance suites")
    # pytest-benchmark's own; without it the benchmarks are skipped, and the marker should not be an error then.
    config.addinivalue_line("markers", "benchmark: options of pytest-benchmark")
    config.stash[STATE] = State(config)
    config.pluginmanager.register(config.stash[STATE], "asgi_conformance.state")
    config.pluginmanager.register(linted.LintRun(config), "asgi_conformance.linted")


class State:
    """What one pytest process knows about its run; nothing is loaded before a suite is collected."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.given = _given(config)
        self._session: Session | None = None
        self.begun = time.monotonic()
        self.verdicts: list[Verdict] = []
        self.journal: Any = None

    @property
    def session(self) -> Session:
        """Targets, checks and drivers (pytest.UsageError when they cannot be had)."""
        if self._session is None:
            try:
                self._session = Session(self.options())
            except (UsageError, LoadError, Unreachable, OutOfReach) as error:
                raise pytest.UsageError(f"asgi-conformance: {error}") from None
        return self._session

    def options(self) -> Options:
        """Options from this command line and from the project's ``pyproject.toml``."""
        return combine(from_file(self.config.rootpath), self.given)

    @property
    def is_worker(self) -> bool:
        """Whether this process is one of pytest-xdist's workers."""
        return hasattr(self.config, "workerinput")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Say at once what is wrong with the options, and open the journal."""
        if self.given and not self.is_worker:
            _ = self.session
        folder = self.given.get("report_dir")
        if folder and not self.is_worker:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.journal = (Path(folder) / "results.jsonl").open("w", encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep each verdict as it comes, in the process that writes the reports."""
        record = getattr(report, "asgi_verdict", None)
        if record is None or report.when != "call" or self.is_worker:
            return
        verdict = Verdict.from_json(record)
        self.verdicts.append(verdict)
        if self.journal is not None:
            renderer("records").append(self.journal, verdict)

    def pytest_sessionfinish(self) -> None:
        """Stop servers; write the reports."""
        if self._session is not None:
            self._session.close()
        if self.journal is None:
            return
        self.journal.close()
        run = self._run()
        write_reports(Path(self.given["report_dir"]), run, _benchmarks(self.config))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """One paragraph: the verdict on the whole run, and where the report is."""
        if not self.verdicts:
            return
        terminalreporter.section("asgi-conformance")
        unjudged = [verdict for verdict in self.verdicts if verdict.outcome is Outcome.COULD_NOT_RUN]
        if unjudged:
            terminalreporter.write_line(_told(unjudged, self.levels()).rstrip())
        terminalreporter.write_line(self._run().sentence)
        if self.given.get("report_dir"):
            terminalreporter.write_line(f"report  {Path(self.given['report_dir']) / 'index.html'}")

    def _run(self) -> Any:
        environment: dict[str, Any] = self._session.environment() if self._session is not None else {}
        environment |= {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "duration_s": round(time.monotonic() - self.begun, 1),
            "command": f"pytest {' '.join(self.config.invocation_params.args)}".strip(),
        }
        module = renderer("run")
        return module.Run(environment, tuple(self.verdicts), module.rules_of(catalogue.load_checks()), self.levels())

    def levels(self) -> frozenset[Level]:
        """The levels that fail the run."""
        return self.options().levels()


STATE: pytest.StashKey[State] = pytest.StashKey()


def _given(config: pytest.Config) -> dict[str, Any]:
    option = config.option

    def several(name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in (getattr(option, name, None) or "").split(",") if part.strip())

    found = {
        "app": option.app,
        "factory": option.factory,
        "app_dir": option.app_dir,
        "url": option.url,
        "servers": several("server"),
        "suites": several("suite"),
        "fail_on": several("fail_on"),
        "sse": tuple(option.sse or ()),
        "websocket": tuple(option.websocket or ()),
        "http": tuple(option.http or ()),
        "checks": tuple(option.check or ()),
        "patterns": tuple(option.pattern or ()),
        "baseline": option.baseline,
        "report_dir": option.report_dir,
        "isolation": option.isolation,
    }
    return {key: value for key, value in found.items() if value}


def _state(config: pytest.Config) -> State:
    return config.stash[STATE]


# Collection. A project's own `python_files` and `python_functions` must not hide the suites.


class SuiteModule(pytest.Module):
    """A suite file, imported under its one name wherever it lies."""

    def _getobj(self) -> Any:
        return importlib.import_module(catalogue.module_name("suites", _paths.SUITES, self.path))

    def istestfunction(self, obj: object, name: str) -> bool:
        """A check, or a benchmark: both are called test_….

        pytest would ask the project's `python_functions`.
        """
        return callable(obj) and name.startswith("test_")

    def istestclass(self, obj: object, name: str) -> bool:
        """Suites have no test classes."""
        return False


def _is_suite_file(path: Path) -> bool:
    return path.is_relative_to(_paths.SUITES) and path.name.startswith(("test_", "bench_")) and path.suffix == ".py"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A suite that is run on request need not even be collected when nobody asks."""
    if collection_path.name not in ON_REQUEST or collection_path.parent != _paths.SUITES:
        return None
    options = config.stash[STATE].options()
    return None if options.suites or options.checks else True


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect a suite file that the project's `python_files` would leave out.

    Benchmarks compare our fixture apps, so they are none of the business of a run on another target.
    """
    if not _is_suite_file(file_path) or parent.session.isinitpath(file_path):
        return None
    given = parent.config.stash[STATE].given
    if file_path.name.startswith("bench_") and (given.get("app") or given.get("url")):
        return None
    patterns = parent.config.getini("python_files")
    if any(fnmatch.fnmatch(file_path.name, pattern) for pattern in patterns):
        return None
    return SuiteModule.from_parent(parent, path=file_path)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Suite files are collected our way."""
    return SuiteModule.from_parent(parent, path=module_path) if _is_suite_file(module_path) else None


@pytest.fixture
def probe(request: pytest.FixtureRequest) -> Case:
    """The case of a check; the runner makes the probe from it."""
    case: Case = request.param
    return case


@pytest.fixture
def asgi_lint(request: pytest.FixtureRequest) -> Callable[[ASGIApp], ASGIApp]:
    """Wraps an application: the test fails where it breaks the protocol."""
    run = request.config.pluginmanager.get_plugin("asgi_conformance.linted")
    if not isinstance(run, linted.LintRun):
        raise pytest.UsageError("the plugin asgi_conformance.linted is blocked, and the fixture asgi_lint needs it")
    run.ask(request.node.nodeid)
    return run.watched


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each case of a check."""
    check = getattr(metafunc.function, "__check__", None)
    if not isinstance(check, Check):
        return
    session = _state(metafunc.config).session
    sampled = not metafunc.config.option.full and not session.options.patterns
    cases = session.cases_of(check, sampled=sampled) if check in session.checks else []
    if check.slow and sampled and not (session.options.app or session.options.url):
        cases = []  # nothing to wait for every day
    metafunc.parametrize("probe", cases, ids=_unique(str(case) for case in cases), indirect=True)


def _unique(names: Iterable[str]) -> list[str]:
    counted: Counter[str] = Counter()
    found = []
    for name in names:
        counted[name] += 1
        found.append(name if counted[name] == 1 else f"{name}-{counted[name]}")
    return found


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each check with its id and level; drop the checks that were not asked for."""
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        case = _case(item)
        if case is not None:
            item.add_marker(pytest.mark.conformance(case.check.id))
            item.user_properties.extend(
                [("id", case.check.id), ("level", case.check.level.value), ("clause", case.check.clause.url)]
            )
        is_check = isinstance(getattr(getattr(item, "function", None), "__check__", None), Check)
        (dropped if is_check and case is None else kept).append(item)
    if dropped:
        items[:] = kept
        config.hook.pytest_deselected(items=dropped)


def _case(item: pytest.Item) -> Case | None:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    case = parameters.get("probe")
    return case if isinstance(case, Case) else None


# Running.


class Failed(Exception):
    """A case that fails the run; its text is what the terminal shows."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a case through the one runner."""
    case = _case(pyfuncitem)
    if case is None:
        return None
    state = _state(pyfuncitem.config)
    verdict = state.session.run(case)
    pyfuncitem.stash[VERDICT] = verdict
    if verdict.outcome is Outcome.NOT_APPLICABLE:
        pytest.skip(f"not applicable: {verdict.observed}")
    fails = verdict.unexpected and verdict.level in state.levels()
    if fails or verdict.stale or (verdict.outcome is Outcome.COULD_NOT_RUN):
        raise Failed
    return True


VERDICT: pytest.StashKey[Verdict] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report its verdict, as plain data that survives pytest-xdist, and its words."""
    report = yield
    verdict = item.stash.get(VERDICT, None)
    if verdict is not None and report.when == "call":
        report.asgi_verdict = verdict.to_json()  # type: ignore[attr-defined]
        if report.failed:
            report.longrepr = _told([verdict], _state(item.config).levels())
    return report


def _told(verdicts: list[Verdict], levels: frozenset[Level]) -> str:
    module = renderer("run")
    rules = module.rules_of(catalogue.load_checks())
    text: str = renderer("terminal").details(module.Run({}, tuple(verdicts), rules, levels))
    return text


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, Any] | None:
    """Words and letters for what is neither a pass nor a plain failure."""
    record = getattr(report, "asgi_verdict", None)
    if record is None or report.when != "call":
        return None
    outcome, known = Outcome(record["outcome"]), record["known"]
    if outcome is Outcome.COULD_NOT_RUN:
        return LETTERS["could not run"]
    if outcome is Outcome.NOT_APPLICABLE:
        return LETTERS["not applicable"]
    if report.passed and outcome is not Outcome.PASSED:
        return LETTERS["known" if known else "warned"]
    return None


def _benchmarks(config: pytest.Config) -> Any:
    """What pytest-benchmark measured in this run, for the report; None without it."""
    session = getattr(config, "_benchmarksession", None)
    if session is None or not session.benchmarks:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        record = {"benchmarks": [bench.as_dict(include_data=False) for bench in session.benchmarks if bench]}
    return renderer("benchmarks").comparison(record)
