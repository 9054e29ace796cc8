"""The ledger is complete, agrees with the checks and the linter's rules, and its page is up to date."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_conformance import catalogue
from asgi_conformance.ledger import Ledger, faults, load_ledger, page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "requirements.md"
CHECKS = catalogue.load_checks()
LEDGER = load_ledger()


def test_nothing_is_unaccounted() -> None:
    assert list(faults(LEDGER, CHECKS)) == []


def test_it_has_every_requirement() -> None:
    assert len(LEDGER.requirements) == 198
    assert len(LEDGER.checked) >= 190
    counts = LEDGER.counts()
    by_level = {level: sum(n for (one, _), n in counts.items() if one == level) for level in ("MUST", "MUST*")}
    assert by_level == {"MUST": 52, "MUST*": 88}


def changed(**change: object) -> Ledger:
    """The ledger with its first row changed."""
    first, *rest = LEDGER.requirements
    return Ledger((replace(first, **change), *rest), LEDGER.decisions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        (changed(checks=("asgi.no.such",)), "does not exist: asgi.no.such"),
        (changed(checks=()), "needs checks"),
        (changed(none="nothing to run"), "not both"),
        (changed(rules=("no.such.rule",)), "a rule that does not exist"),
        (changed(id="M2"), "twice"),
        (changed(party="somebody"), "party"),
        (Ledger(LEDGER.requirements[10:], LEDGER.decisions), "no requirement names it"),
    ],
)
def test_faults_are_found(ledger: Ledger, said: str) -> None:
    assert any(said in fault for fault in faults(ledger, CHECKS))


def test_the_page_is_up_to_date() -> None:
    made = page(LEDGER)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, "run again with UPDATE_GOLDEN=1"
