"""What came of judging one layer by itself, as plain data."""

from dataclasses import dataclass

from asgi_conformance.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """The verdicts on one layer; `missing` says why there are none, where it is not installed."""

    name: str
    distribution: str
    version: str | None
    about: str = ""
    verdicts: tuple[Verdict, ...] = ()
    missing: str | None = None

    def of(self, check: str) -> tuple[Verdict, ...]:
        """The verdicts of one check, on all routes."""
        return tuple(verdict for verdict in self.verdicts if verdict.check == check)

    def broken(self, check: str) -> tuple[Verdict, ...]:
        """Those of them that found the rule broken."""
        return tuple(verdict for verdict in self.of(check) if verdict.broken)

    def outcome(self, check: str) -> Outcome | None:
        """The worst outcome of the check; None where it did not apply on any route."""
        found = {verdict.outcome for verdict in self.of(check)} - {Outcome.NOT_APPLICABLE}
        order = (Outcome.FAILED, Outcome.WARNED, Outcome.COULD_NOT_RUN, Outcome.PASSED)
        return next((outcome for outcome in order if outcome in found), None)
