"""One call under observation: the receive and send that are handed to the application."""

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from asgi_conformance.lint.catalogue import RULES
from asgi_conformance.lint.finding import (
    ApplicationViolation,
    LintFinding,
    ProtocolViolation,
    ProtocolWarning,
    ServerViolation,
)
from asgi_conformance.lint.rule import Party
from asgi_conformance.protocol.conversation import Conversation
from asgi_conformance.protocol.problem import NONE, Problem, Problems
from asgi_conformance.protocol.types import Message, Receive, Send

OnViolation = Callable[[LintFinding], object]


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of a finding.

    Args:
        on_violation: called with each finding. Without it, a SHOULD is a warning and everything else raises.
        only: the party whose findings count; None for both.
        ignore: ids of rules whose findings do not count.
    """

    on_violation: OnViolation | None = None
    only: Party | None = None
    ignore: Collection[str] = ()

    def apply(self, problems: Problems, party: Party, where: str) -> None:
        """Report the problems; raises a ProtocolViolation for the first that is worth it."""
        for problem in problems:
            finding = _finding(problem, party, where)
            if problem.rule in self.ignore or self.only not in {None, finding.party}:
                continue
            if self.on_violation is not None:
                self.on_violation(finding)
            elif finding.level == "SHOULD":
                warnings.warn(ProtocolWarning(str(finding)), stacklevel=4)
            else:
                raise (ApplicationViolation if finding.party is Party.APPLICATION else ServerViolation)(finding)


class Watch:
    """A call of an application, from the scope to the return.

    Every message is judged before it is passed on, and passed on as it is. `receive` and `send` add no
    point at which another task could run.
    """

    __slots__ = ("_policy", "_receive", "_send", "_talk", "over", "raised")

    def __init__(self, talk: Conversation, policy: Policy, receive: Receive, send: Send) -> None:
        self._talk: Conversation | Unjudged = talk
        self._policy = policy
        self._receive = receive
        self._send = send
        self.over = False
        self.raised: ProtocolViolation | None = None

    async def receive(self) -> Message:
        """The server's `receive`, for the application."""
        if self.over:
            self.report([_late("call.return.receive", "receive()")], Party.APPLICATION)
        self._talk.asked()
        message = await self._receive()
        problems = self._talk.delivered(message)
        if problems:
            self.report(problems, Party.SERVER)
        return message

    async def send(self, message: Message) -> None:
        """The server's `send`, for the application."""
        if self.over:
            self.report([_late("call.return.send", f"send() of {_type_of(message)}")], Party.APPLICATION)
            await self._send(message)
            return
        talk = self._talk
        problems = talk.sent(message)
        if problems:
            self.report(problems, Party.APPLICATION)
        ignored = talk.gone
        try:
            await self._send(message)
        except BaseException:
            talk.lost()
            raise
        if ignored and talk.gone:
            self.report(talk.let_through(message), Party.SERVER)

    def returned(self) -> None:
        """The call returned without an exception."""
        self.over = True
        problems = self._talk.returned()
        if problems:
            self.report(problems, Party.APPLICATION)
        if self.raised is not None:
            # The application has swallowed it. What it was told is still true.
            raise self.raised

    def report(self, problems: Problems, party: Party) -> None:
        """Pass problems to the policy, and remember what it raises."""
        try:
            self._policy.apply(problems, party, self._where())
        except ProtocolViolation as violation:
            self.raised = self.raised or violation
            self._talk = Unjudged(self._talk.scope)
            raise

    def _where(self) -> str:
        scope = self._talk.scope
        words = (scope.get("type"), scope.get("method"), scope.get("path"))
        return " ".join(word for word in words if isinstance(word, str))


class Unjudged:
    """Stands in for a conversation in which a violation was raised: what follows depends on it."""

    gone = False

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope

    def asked(self) -> None:
        """Nothing is noted."""

    def lost(self) -> None:
        """Nothing is noted."""

    def sent(self, _message: object) -> Problems:
        """Nothing is found."""
        return NONE

    def delivered(self, _message: object) -> Problems:
        """Nothing is found."""
        return NONE

    def returned(self) -> Problems:
        """Nothing is found."""
        return NONE

    def let_through(self, _message: object) -> Problems:
        """Nothing is found."""
        return NONE


def _finding(problem: Problem, party: Party, where: str) -> LintFinding:
    rule = RULES[problem.rule]
    return LintFinding(
        rule=rule.id,
        requirement=rule.requirement,
        party=party if rule.party is Party.BOTH else rule.party,
        expected=problem.expected,
        observed=problem.observed,
        url=rule.clause.url,
        level=rule.level,
        where=where,
    )


def _late(rule: str, what: str) -> Problem:
    return Problem(rule, "nothing after the call has returned", what)


def _type_of(message: Any) -> str:
    return str(message.get("type")) if isinstance(message, dict) else type(message).__name__
