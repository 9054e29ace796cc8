"""Test harness and conformance suites for ASGI applications, the middleware around them and the servers under them."""

from pathlib import Path as _Path

__version__ = "0.1.0"

# In a checkout or an editable install, let `asgi_conformance.suites`, `.fixtures` and `.reports` be the
# top-level folders; the wheel has them inside.
_root = _Path(__file__).resolve().parents[2]
if not (_Path(__file__).parent / "suites").is_dir() and (_root / "suites").is_dir():
    __path__.append(str(_root))

from asgi_conformance.check import (  # noqa: E402 - after the path is complete
    CLAIM,
    MUST,
    PRACTICE,
    SHOULD,
    Blocked,
    NotApplicable,
    Violation,
    check,
)
from asgi_conformance.clock import VirtualLoop  # noqa: E402
from asgi_conformance.drivers.base import Ending, Response, Unanswered, Unreachable  # noqa: E402
from asgi_conformance.drivers.inprocess import InProcess  # noqa: E402
from asgi_conformance.faults import Faults  # noqa: E402
from asgi_conformance.lint import Lint, lint  # noqa: E402
from asgi_conformance.pattern import Deviation, Pattern, Route  # noqa: E402
from asgi_conformance.probe import Probe  # noqa: E402

__all__ = [
    "CLAIM",
    "MUST",
    "PRACTICE",
    "SHOULD",
    "Blocked",
    "Deviation",
    "Ending",
    "Faults",
    "InProcess",
    "Lint",
    "NotApplicable",
    "Pattern",
    "Probe",
    "Response",
    "Route",
    "Unanswered",
    "Unreachable",
    "Violation",
    "VirtualLoop",
    "check",
    "lint",
]
