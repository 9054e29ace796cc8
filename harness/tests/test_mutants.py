"""The matrix: every mutant is killed by exactly the checks it names, and every check kills a mutant."""

from collections import defaultdict

import pytest

from asgi_conformance import catalogue
from asgi_conformance.config import Options
from asgi_conformance.mutant import Mutant
from asgi_conformance.runner import plan
from asgi_conformance.session import Session

PATTERNS = catalogue.load_patterns()
MUTANTS = catalogue.load_mutants()
CHECKS = catalogue.load_checks()


@pytest.fixture(scope="session")
def session():
    session = Session(Options(servers=("in-process",)), held=1.0)
    yield session
    session.close()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_killed_by_exactly_the_checks_it_names(
    mutant: Mutant, session: Session, pytestconfig: pytest.Config
) -> None:
    """By all checks with --full; for every day, by those of the suites that have something to say about it."""
    suites = {name.partition(".")[0] for name in mutant.killed_by}
    checks = CHECKS if pytestconfig.option.full else [check for check in CHECKS if check.suite in suites]
    target = PATTERNS[mutant.base].mutated(mutant)
    broken = defaultdict(list)
    for case in plan(checks, target, mutant.driver, session.abilities(mutant.driver)):
        verdict = session.run(case)
        if verdict.broken:
            broken[verdict.check].append(f"{case}: expected {verdict.expected}, observed {verdict.observed}")
    assert set(broken) == mutant.killed_by, dict(broken)


def test_every_check_kills_a_mutant() -> None:
    killers = {check for mutant in MUTANTS for check in mutant.killed_by}
    assert sorted(check.id for check in CHECKS if check.id not in killers) == []
    assert sorted(killers - {check.id for check in CHECKS}) == []


def test_every_mutant_breaks_a_known_pattern() -> None:
    assert {mutant.base for mutant in MUTANTS} <= set(PATTERNS)
