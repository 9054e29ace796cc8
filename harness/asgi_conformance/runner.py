"""Run one case, a check on a route of a target through a driver, and tell the verdict. The only such place."""

import asyncio
import gc
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from asgi_conformance.check import Blocked, Check, NotApplicable, Violation
from asgi_conformance.clock import VirtualLoop
from asgi_conformance.drivers.base import Ability, Driver, Unanswered
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.loading import LoadError, forget_fresh, load
from asgi_conformance.pattern import Route
from asgi_conformance.probe import Probe
from asgi_conformance.target import Target
from asgi_conformance.transcript import Transcript, clip, told
from asgi_conformance.verdict import Entry, Level, Outcome, Verdict
from asgi_conformance.watchdog import HELD, Guard, LoopHeld, guard

ABILITIES = frozenset(ability.value for ability in Ability)
IN_PROCESS = "in-process"


@dataclass(frozen=True, slots=True)
class Case:
    """One check on one target through one driver; `route` is None for rules about the whole application.

    `not_applicable` is the reason why there is nothing to run.
    """

    check: Check
    target: Target
    driver: str
    route: Route | None = None
    not_applicable: str | None = None

    def __str__(self) -> str:
        return f"{self.target.name}-{self.driver}" + (f"-{self.route}" if self.route else "")


DriverFactory = Callable[[Case, Transcript], Driver]


def plan(checks: list[Check], target: Target, driver: str, abilities: frozenset[Ability]) -> Iterator[Case]:
    """The cases that come of these checks: one for each route that has what a check needs.

    A check that the target or the driver has nothing for gives one case that says so.
    """
    offered = frozenset(ability.value for ability in abilities)
    for check in checks:
        missing = (check.needs & ABILITIES) - offered
        if missing:
            reason = f"the driver {driver} does not offer: {', '.join(sorted(missing))}"
            yield Case(check, target, driver, None, reason)
            continue
        of_route = check.needs - ABILITIES - target.capabilities
        routes = [route for route in target.routes if of_route <= route.capabilities]
        if not of_route:
            yield Case(check, target, driver)
        elif routes:
            for route in routes:
                yield Case(check, target, driver, route)
        else:
            yield Case(check, target, driver, None, f"the target declares no route with: {', '.join(sorted(of_route))}")


def run_case(case: Case, make_driver: DriverFactory, *, held: float = HELD) -> Verdict:
    """The verdict on a case. Never raises for anything that an application or a check does.

    `held` is how many real seconds an application may hold the event loop.
    """
    if case.not_applicable is not None:
        return _verdict(case, Judgement(Outcome.NOT_APPLICABLE, None, case.not_applicable))
    begun = time.perf_counter()
    loop = VirtualLoop() if case.driver == IN_PROCESS else asyncio.new_event_loop()
    transcript = Transcript(loop.time)
    # The application's own warnings are its owner's affair: a strict filter of the surrounding test run would
    # raise them inside the application, which then behaves differently from how it does in production.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with guard(loop if isinstance(loop, VirtualLoop) else None, held=held) as watched:
                judgement = _judge(case, make_driver, loop, transcript)
        finally:
            with guard(None, total=10.0):
                close_loop(loop)
            forget_fresh()
    if watched.fired is not None:
        judgement = _freed(case, watched)
    return _verdict(case, judgement, transcript, time.perf_counter() - begun)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of a check; `at` is the offending message, as the transcript tells it."""

    outcome: Outcome
    expected: str | None = None
    observed: str | None = None
    at: str | None = None


def _judge(
    case: Case, make_driver: DriverFactory, loop: asyncio.AbstractEventLoop, transcript: Transcript
) -> Judgement:
    try:
        probe = Probe(make_driver(case, transcript), case.route, transcript, case.target.promises)
        loop.run_until_complete(_judge_and_stop(case, probe))
    except Violation as violation:
        outcome = Outcome.WARNED if case.check.level is Level.SHOULD else Outcome.FAILED
        at = None if violation.at is None else told(violation.at)
        return Judgement(outcome, violation.expected, violation.observed, at)
    except NotApplicable as reason:
        return Judgement(Outcome.NOT_APPLICABLE, None, str(reason))
    except Blocked as reason:
        return Judgement(Outcome.COULD_NOT_RUN, "what the check builds on", str(reason))
    except Unanswered as reason:
        return Judgement(Outcome.COULD_NOT_RUN, "an answer", str(reason))
    except LoadError as reason:
        return Judgement(Outcome.COULD_NOT_RUN, "an application that loads", str(reason))
    except LoopHeld:
        return Judgement(Outcome.COULD_NOT_RUN)  # the watchdog tells more
    except SystemExit as reason:
        # asyncio lets it through to here, whichever task it was raised in.
        return Judgement(
            Outcome.COULD_NOT_RUN, "an application that lets others go on", f"a call of sys.exit({reason.code!r})"
        )
    except Exception as error:
        return Judgement(Outcome.COULD_NOT_RUN, "a check that works", f"a fault of the harness: {_traced(error)}")
    return Judgement(Outcome.PASSED, None, probe.evidence)


async def _judge_and_stop(case: Case, probe: Probe) -> None:
    try:
        await case.check.judge(probe)
    finally:
        await probe.stop()


def _freed(case: Case, watched: Guard) -> Judgement:
    where = f"{watched.fired}, at {watched.place}" if watched.place else str(watched.fired)
    if case.check.hears_watchdog and watched.held_loop:
        return Judgement(Outcome.FAILED, "control back at the event loop", where)
    return Judgement(Outcome.COULD_NOT_RUN, "an application that gives the event loop back", where)


def close_loop(loop: asyncio.AbstractEventLoop) -> None:
    """End what is left on the loop, for a bounded time, and close it. A task that resists is abandoned."""
    try:
        for _ in range(3):
            tasks = asyncio.all_tasks(loop)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
        loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), 1.0))
    except (Exception, LoopHeld):  # noqa: S110 - the verdict is told; this is only tidying up
        pass
    finally:
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - said in the verdict
        loop.set_exception_handler(lambda *_: None)
        loop.close()
        if gc.isenabled():
            gc.collect(0)


def _traced(error: BaseException) -> str:
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} ({place})"


def could_not_run(case: Case, expected: str, observed: str) -> Verdict:
    """The verdict on a case that was not run, or did not come back."""
    return _verdict(case, Judgement(Outcome.COULD_NOT_RUN, expected, observed))


def _verdict(case: Case, judgement: Judgement, transcript: Transcript | None = None, duration: float = 0.0) -> Verdict:
    return Verdict(
        check=case.check.id,
        level=case.check.level,
        suite=case.check.suite,
        outcome=judgement.outcome,
        target=case.target.name,
        driver=case.driver,
        route=str(case.route) if case.route else None,
        expected=judgement.expected,
        observed=judgement.observed,
        transcript=_entries(transcript, judgement),
        duration_s=round(duration, 4),
        known=case.target.deviation(case.check.id, case.driver, case.route),
    )


def _entries(transcript: Transcript | None, judgement: Judgement) -> tuple[Entry, ...]:
    if transcript is None or judgement.outcome in {Outcome.PASSED, Outcome.NOT_APPLICABLE}:
        return ()
    at = None if judgement.at is None else clip(judgement.at)
    return tuple(
        Entry(round(when, 3), direction, text, here=direction == "send" and text == at)
        for when, direction, text in transcript.lines()
    )


def make_in_process(case: Case, transcript: Transcript) -> InProcess:
    """The in-process driver for a case; the application is loaded anew where its reference says so."""
    if case.target.app is None:
        raise LoadError(f"{case.target.name} is not an application that can be loaded")
    return InProcess(load(case.target.app), raise_app_exceptions=False, transcript=transcript, linted=True)
