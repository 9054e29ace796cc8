"""Thirty leaks are found and named, each by its check and no other; thirty clean applications are not accused."""

import gc

import pytest

from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.runner import IN_PROCESS, plan, run_case
from asgi_conformance.suites.asgi import test_cancel as of_cancel
from asgi_conformance.suites.asgi import test_leaks as of_requests
from asgi_conformance.suites.lifespan import test_leaks as of_lifespans
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

from . import clean, leaky
from .catalogue import LIFESPAN

CHECKS = [f.__check__ for m in (of_requests, of_lifespans) for f in vars(m).values() if hasattr(f, "__check__")]
OF_TASKS = of_cancel.test_requests_leave_no_tasks.__check__


# They keep real time: threads, sockets and processes that somebody has to wait for.
SLOW = {
    "asynchronous_database",
    "asynchronous_database_connection",
    "cache_with_a_bound",
    "child_process_left_running",
    "client_for_each_request",
    "forked_worker_left_running",
    "listening_side_server",
    "log_listener_kept_for_the_process",
    "log_listener_of_the_lifespan",
    "pool_of_processes",
    "pool_that_fills_up_one_by_one",
    "resources_on_a_stack",
    "thread_without_an_end",
    "timer_thread_for_each_request",
}


def each(apps):
    return [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [], id=name) for name in apps]


def verdicts(case):
    target = Target("app", None, None, case.routes, LIFESPAN, {})

    def driver(_, transcript):
        return InProcess(case.factory(), raise_app_exceptions=False, transcript=transcript)

    return [
        run_case(each, driver)
        for each in plan(
            [*CHECKS, OF_TASKS] if case.check == OF_TASKS.id else CHECKS, target, IN_PROCESS, InProcess.abilities
        )
    ]


@pytest.fixture(autouse=True, scope="module")
def _frozen():
    """Garbage is collected again and again here, and need not be looked for among what was there before."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def tidied():
    yield
    leaky.tidy()


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", each(leaky.APPS))
@pytest.mark.usefixtures("tidied")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_leak_is_found_and_named(name):
    case = leaky.APPS[name]
    found = {verdict.check: verdict.observed for verdict in verdicts(case) if verdict.outcome is not Outcome.PASSED}
    found = {check: observed for check, observed in found.items() if check.split(".")[0] in case.check}
    assert set(found) == {case.check} | case.also, found
    for word in (*case.words, case.line):
        assert word in found[case.check]


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", each(clean.APPS))
def test_clean_application_is_not_accused(name):
    wrong = [
        f"{verdict.check}: {verdict.outcome.value}: {verdict.observed}"
        for verdict in verdicts(clean.APPS[name])
        if verdict.outcome is not Outcome.PASSED
    ]
    assert wrong == []


def test_there_are_thirty_of_each():
    assert (len(leaky.APPS), len(clean.APPS)) == (32, 30)
