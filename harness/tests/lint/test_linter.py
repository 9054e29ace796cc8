"""How the linter is used: arguments, what it raises and when, and that it is no more than a glass pane."""

import contextvars
import dataclasses
import warnings
from typing import Any

import pytest

from asgi_conformance.lint import (
    RULES,
    ApplicationViolation,
    Lint,
    LintFinding,
    Party,
    ProtocolViolation,
    ProtocolWarning,
    ServerViolation,
    lint,
)
from asgi_conformance.protocol.types import Message, Receive, Scope, Send

from .play import RECEIVE, Crash, app_of, body, close, http, play, start, websocket


def ended(coroutine: Any) -> Any:
    """Run a coroutine that never has to wait; a single suspension is an error."""
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return stop.value.value


async def receive() -> Message:
    return {"type": "http.request"}


async def send(_message: Message) -> None:
    return


def test_adds_no_suspension() -> None:
    ended(lint(app_of(RECEIVE, start(), body()))(http(), receive, send))  # type: ignore[arg-type]


def test_tells_the_whole_story() -> None:
    app = lint(app_of(RECEIVE, start(), body(body="text")))
    with pytest.raises(ApplicationViolation) as raised:
        ended(app(http(), receive, send))
    assert raised.value.finding == LintFinding(
        rule="http.response-body.bytes",
        requirement="H43",
        party=Party.APPLICATION,
        expected="a byte string as 'body'",
        observed="'text'",
        url="https://asgi.readthedocs.io/en/latest/specs/www.html#response-body-send-event",
        level="MUST",
        where="http GET /items/é",
    )
    assert str(raised.value) == (
        "http.response-body.bytes  MUST (H43), the application is at fault in http GET /items/é\n"
        "expected  a byte string as 'body'\n"
        "observed  'text'\n"
        "rule      https://asgi.readthedocs.io/en/latest/specs/www.html#response-body-send-event"
    )


def test_findings_are_frozen() -> None:
    finding = play(app_of(RECEIVE), http()).findings[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.rule = "another"  # type: ignore[misc]


def test_stops_a_fault_before_the_server_sees_it() -> None:
    result = play(app_of(RECEIVE, start(), body(body="text")), http(), collect=False)
    assert result.passed_on == [start()]


def test_stops_a_faulty_scope_before_the_application_sees_it() -> None:
    seen = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    assert isinstance(play(app, http(path=b"/"), collect=False).error, ServerViolation)
    assert seen == []


def test_raises_again_what_was_swallowed() -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start())
        try:
            await send(body(body="text"))
        except Exception:
            await send(body())

    result = play(app, http(), collect=False)
    assert isinstance(result.error, ApplicationViolation)
    assert result.error.finding.rule == "http.response-body.bytes"
    assert result.passed_on == [start(), body()]


def test_leaves_other_exceptions_alone() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await send(body())
        except ProtocolViolation as violation:
            raise Crash from violation

    assert isinstance(play(app, http(), collect=False).error, Crash)


def test_collects_without_stopping() -> None:
    result = play(app_of(RECEIVE, start(200, [(b"X-A", b"1")]), body(body="text"), body()), http(scheme=""))
    assert result.rules == [
        "http.scope.scheme",
        "http.response-start.header-case",
        "http.response-body.bytes",
        "http.response-body.nothing-after-end",
    ]
    assert result.error is None
    assert len(result.passed_on) == 3


def test_several_faults_of_one_message_are_all_told() -> None:
    wrong = start("200", [(b"X-A", b"1\n"), (b":x", b""), (b"Y", b"")])
    assert play(app_of(RECEIVE, wrong, body()), http()).rules == [
        "http.response-start.status",
        "http.response-start.header-case",
        "event.header.value",
        "http.response-start.pseudo-headers",
    ]


def test_warnings_can_be_made_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ProtocolWarning)
        result = play(app_of(RECEIVE), websocket(), collect=False)
    assert isinstance(result.error, ProtocolWarning)


@pytest.mark.parametrize(
    ("only", "rules"), [("application", ["http.response-start.sent"]), ("server", ["http.scope.path"])]
)
def test_only_one_party(only: str, rules: list[str]) -> None:
    assert play(app_of(RECEIVE), http(path=b"/"), only=only).rules == rules


def test_unknown_party_is_an_error() -> None:
    with pytest.raises(ValueError, match="middleware"):
        lint(app_of(), only="middleware")


def test_rules_can_be_left_out() -> None:
    assert play(app_of(RECEIVE), http(path=b"/"), ignore=["http.scope.path"]).rules == ["http.response-start.sent"]


def test_what_the_callable_raises_is_not_caught() -> None:
    def complain(_finding: LintFinding) -> None:
        raise Crash

    with pytest.raises(Crash):
        ended(lint(app_of(start("x")), on_violation=complain)(http(), receive, send))


def test_other_protocols_get_the_same_objects() -> None:
    seen: list[Any] = []

    async def app(*call: Any) -> None:
        seen.extend(call)

    scope = {"type": "mqtt"}
    ended(lint(app)(scope, receive, send))
    assert seen[0] is scope
    assert seen[1:] == [receive, send]


def test_scope_is_the_same_object() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.append(scope)
        await send(close())

    scope = websocket()
    ended(lint(app)(scope, receive, send))
    assert seen[0] is scope


def test_runs_in_the_context_of_its_caller() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        variable.set("inside")
        await send(close())

    contextvars.copy_context().run(lambda: ended(lint(app)(websocket(), receive, send)))

    async def whole() -> str:
        await lint(app)(websocket(), receive, send)
        return variable.get()

    assert contextvars.copy_context().run(lambda: ended(whole())) == "inside"


def test_a_linter_between_every_two_layers() -> None:
    findings: list[LintFinding] = []

    async def application(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start())
        await send(body(body=b"x"))

    def appending(app: Any) -> Any:
        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            await send(body(body=b"late"))

        return layer

    inner: list[LintFinding] = []
    app = lint(appending(lint(application, on_violation=inner.append)), on_violation=findings.append)
    ended(app(http(), receive, send))
    assert inner == []
    assert [finding.rule for finding in findings] == ["http.response-body.nothing-after-end"]


def test_a_layer_that_plays_the_server_badly() -> None:
    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        async def again() -> Message:
            return {"type": "http.request", "body": b"all of it"}

        await lint(app_of(RECEIVE, RECEIVE, start(), body()))(scope, again, send)

    with pytest.raises(ServerViolation, match=r"http\.request\.nothing-after-end"):
        ended(layer(http(), receive, send))


def test_is_a_class_for_middleware_lists() -> None:
    findings: list[LintFinding] = []
    ended(Lint(app_of(RECEIVE), on_violation=findings.append)(http(), receive, send))
    assert [finding.rule for finding in findings] == ["http.response-start.sent"]


def test_every_rule_is_documented() -> None:
    for rule in RULES.values():
        assert rule.says.endswith("."), rule
        assert rule.id.count(".") == 2, rule
        assert rule.clause.url.startswith("https://"), rule
        if rule.level == "SHOULD":
            assert "should" in rule.says, rule
        if rule.level == "MUST":
            assert ("must" in rule.says) is not rule.implied, rule
