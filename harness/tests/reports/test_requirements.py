"""The page about the requirements: the worst of what a run says of each."""

from asgi_conformance.ledger import load_ledger
from asgi_conformance.reports.requirements import render, rows
from asgi_conformance.reports.run import Run, Status
from asgi_conformance.verdict import Level, Outcome, Verdict

LEDGER = load_ledger()
LEVELS = frozenset({Level.MUST, Level.PRACTICE})


def verdict(check: str, outcome: Outcome, target: str = "main:app", known: str | None = None) -> Verdict:
    return Verdict(check, Level.MUST, check.partition(".")[0], outcome, target, "in-process", known=known)


def run(*verdicts: Verdict) -> Run:
    return Run({}, verdicts, {}, LEVELS)


def test_worst_status_counts() -> None:
    found = {
        row.requirement.id: row
        for row in rows(
            run(
                verdict("asgi.response-start.once", Outcome.PASSED),
                verdict("asgi.response.answered", Outcome.FAILED, "other:app"),
                verdict("asgi.response-start.status-int", Outcome.PASSED),
                verdict("asgi.response-start.headers-lower-case", Outcome.FAILED, known="on purpose"),
            ),
            LEDGER,
        )
    }
    assert found["H49"].status is Status.FAILED
    assert found["H49"].places == ("asgi.response.answered: other:app, in-process",)
    assert found["H49"].counts == {Status.FAILED: 1, Status.PASSED: 1}
    assert found["H34"].status is Status.PASSED
    assert not found["H34"].places
    assert found["H37"].status is Status.KNOWN
    assert found["H1"].status is None


def test_page_has_every_requirement_and_escapes() -> None:
    page = render(run(verdict("asgi.response.answered", Outcome.FAILED, "<script>")), LEDGER)
    for row in LEDGER.requirements:
        assert f"<b>{row.id}</b>" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "197" in page  # are not in this run
    assert render(run(), LEDGER) == render(run(), LEDGER)
