"""Which cases of the catalogue are worth running: routes that stand for others, and a sample for every day."""

import zlib
from collections.abc import Iterable, Iterator

from asgi_conformance.runner import IN_PROCESS, Case

# Suites of cases about the server and its protocol rather than the application: run where they are asked for by name.
ON_REQUEST = frozenset({"headers", "rfc6455", "server"})
BY_CASE = "rfc6455"  # the WebSocket protocol case by case: it needs a server, and an endpoint that echoes

# Suites of rules that hold for whatever a route answers.
ABOUT_ANY = frozenset({"asgi", "http"})

SAMPLE = {IN_PROCESS: 2}  # fixture apps for each check; on a server one
DEFAULT_SAMPLE = 1


def representatives(cases: Iterable[Case]) -> Iterator[Case]:
    """Cases that apply, one of each kind.

    For rules about any response whatever, routes of one app with the same capabilities stand for each other; a route
    that declares deviations of its own stands for itself.
    """
    seen = set()
    for case in cases:
        if case.not_applicable is not None:
            continue
        route = case.route
        kind: object = None if route is None else (frozenset(route.capabilities), frozenset(route.deviations))
        if case.check.suite not in ABOUT_ANY:
            kind = id(route)
        key = (case.check.id, case.target.name, case.driver, kind)
        if key not in seen:
            seen.add(key)
            yield case


def sample(cases: Iterable[Case]) -> Iterator[Case]:
    """Of the cases of one check: all that are known to fail, and a few apps for each driver, always the same.

    Which ones differs from check to check, so that all checks together visit every app.
    """
    by_driver: dict[str, dict[str, list[Case]]] = {}
    for case in cases:
        by_driver.setdefault(case.driver, {}).setdefault(case.target.name, []).append(case)
    for driver, by_target in by_driver.items():
        names = sorted(by_target, key=lambda name: (zlib.crc32(f"{by_target[name][0].check.id} {name}".encode()), name))
        chosen = set(names[: SAMPLE.get(driver, DEFAULT_SAMPLE)])
        for name, found in by_target.items():
            yield from (case for case in found if name in chosen or _known(case))


def _known(case: Case) -> bool:
    return case.driver == IN_PROCESS and case.target.deviation(case.check.id, case.driver, case.route) is not None
