"""The page about the documents: what a run says of claims and patterns."""

from collections.abc import Callable

import pytest

from asgi_conformance.documents import Claim, Documented, Question
from asgi_conformance.reports import documents
from asgi_conformance.reports.documents import Conclusion, conclusion
from asgi_conformance.reports.run import Run
from asgi_conformance.verdict import Outcome, Verdict

Make = Callable[..., Verdict]

CLAIM = Claim("claims.sse.holds", "Streams hold & stay.", "003 SSE", ("sse.counter",))
PATTERN = Documented("sse.counter", "000 Basic SSE", "GET `/events` counts.", (Question("Does it end?", ("sse.a.b",)),))

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED
DEPENDS = "depends on the status: 200 keeps it"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], Conclusion.NOT_RUN),
        ([(PASSED, None)], Conclusion.HOLDS),
        ([(FAILED, "it does not")], Conclusion.FAILS),
        ([(FAILED, DEPENDS)], Conclusion.DEPENDS),
        ([(PASSED, None), (FAILED, "it does not")], Conclusion.DEPENDS),
        ([(Outcome.NOT_APPLICABLE, "needs an old release")], Conclusion.NOT_MEASURED),
        ([(Outcome.NOT_APPLICABLE, "here not"), (PASSED, None)], Conclusion.HOLDS),
        ([(Outcome.COULD_NOT_RUN, "no library")], Conclusion.COULD_NOT_RUN),
    ],
)
def test_what_verdicts_amount_to(verdict: Make, found: list[tuple[Outcome, str | None]], expected: Conclusion) -> None:
    verdicts = [verdict(CLAIM.id, outcome, observed=observed) for outcome, observed in found]
    assert conclusion(verdicts) is expected


def page(*verdicts: Verdict) -> str:
    return documents.render(Run({}, verdicts), [PATTERN], [CLAIM], {"sse.counter": "../fixtures/sse/counter.py"})


def test_a_claim_is_told_with_what_was_measured(verdict: Make) -> None:
    text = page(verdict(CLAIM.id, PASSED, target="sse.counter", observed="3 of <3> events"))
    assert "Streams hold &amp; stay." in text
    assert "3 of &lt;3&gt; events" in text
    assert "holds" in text


def test_a_hardened_form_in_which_a_claim_holds_is_named(verdict: Make) -> None:
    text = page(
        verdict(CLAIM.id, FAILED, target="sse.counter", observed="2 of 3 events", known="it loses one"),
        verdict(CLAIM.id, PASSED, target="sse.counter.hardened"),
    )
    assert "does not hold" in text
    assert 'It holds in <a href="#sse.counter.hardened">sse.counter.hardened</a>.' in text
    assert "it loses one" in text


def test_a_pattern_shows_its_apps_and_where_they_are(verdict: Make) -> None:
    text = page(verdict("sse.a.b", PASSED, target="sse.counter"))
    assert '<a href="../fixtures/sse/counter.py">sse.counter</a>' in text
    assert "GET <code>/events</code> counts." in text


def test_a_pattern_that_was_not_judged_is_not_left_out(verdict: Make) -> None:
    assert "not in this run" in page(verdict("sse.a.b", PASSED, target="another.app"))
