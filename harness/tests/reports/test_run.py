"""What a run amounts to: statuses, counts, the sentence, the exit code."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from asgi_conformance.check import check
from asgi_conformance.reports.run import FAIL_ON, RuleText, Run, Status, rules_of
from asgi_conformance.spec import HTML_SSE
from asgi_conformance.verdict import Level, Outcome, Verdict

Make = Callable[..., Verdict]
ALL = frozenset(Level)


def test_every_status_occurs_once_or_more_and_the_counts_add_up(mixed: Run) -> None:
    assert dict(mixed.counts) == {
        Status.FAILED: 1,
        Status.STALE: 1,
        Status.COULD_NOT_RUN: 1,
        Status.WARNED: 1,
        Status.KNOWN: 1,
        Status.PASSED: 3,
        Status.NOT_APPLICABLE: 1,
    }
    assert sum(mixed.counts.values()) == len(mixed.verdicts)
    assert (mixed.passed, mixed.failed, mixed.known, mixed.warned) == (3, 1, 1, 1)
    assert (mixed.not_applicable, mixed.could_not_run, mixed.stale) == (1, 1, 1)


@pytest.mark.parametrize(
    ("level", "outcome", "known", "fail_on", "status"),
    [
        (Level.MUST, Outcome.FAILED, None, FAIL_ON, Status.FAILED),
        (Level.PRACTICE, Outcome.FAILED, None, FAIL_ON, Status.FAILED),
        (Level.PRACTICE, Outcome.FAILED, None, {Level.MUST}, Status.WARNED),
        (Level.SHOULD, Outcome.WARNED, None, FAIL_ON, Status.WARNED),
        (Level.SHOULD, Outcome.WARNED, None, ALL, Status.FAILED),
        (Level.CLAIM, Outcome.FAILED, None, FAIL_ON, Status.WARNED),
        (Level.CLAIM, Outcome.FAILED, None, ALL, Status.FAILED),
        (Level.MUST, Outcome.FAILED, "documented so", ALL, Status.KNOWN),
        (Level.SHOULD, Outcome.WARNED, "documented so", ALL, Status.KNOWN),
        (Level.MUST, Outcome.PASSED, "documented so", FAIL_ON, Status.STALE),
        (Level.MUST, Outcome.NOT_APPLICABLE, "documented so", FAIL_ON, Status.NOT_APPLICABLE),
        (Level.MUST, Outcome.COULD_NOT_RUN, "documented so", FAIL_ON, Status.COULD_NOT_RUN),
    ],
)
def test_status_follows_from_level_outcome_and_expectation(
    verdict: Make, level: Level, outcome: Outcome, known: str | None, fail_on: set[Level], status: Status
) -> None:
    one = verdict("sse.event.blank-line", outcome, level=level, known=known)
    run = Run({}, (one,), fail_on=frozenset(fail_on))
    assert run.status(one) is status
    assert run.of(status) == (one,)
    assert run.exit_code() == {
        Status.FAILED: 1,
        Status.STALE: 1,
        Status.COULD_NOT_RUN: 3,
        Status.NOT_APPLICABLE: 3,
    }.get(status, 0)


@pytest.mark.parametrize(
    ("wanted", "sentence", "code"),
    [
        ({}, "Nothing ran", 3),
        ({"na": 2}, "Nothing ran: no check applies", 3),
        ({"ok": 1}, "Conformant", 0),
        ({"ok": 1, "na": 1, "warn": 2, "known": 1}, "Conformant", 0),
        ({"ok": 1, "stuck": 3}, "Incomplete: 3 checks could not run", 3),
        ({"stuck": 1}, "Incomplete: 1 check could not run", 3),
        ({"ok": 1, "bad": 2}, "Not conformant: 2 new MUST failures", 1),
        ({"bad": 1, "worse": 1}, "Not conformant: 1 new MUST failure, 1 new PRACTICE failure", 1),
        ({"ok": 1, "stale": 2}, "Not conformant: 2 stale entries", 1),
        ({"bad": 1, "stuck": 1}, "Not conformant: 1 new MUST failure; 1 check could not run", 1),
    ],
)
def test_sentence_and_exit_code_say_the_same(verdict: Make, wanted: dict[str, int], sentence: str, code: int) -> None:
    kinds = {
        "ok": verdict("a.b.c"),
        "na": verdict("a.b.c", Outcome.NOT_APPLICABLE),
        "warn": verdict("a.b.c", Outcome.WARNED, level=Level.SHOULD),
        "known": verdict("a.b.c", Outcome.FAILED, known="so"),
        "stuck": verdict("a.b.c", Outcome.COULD_NOT_RUN),
        "bad": verdict("a.b.c", Outcome.FAILED),
        "worse": verdict("a.b.c", Outcome.FAILED, level=Level.PRACTICE),
        "stale": verdict("a.b.c", known="so"),
    }
    run = Run({}, tuple(kinds[kind] for kind, number in wanted.items() for _ in range(number)))
    assert run.sentence == sentence
    assert run.exit_code() == code


def test_an_interrupted_run_is_incomplete_even_if_all_that_ran_passed(verdict: Make) -> None:
    run = Run({"interrupted": "Ctrl-C"}, (verdict("a.b.c"),))
    assert run.sentence == "Incomplete: the run ended early (Ctrl-C)"
    assert run.exit_code() == 3


def test_the_exit_code_can_be_asked_for_other_levels(verdict: Make) -> None:
    run = Run({}, (verdict("a.b.c", Outcome.WARNED, level=Level.SHOULD),))
    assert run.exit_code() == 0
    assert run.exit_code(ALL) == 1


def test_verdicts_come_out_in_order_whatever_the_order_they_went_in(mixed: Run) -> None:
    backwards = Run(mixed.environment, mixed.verdicts[::-1], mixed.rules)
    assert backwards.verdicts == mixed.verdicts
    places = [(v.suite, v.check, v.driver != "in-process", v.driver) for v in mixed.verdicts]
    assert places == sorted(places)
    assert mixed.drivers == ("in-process", "uvicorn-h11")


def test_secrets_do_not_get_in(verdict: Make) -> None:
    run = Run(
        {"command": "run --url http://x/?token=s3cret", "repeat": {"http://me:s3cret@x": "run http://me:s3cret@x"}},
        (verdict("a.b.c", Outcome.FAILED, target="http://me:s3cret@x", observed="cookie: s3cret"),),
    )
    assert "s3cret" not in repr(run)
    assert run.environment["repeat"] == {"http://***@x": "run http://***@x"}


def test_the_title_names_the_target_or_counts_them(mixed: Run, verdict: Make) -> None:
    one = verdict("a.b.c")
    assert mixed.title == "my.app:app"
    assert Run({}, (one,)).title == "my.app:app"
    assert Run({}, (one, replace(one, target="other:app"))).title == "2 targets"


def test_rules_are_told_by_the_checks_docstring() -> None:
    @check("reports-test.some-clause.some-rule", level=Level.MUST, clause=HTML_SSE["parsing"])
    async def test_rule(probe: object) -> None:
        """The rule must hold.

        Usual mend: keep it.
        """

    made = test_rule.__check__  # type: ignore[attr-defined]
    text = rules_of([made])["reports-test.some-clause.some-rule"]
    assert (text.title, text.explanation) == ("The rule must hold.", "Usual mend: keep it.")
    assert text.clause == "HTML, Server-sent events, parsing"
    assert text.link == "https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing"


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "https://asgi-conformance.invalid/x", "http://[", "https://a b/", 'https://a/">']
)
def test_an_address_that_leads_nowhere_good_is_no_link(url: str) -> None:
    assert RuleText("t", "", Level.MUST, "c", url).link is None


def test_an_unknown_rule_is_shown_by_its_id(mixed: Run) -> None:
    assert mixed.rule("x.y.z", Level.MUST).title == "x.y.z"
