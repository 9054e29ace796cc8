"""The linter: an ASGI application around another one, which judges both sides and changes nothing."""

from collections.abc import Collection
from typing import Any

from asgi_conformance.lint.policy import OnViolation, Policy
from asgi_conformance.lint.rule import Party
from asgi_conformance.lint.snapshot import changes, snapshot
from asgi_conformance.protocol import scope as shapes
from asgi_conformance.protocol.conversation import Conversation
from asgi_conformance.protocol.grammar import grammar
from asgi_conformance.protocol.http import HTTP
from asgi_conformance.protocol.lifespan import LIFESPAN
from asgi_conformance.protocol.problem import Problem, Problems, show
from asgi_conformance.protocol.types import ASGIApp, Message, Receive, Scope, Send
from asgi_conformance.protocol.version import KNOWN
from asgi_conformance.protocol.websocket import WEBSOCKET

_PROTOCOLS = {
    "http": (HTTP, shapes.HTTP),
    "websocket": (WEBSOCKET, shapes.WEBSOCKET),
    "lifespan": (LIFESPAN, shapes.LIFESPAN),
}


def warm_up() -> None:
    """Work out now what is otherwise worked out when it is first needed: for processes that are to be forked."""
    for protocol, shape in _PROTOCOLS.values():
        for version in (None, *KNOWN):
            grammar(protocol, version, frozenset())
        shape.quick({})


class Lint:
    """An ASGI application that hands everything on to `app`, both ways, and finds what breaks a rule.

    By default a broken MUST (or PRACTICE) rule raises at the call that breaks it, an ApplicationViolation
    or a ServerViolation, before the message gets to the other side; it is raised once more at the end if
    the application swallowed it. A broken SHOULD is a ProtocolWarning. With `on_violation` nothing is
    raised or warned about, everything is passed on, and the callable gets each LintFinding.

    Scopes of other types than http, websocket and lifespan go through untouched.

    Args:
        app: any ASGI application, or a layer of one.
        on_violation: called with each finding, in place of raising.
        snapshot_scope: also find that the scope was changed during the call. For middleware: applications
            and routers change the scope that is theirs, and may.
        only: ``"application"`` or ``"server"``: leave out what the other one does.
        ignore: ids of rules to leave out.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_violation: OnViolation | None = None,
        *,
        snapshot_scope: bool = False,
        only: str | None = None,
        ignore: Collection[str] = (),
    ) -> None:
        self.app = app
        self._policy = Policy(on_violation, None if only is None else Party(only), frozenset(ignore))
        self._snapshot_scope = snapshot_scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the call on to the application, with a receive and send that are watched.

        Every message is judged before it is passed on, and passed on as it is. Nothing is awaited but what
        the application awaits: there is no further point at which another task could run.
        """
        if type(scope) is not dict:
            self._judge_kind(scope)
        try:
            protocol, shape = _PROTOCOLS[scope["type"]]
        except (KeyError, TypeError):
            self._judge_kind(scope)
            await self.app(scope, receive, send)
            return
        talk = Conversation(protocol, scope)

        async def watched_receive() -> Message:
            if problems := talk.asked():
                self._report(problems, Party.APPLICATION, talk)
            message = await receive()
            if problems := talk.delivered(message):
                self._report(problems, Party.SERVER, talk)
            return message

        async def watched_send(message: Message) -> None:
            if problems := talk.sent(message):
                self._report(problems, Party.APPLICATION, talk)
            gone = talk.gone
            try:
                await send(message)
            except BaseException:
                talk.lost()
                raise
            if gone and talk.gone:
                self._report(talk.let_through(message), Party.SERVER, talk)

        if not shape.quick(scope):
            self._report(shape.problems(scope), Party.SERVER, talk)
        before = snapshot(scope) if self._snapshot_scope else None
        try:
            await self.app(scope, watched_receive, watched_send)
        except BaseException:
            talk.over()
            raise
        if before is not None and (problems := changes(before, scope)):
            self._report(problems, Party.APPLICATION, talk)
        if problems := talk.returned():
            self._report(problems, Party.APPLICATION, talk)

    def _report(self, problems: Problems, party: Party, talk: Conversation) -> None:
        """Do as the policy says; once it raises, nothing that follows in this call is judged."""
        violation = self._policy.apply(problems, party, talk.scope)
        if violation is not None:
            talk.abandon(violation)
            raise violation

    def _judge_kind(self, scope: Any) -> None:
        """What is wrong with a scope that is no dict, or has no type; other types are nobody's business."""
        problems: list[Problem] = []
        if not isinstance(scope, dict):
            problems.append(Problem("scope.mapping.dict", "a dict", f"an object of type {type(scope).__name__}"))
        elif not isinstance(scope.get("type"), str):
            observed = show(scope["type"]) if "type" in scope else "no such key"
            problems.append(Problem("scope.type.present", "a str as 'type'", observed))
        violation = self._policy.apply(problems, Party.SERVER, scope)
        if violation is not None:
            raise violation


def lint(
    app: ASGIApp,
    *,
    on_violation: OnViolation | None = None,
    snapshot_scope: bool = False,
    only: str | None = None,
    ignore: Collection[str] = (),
) -> ASGIApp:
    """The application with a linter around it; see :class:`Lint` for the arguments."""
    return Lint(app, on_violation, snapshot_scope=snapshot_scope, only=only, ignore=ignore)
