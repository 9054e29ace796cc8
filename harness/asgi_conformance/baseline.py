"""A baseline: known failures of a project, so that only new ones fail its run."""

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asgi_conformance.config import UsageError
from asgi_conformance.verdict import Verdict

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known failures: (check, driver, route) -> reason. A ``*`` stands for every driver or route.

    The file has one table for each: ``[[known]]`` with `check`, `reason` and, if wanted, `driver` and `route`.
    """

    known: dict[Key, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Baseline":
        """The baseline in a TOML file. Raises UsageError when it cannot be read or makes no sense."""
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(f"--baseline: there is no file {path}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise UsageError(f"--baseline: {path} cannot be read: {error}") from None
        return cls(dict(_entry(path, entry) for entry in content.get("known", [])))

    def applied(self, verdict: Verdict) -> Verdict:
        """The verdict, known if an entry says so."""
        if verdict.known is not None:
            return verdict
        route = verdict.route or "*"
        for key in (
            (verdict.check, verdict.driver, route),
            (verdict.check, "*", route),
            (verdict.check, verdict.driver, "*"),
            (verdict.check, "*", "*"),
        ):
            if key in self.known:
                return replace(verdict, known=self.known[key])
        return verdict


def _entry(path: Path, entry: Any) -> tuple[Key, str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("check"), str):
        raise UsageError(f"--baseline: an entry of {path} has no check: {entry!r}")
    key = (entry["check"], str(entry.get("driver", "*")), str(entry.get("route", "*")))
    return key, str(entry.get("reason", "in the baseline"))
