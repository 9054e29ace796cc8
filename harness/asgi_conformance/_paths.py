"""Where the suites, fixture apps and reports lie: inside the wheel, or beside ``harness/`` in a checkout."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _find(name: str) -> Path:
    for base in (PACKAGE, PACKAGE.parents[1]):
        if (base / name).is_dir():
            return base / name
    raise FileNotFoundError(f"asgi-conformance: the folder {name}/ is missing beside {PACKAGE}")


SUITES = _find("suites")
FIXTURES = _find("fixtures")
REPORTS = _find("reports")
