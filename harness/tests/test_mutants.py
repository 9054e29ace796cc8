"""The matrix: every mutant is killed by exactly the checks it names, and every check kills a mutant."""

from collections import defaultdict

import pytest

from asgi_conformance import catalogue
from asgi_conformance.config import Options
from asgi_conformance.mutant import Mutant
from asgi_conformance.runner import plan
from asgi_conformance.selection import ON_REQUEST
from asgi_conformance.session import Session

PATTERNS = catalogue.load_patterns()
MUTANTS = catalogue.load_mutants()
# Cases about servers have servers for mutants: harness/tests/rfc6455.
CHECKS = [check for check in catalogue.load_checks() if check.suite != "rfc6455"]


@pytest.fixture(scope="session")
def session():
    session = Session(Options(servers=("in-process",)), held=1.0)
    yield session
    session.close()


def everyday(mutant: Mutant) -> object:
    """A server that has to be waited for is for CI."""
    return pytest.param(mutant, marks=[pytest.mark.slow] if mutant.driver != "in-process" else [], id=mutant.name)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("mutant", [everyday(mutant) for mutant in MUTANTS])
def test_mutant_is_killed_by_exactly_the_checks_it_names(
    mutant: Mutant, session: Session, pytestconfig: pytest.Config
) -> None:
    """By all checks with --full; for every day, by those of the files that have something to say about it.

    What waits for real seconds meets the mutants that name it, and no other.
    """
    files = {check.function.__module__ for check in CHECKS if check.id in mutant.killed_by}
    near = [check for check in CHECKS if check.function.__module__ in files]
    chosen = CHECKS if pytestconfig.option.full else near
    checks = [check for check in chosen if not check.slow or check.id in mutant.killed_by]
    # What is run where it is asked for only judges what was made for it.
    checks = [check for check in checks if check.suite not in ON_REQUEST or check in near]
    if mutant.driver != "in-process":
        # A process of its own for each check and mutant would be minutes: only near ones get it.
        checks = [check for check in checks if "process" not in check.needs or check in near]
    base = PATTERNS[mutant.base]
    target = base.mutated(mutant)
    broken = defaultdict(list)
    for case in plan(checks, target, mutant.driver, session.abilities(mutant.driver)):
        verdict = session.run(case)
        # A server's own deviations are none of the mutant's, unless it is there to show one.
        its_own = mutant.driver != "in-process" and base.deviation(verdict.check, case.driver, case.route) is not None
        if verdict.broken and (not its_own or verdict.check in mutant.killed_by):
            broken[verdict.check].append(f"{case}: expected {verdict.expected}, observed {verdict.observed}")
    assert set(broken) == mutant.killed_by, dict(broken)


def test_every_check_kills_a_mutant() -> None:
    killers = {check for mutant in MUTANTS for check in mutant.killed_by}
    assert sorted(check.id for check in CHECKS if check.id not in killers) == []
    assert sorted(killers - {check.id for check in CHECKS}) == []


def test_every_mutant_breaks_a_known_pattern() -> None:
    assert {mutant.base for mutant in MUTANTS} <= set(PATTERNS)
