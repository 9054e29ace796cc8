"""A finding of the linter, and the exceptions that carry one."""

from dataclasses import dataclass

from asgi_conformance.lint.rule import Level, Party


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One rule that was broken, by whom, and where the rule is written.

    Args:
        rule: the id of the rule, such as ``http.response-body.bytes``.
        requirement: where it stands in the table of requirements, such as ``H43``.
        party: who is at fault: the application inside, or the server outside.
        expected: a noun phrase.
        observed: a noun phrase.
        url: the clause.
        level: MUST, SHOULD or PRACTICE.
        where: the call: protocol, method and path.
    """

    rule: str
    requirement: str
    party: Party
    expected: str
    observed: str
    url: str
    level: Level
    where: str = ""

    def __str__(self) -> str:
        place = f" in {self.where}" if self.where else ""
        return (
            f"{self.rule}  {self.level} ({self.requirement}), the {self.party} is at fault{place}\n"
            f"expected  {self.expected}\n"
            f"observed  {self.observed}\n"
            f"rule      {self.url}"
        )


class ProtocolViolation(Exception):
    """A rule of the protocol is broken; `finding` says which, and the subclass by whom."""

    def __init__(self, finding: LintFinding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class ApplicationViolation(ProtocolViolation):
    """The application, or the layer inside of the linter, is at fault."""


class ServerViolation(ProtocolViolation):
    """The server, or the layer outside of the linter, is at fault."""


class ProtocolWarning(UserWarning):
    """Something that the specification says should be otherwise, and that is no reason to stop."""
