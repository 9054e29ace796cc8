"""Every rule of the linter has a call that breaks it, and nothing else."""

import warnings

import pytest

from asgi_conformance.lint import (
    RULES,
    ApplicationViolation,
    Party,
    ProtocolViolation,
    ProtocolWarning,
    ServerViolation,
)

from .faults import FAULTS, Fault
from .play import Played, play


def played(fault: Fault, *, collect: bool) -> Played:
    return play(
        fault.app,
        fault.scope() if callable(fault.scope) else fault.scope,
        fault.delivered,
        collect=collect,
        raises=fault.raises,
        afterwards=fault.afterwards,
        **fault.options,
    )


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_finds_exactly_that_rule(fault: Fault) -> None:
    result = played(fault, collect=True)
    assert {*result.rules} == {fault.rule}
    assert result.error is None


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if RULES[fault.rule].level != "SHOULD"], ids=str)
def test_raises_by_default(fault: Fault) -> None:
    if fault.afterwards is not None:
        with pytest.raises(ApplicationViolation, match=fault.rule):
            played(fault, collect=False)
        return
    result = played(fault, collect=False)
    assert isinstance(result.error, ProtocolViolation), result.error
    finding = result.error.finding
    assert finding.rule == fault.rule
    assert isinstance(result.error, ApplicationViolation if finding.party is Party.APPLICATION else ServerViolation)
    assert fault.passed_on is None or len(result.passed_on) == fault.passed_on


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if RULES[fault.rule].level == "SHOULD"], ids=str)
def test_warns_of_what_should_be_otherwise(fault: Fault) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = played(fault, collect=False)
    assert result.error is None
    assert caught
    assert all(issubclass(warning.category, ProtocolWarning) for warning in caught)
    assert all(str(warning.message).startswith(f"{fault.rule}  SHOULD") for warning in caught)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_says_who_is_at_fault_and_where_it_is_written(fault: Fault) -> None:
    rule = RULES[fault.rule]
    for finding in played(fault, collect=True).findings:
        assert (finding.requirement, finding.level, finding.url) == (rule.requirement, rule.level, rule.clause.url)
        assert finding.expected
        assert finding.observed
        assert rule.party in {Party.BOTH, finding.party}


def test_every_rule_is_broken_by_some_call() -> None:
    assert sorted({fault.rule for fault in FAULTS} ^ {*RULES}) == []
