"""One case, one verdict, whatever the application and the check do."""

import asyncio
import time

import pytest

from asgi_conformance import PRACTICE, SHOULD, Blocked, InProcess, NotApplicable, Route, Violation
from asgi_conformance.check import MUST, Check
from asgi_conformance.runner import Case, plan, run_case
from asgi_conformance.spec import ASGI_HTTP
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome, Verdict

ROUTE = Route("GET", "/", frozenset({"http"}))


async def plain(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("http only")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def ticking(scope, receive, send):
    """An hour of one-second events."""
    if scope["type"] != "http":
        raise RuntimeError("http only")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(3600):
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
        await asyncio.sleep(1)
    await send({"type": "http.response.body"})


async def in_a_thread(scope, receive, send):
    await asyncio.to_thread(time.sleep, 0.3)
    await plain(scope, receive, send)


async def never_yielding(scope, receive, send):
    while True:
        pass


async def leaving_the_program(scope, receive, send):
    raise SystemExit(4)


def judge(app, function, *, level=MUST, hears_watchdog=False):
    check = Check("asgi.test.rule", level, ASGI_HTTP["http"], frozenset({"http"}), function, None, hears_watchdog)
    target = Target("test", None, None, (ROUTE,))
    return run_case(
        Case(check, target, "in-process", ROUTE),
        lambda case, transcript: InProcess(app, raise_app_exceptions=False, transcript=transcript),
        held=1.0,
    )


def raising(error):
    async def check(probe):
        """Raise."""
        await probe.request()
        raise error

    return check


@pytest.mark.parametrize(
    ("error", "level", "outcome"),
    [
        (Violation(expected="this", observed="that"), MUST, Outcome.FAILED),
        (Violation(expected="this", observed="that"), PRACTICE, Outcome.FAILED),
        (Violation(expected="this", observed="that"), SHOULD, Outcome.WARNED),
        (NotApplicable("nothing promised"), MUST, Outcome.NOT_APPLICABLE),
        (Blocked("nothing to build on"), MUST, Outcome.COULD_NOT_RUN),
        (ZeroDivisionError("ours"), MUST, Outcome.COULD_NOT_RUN),
    ],
)
def test_what_a_check_raises_becomes_its_outcome(error, level, outcome):
    verdict = judge(plain, raising(error), level=level)
    assert verdict.outcome is outcome
    assert bool(verdict.transcript) == (outcome is not Outcome.NOT_APPLICABLE)
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_a_fault_of_ours_says_that_it_is_ours():
    verdict = judge(plain, raising(ZeroDivisionError("oops")))
    assert verdict.observed.startswith("a fault of the harness: ZeroDivisionError: oops (test_runner.py:")


def test_the_offending_message_is_marked():
    async def check(probe):
        """Blame the body."""
        response = await probe.request()
        raise Violation(expected="another body", observed="this one", at=response.messages[1])

    marked = [entry.text for entry in judge(plain, check).transcript if entry.here]
    assert marked == ["{'type': 'http.response.body', 'body': b'hello'}"]


def test_an_hour_of_events_is_judged_in_less_than_a_second():
    async def check(probe):
        """Read it all."""
        response = await probe.request(within=4000)
        if len(response.pieces) != 3600 or round(response.pieces[-1].at) != 3599:
            raise Violation(expected="3600 events, one a second", observed=str(len(response.pieces)))

    verdict = judge(ticking, check)
    assert verdict.outcome is Outcome.PASSED, verdict
    assert verdict.duration_s < 1.0


def test_an_endpoint_in_a_worker_thread_is_not_cut_short():
    async def check(probe):
        """Answer within a tenth of a virtual second."""
        response = await probe.request(within=0.1)
        if response.body != b"hello":
            raise Violation(expected="hello", observed=str(response.body))

    assert judge(in_a_thread, check).outcome is Outcome.PASSED


def test_an_application_that_never_yields_is_told_and_the_next_case_runs():
    async def check(probe):
        """Get an answer."""
        await probe.request()

    held = judge(never_yielding, check)
    assert held.outcome is Outcome.COULD_NOT_RUN
    assert "never_yielding" in held.observed
    blamed = judge(never_yielding, check, hears_watchdog=True)
    assert blamed.outcome is Outcome.FAILED
    assert judge(plain, check).outcome is Outcome.PASSED


def test_an_application_that_calls_exit_ends_nothing_but_its_case():
    verdict = judge(leaving_the_program, raising(Blocked("not reached")))
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "sys.exit(4)" in verdict.observed


def test_a_flood_of_messages_does_not_become_a_flood_of_evidence():
    async def check(probe):
        """Read it all, then blame it."""
        await probe.request(within=4000)
        raise Violation(expected="less", observed="more")

    assert len(judge(ticking, check).transcript) < 200


def test_one_case_for_each_route_that_has_what_the_check_needs():
    def check(*needs):
        return Check("asgi.test.rule", MUST, ASGI_HTTP["http"], frozenset(needs), raising(None))

    routes = (ROUTE, Route("GET", "/events", frozenset({"http", "sse"})))
    target = Target("test", None, None, routes, frozenset({"lifespan"}))

    def planned(*needs, abilities=frozenset()):
        return [(str(c.route), c.not_applicable) for c in plan([check(*needs)], target, "in-process", abilities)]

    assert planned("http") == [("GET /", None), ("GET /events", None)]
    assert planned("http", "sse") == [("GET /events", None)]
    assert planned("lifespan") == [("None", None)]
    assert planned("lifespan", "sse") == [("GET /events", None)]
    assert planned("websocket") == [("None", "the target declares no route with: websocket")]
    assert planned("http", "wire") == [("None", "the driver in-process does not offer: wire")]
