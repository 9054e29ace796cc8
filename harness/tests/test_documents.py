"""The catalogue is complete: every documented pattern has an app, every question and every claim a check."""

from dataclasses import replace

import pytest

from asgi_conformance import CLAIM, catalogue, documents
from asgi_conformance.config import Options
from asgi_conformance.session import Session

DOCUMENTED = documents.load_documented()
CLAIMS = documents.load_claims()
CHECKS = {check.id: check for check in catalogue.load_checks()}

UNFINISHED = pytest.mark.xfail(strict=True, reason="areas are still without apps and checks")


def test_the_tables_hold_every_pattern_question_and_claim_of_the_documents():
    assert len(DOCUMENTED) == 106
    assert sum(len(pattern.questions) for pattern in DOCUMENTED.values()) == 362
    assert len(CLAIMS) == 66


@UNFINISHED
def test_every_documented_pattern_has_an_app():
    assert not DOCUMENTED.keys() - catalogue.load_patterns().keys()


@UNFINISHED
def test_every_question_is_settled_by_a_check():
    assert not [
        f"{pattern.id} {number}"
        for pattern in DOCUMENTED.values()
        for number, question in enumerate(pattern.questions, 1)
        if not question.checks
    ]


def test_questions_name_checks_that_exist():
    named = {check for pattern in DOCUMENTED.values() for question in pattern.questions for check in question.checks}
    assert not named - CHECKS.keys()


@UNFINISHED
def test_every_claim_is_put_to_the_test():
    assert not CLAIMS.keys() - CHECKS.keys()


def test_checks_of_level_claim_are_about_a_claim_and_on_its_patterns():
    for check in CHECKS.values():
        if check.suite == "claims":
            assert check.level is CLAIM
            assert check.id in CLAIMS
    assert {pattern for claim in CLAIMS.values() for pattern in claim.patterns} <= DOCUMENTED.keys()


def test_an_application_of_somebody_else_is_not_held_to_what_the_documents_say():
    options = Options(app="asgi_conformance.fixtures.streaming.csv:app", servers=("in-process",))
    assert not [check.id for check in Session(options).checks if check.bound]
    asked = Session(replace(options, suites=("claims",)))
    assert all(case.not_applicable for case in asked.cases())
