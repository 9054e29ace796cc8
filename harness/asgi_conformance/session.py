"""One run's work: which targets, which checks, through which drivers; and the drivers that are kept between cases."""

import fnmatch
import gc
import importlib
import os
import platform
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asgi_conformance import __version__, _paths, catalogue, documents
from asgi_conformance.baseline import Baseline
from asgi_conformance.check import Check
from asgi_conformance.config import Options, UsageError, named
from asgi_conformance.discovery import OutOfReach, discover, reach
from asgi_conformance.drivers.base import Ability, Driver, Unanswered
from asgi_conformance.drivers.browser.process import missing
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.drivers.remote import RemoteDriver
from asgi_conformance.drivers.server.adapters import UnknownServer, find_variant
from asgi_conformance.drivers.server.driver import ServerDriver
from asgi_conformance.drivers.server.process import ServerProcess
from asgi_conformance.isolation import ChildEnded, can_fork, in_child, warm_up
from asgi_conformance.ledger import load_ledger
from asgi_conformance.loading import AppRef, LoadError
from asgi_conformance.mirroring import mirrored
from asgi_conformance.pattern import Route
from asgi_conformance.runner import ABILITIES, IN_PROCESS, Case, could_not_run, make_in_process, plan, run_case
from asgi_conformance.selection import ABOUT_ANY, BY_CASE, ON_REQUEST, representatives, sample
from asgi_conformance.target import Target
from asgi_conformance.tracing import journeys_of
from asgi_conformance.transcript import Transcript
from asgi_conformance.verdict import Outcome, Verdict
from asgi_conformance.watchdog import HELD, TOTAL

REMOTE = "remote"
LEDGER_PAGE = "requirements.html"
# What asks for no more than an answer: of any fixture app, and of those that judge servers.
ANSWER = frozenset({"http", "server.script", "websocket.mirror", "websocket.told"})
KEPT = 8  # server processes that wait for another check
ANSWERS_WITHIN = 5.0  # real seconds for a server to show that it still runs
COMPANY = 4  # checks in a run, from which on it pays to judge those of one route in one child
PATIENT = 5.0  # real seconds for such company; a slow application is judged check by check
STRIKES = 3  # cases that the watchdog ended, after which the rest of the same place is not tried
DISTRIBUTIONS = ("fastapi", "starlette", "uvicorn", "httptools", "uvloop", "websockets", "wsproto", "anyio", "httpx")


class Session:
    """Targets, checks and drivers of one run; `held` is how many real seconds an application may hold the loop.

    Raises on construction:
        UsageError: an option names something that does not exist.
        LoadError, Unreachable, OutOfReach: the target cannot be judged.
    """

    def __init__(self, options: Options, *, held: float = HELD) -> None:
        self._held = held
        self.options = options
        self.browserless: str | None = None
        self.checks = self._select()
        self.drivers = [REMOTE] if options.url else list(dict.fromkeys(self._driver(n) for n in options.servers))
        self.not_visited: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.targets = self._targets()
        self._baseline = Baseline.read(Path(options.baseline)) if options.baseline else Baseline()
        self._strikes: Counter[tuple[str, str]] = Counter()
        # What is loaded now stays; a collection during a check, which leak checks ask for, need not look at it.
        gc.collect()
        gc.freeze()
        self._company: dict[tuple[str, str, int], dict[str, Verdict]] = {}
        self._servers: dict[tuple[str, AppRef], ServerProcess] = {}

    # What to run.

    def cases(self) -> Iterator[Case]:
        """Every case, target by target and driver by driver.

        On the catalogue, what does not apply is left out (nobody asks whether a chat fits the CSV rules), and
        routes that are alike stand for each other.
        """
        for target in self.targets:
            for driver in self.drivers:
                found = plan(self.checks, target, driver, self.abilities(driver))
                if self._on_catalogue:
                    yield from representatives(found)
                else:
                    # A thousand lines that say that there is no wire in process would tell nobody anything.
                    yield from (case for case in found if driver != IN_PROCESS or case.check.suite != BY_CASE)

    def cases_of(self, check: Check, *, sampled: bool = False) -> list[Case]:
        """The cases of one check, in the same order; never empty. `sampled`: on the catalogue, a few of them."""
        targets = self.targets
        if self._on_catalogue:  # most apps have nothing that the check is about
            targets = [target for target in targets if check.needs - ABILITIES <= target.words] or targets[:1]
        found = [
            case
            for target in targets
            for driver in self.drivers
            for case in plan([check], target, driver, self.abilities(driver))
        ]
        if not self._on_catalogue:
            return found
        applicable = list(representatives(found))
        return list(sample(applicable) if sampled else applicable) or found[:1]

    @property
    def _on_catalogue(self) -> bool:
        return self.options.app is None and self.options.url is None

    def abilities(self, driver: str) -> frozenset[Ability]:
        """What a driver of that name offers."""
        if driver == IN_PROCESS:
            return InProcess.abilities
        return RemoteDriver.abilities if driver == REMOTE else ServerDriver.abilities

    # How to run it.

    def run(self, case: Case) -> Verdict:
        """The verdict on a case, with the baseline's word on it."""
        place = (case.target.name, case.driver)
        if self._strikes[place] >= STRIKES and case.not_applicable is None:
            return could_not_run(case, "an application that gives the event loop back", "it did not, in earlier checks")
        if self._isolates(case):
            verdict = self._in_company(case) or self._isolated(case)
        else:
            verdict = run_case(case, self.make_driver, held=self._held)
        if verdict.observed and "the event loop was held" in verdict.observed:
            self._strikes[place] += 1
        if verdict.outcome not in {Outcome.PASSED, Outcome.NOT_APPLICABLE} and case.target.app is not None:
            self._let_go_of_the_dead(case.driver, case.target.app)
        return self._baseline.applied(verdict)

    def _let_go_of_the_dead(self, driver: str, app: AppRef) -> None:
        """Keep a server for the next case only if it still answers: this case's application may be ending it."""
        process = self._servers.get((driver, app))
        if process is None:
            return
        process.poll()
        try:
            if process.running:
                process.snapshot(ANSWERS_WITHIN)
                return
        except Unanswered:
            pass
        del self._servers[driver, app]
        process.kill()

    def _isolates(self, case: Case) -> bool:
        """Whether the case runs in a child: a user's application is imported once, and pristine for each check."""
        app = case.target.app
        ours = app is None or app.fresh or case.driver != IN_PROCESS or case.not_applicable is not None
        return not ours and self.options.isolation == "fork" and can_fork()

    def _isolated(self, case: Case) -> Verdict:
        try:
            return in_child(lambda: run_case(case, self.make_driver, held=self._held), within=2 * TOTAL)
        except ChildEnded as error:
            return could_not_run(case, "a process that survives the check", str(error))

    def _in_company(self, case: Case) -> Verdict | None:
        """The verdict on a case that was judged in one child with others of its route, where it found nothing.

        What looks wrong in company is judged once more, alone: it may be owed to what came before.
        """
        if case.route is None or case.check.suite not in ABOUT_ANY or len(self.checks) < COMPANY:
            return None
        place = (case.target.name, case.driver, id(case.route))
        if place not in self._company:
            if not self._company:
                warm_up()
            checks = [check for check in self.checks if check.suite in ABOUT_ANY]
            alone = replace(case.target, routes=(case.route,))
            planned = plan(checks, alone, case.driver, self.abilities(case.driver))
            self._company[place] = self._judged_together([one for one in planned if one.route is not None])
        return self._company[place].get(case.check.id)

    def _judged_together(self, cases: list[Case]) -> dict[str, Verdict]:
        def work() -> list[Verdict]:
            found: list[Verdict] = []
            deadline = time.monotonic() + PATIENT
            for case in cases:
                if time.monotonic() > deadline:
                    break  # the rest is judged one by one, as if there had been no company
                verdict = run_case(case, self.make_driver, held=self._held)
                if verdict.outcome in {Outcome.PASSED, Outcome.NOT_APPLICABLE}:
                    found.append(verdict)
            return found

        try:
            return {verdict.check: verdict for verdict in in_child(work, within=2 * TOTAL)}
        except ChildEnded:
            return {}

    def make_driver(self, case: Case, transcript: Transcript) -> Driver:
        """A driver for a case; servers of a user's application are kept between cases."""
        if case.driver == IN_PROCESS:
            return make_in_process(case, transcript)
        if case.target.url is not None:
            return RemoteDriver(case.target.url, transcript=transcript)
        if case.target.app is None:
            raise LoadError(f"{case.target.name} is not an application that can be loaded")
        # A check that ends its server gets one of its own. So does each check on a fixture app, which is cheap to
        # load, unless it asks for no more than an answer. A user's application may be slow to load, and keeps its
        # process.
        modest = case.check.needs - ABILITIES <= ANSWER
        if Ability.PROCESS in case.check.needs or (case.target.app.fresh and not modest):
            return ServerDriver(case.driver, case.target.app, leaving="kill", transcript=transcript)
        return ServerDriver(case.driver, self._kept(case.driver, case.target.app), transcript=transcript)

    def _kept(self, driver: str, app: AppRef) -> ServerProcess:
        key = (driver, app)
        process = self._servers.pop(key, None) or ServerProcess(driver, app, how="fork" if app.fresh else "exec")
        self._servers[key] = process
        while len(self._servers) > KEPT:
            self._servers.pop(next(iter(self._servers))).kill()
        return process

    def close(self) -> None:
        """Stop every server that is still kept."""
        for process in self._servers.values():
            process.stop()
        self._servers.clear()

    # Facts for the report.

    def environment(self) -> dict[str, Any]:
        """What a reader has to know to see the same again."""
        return {
            "version": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(terse=True),
            "versions": {name: version for name in DISTRIBUTIONS if (version := _version(name))},
            "target": self.options.app or self.options.url or "The fixture catalogue",
            "ledger": LEDGER_PAGE,
            "found": [_described(route) for target in self.targets for route in target.routes]
            if len(self.targets) == 1
            else [],
            "journeys": journeys_of(self.targets[0]) if len(self.targets) == 1 and IN_PROCESS in self.drivers else [],
            "sources": {target.name: _source(target) for target in self.targets if target.pattern is not None},
            "not_offered": [
                *([f"not visited: {', '.join(self.not_visited)}"] if self.not_visited else []),
                *([f"a browser as judge: {self.browserless}"] if self._lacks_browser else []),
            ],
        }

    @property
    def _lacks_browser(self) -> bool:
        return self.browserless is not None and any(Ability.BROWSER in self.abilities(name) for name in self.drivers)

    # Reading the options.

    def _select(self) -> list[Check]:
        checks = catalogue.load_checks()
        if not (self._on_catalogue or self.options.suites or self.options.checks):
            # What is about the documents' own apps is nothing to tell a user's application about, unless asked.
            checks = [check for check in checks if not check.bound]
        if not (self.options.suites or self.options.checks):
            checks = [check for check in checks if check.suite not in ON_REQUEST]
            # Who does not ask for a browser by name need not have one; the report says that nothing was judged by it.
            self.browserless = missing()
            if self.browserless is not None:
                checks = [check for check in checks if Ability.BROWSER not in check.needs]
        for suite in self.options.suites:
            named("suite", suite, catalogue.suite_names())
        if self.options.suites:
            checks = [check for check in checks if check.suite in self.options.suites]
        if not self.options.checks:
            return checks
        chosen: list[Check] = []
        for wanted in self.options.checks:
            matching = [c for c in checks if fnmatch.fnmatchcase(c.id, wanted) or c.formerly == wanted]
            if not matching:
                named("check", wanted, [check.id for check in checks])
            chosen.extend(check for check in matching if check not in chosen)
        return chosen

    def _driver(self, name: str) -> str:
        if name == IN_PROCESS:
            return name
        try:
            variant = find_variant(name)
        except UnknownServer as error:
            raise UsageError(f"--server: {error}") from None
        if variant.missing:
            raise UsageError(variant.missing)
        return name

    def _targets(self) -> list[Target]:
        options = self.options
        if options.url is not None:
            return [self._ready(reach(options))]
        if options.app is not None:
            app_dir = options.app_dir or str(Path.cwd())
            found = discover(replace(options, app_dir=app_dir))
            self.not_visited, self.notes = found.not_visited, found.notes
            return [self._ready(found.target)]
        patterns = catalogue.load_patterns()
        if not options.patterns:
            return list(patterns.values())
        return [patterns[named("pattern", name, patterns)] for name in options.patterns]

    def _ready(self, target: Target) -> Target:
        """The target, with what only suites on request want to know of it. Raises OutOfReach."""
        wanted = {check.suite == BY_CASE for check in self.checks}
        try:
            return mirrored(target) if True in wanted else target
        except OutOfReach:
            if False in wanted:
                return target  # the other suites have something to judge
            raise


def _source(target: Target) -> str:
    module = target.app.app.partition(":")[0] if target.app is not None else ""
    return "/".join(module.split(".")[1:]) + ".py"


def _described(route: Route) -> str:
    kind = "event stream" if "sse" in route.capabilities else "websocket" if "websocket" in route.capabilities else ""
    return f"{route} ({kind})" if kind else str(route)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def renderer(name: str) -> Any:
    """A module of the reports, found by name: the library knows none of them."""
    return importlib.import_module(f"asgi_conformance.reports.{name}")


def write_reports(folder: Path, run: Any, benchmarks: Any = None) -> None:
    """Everything that is derived from the verdicts: results.json, junit.xml, summary.md, index.html, requirements.html.

    A run on the fixture catalogue gets documents.html as well, which is about the documents' claims and patterns.
    """
    files = {
        "results.json": renderer("results_json").render(run),
        "junit.xml": renderer("junit").render(run),
        "summary.md": renderer("markdown").render(run),
        "index.html": renderer("html").render(run, benchmarks),
        LEDGER_PAGE: renderer("requirements").render(run, load_ledger()),
    }
    sources = run.environment.get("sources")
    if sources:
        places = {name: quote(os.path.relpath(_paths.FIXTURES.parent / file, folder)) for name, file in sources.items()}
        documented, claims = documents.load_documented().values(), documents.load_claims().values()
        files["documents.html"] = renderer("documents").render(run, documented, claims, places)
    for name, text in files.items():
        temporary = folder / f".{name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / name)
