"""The tables against a naive model, message by message.

``ASGI_CONFORMANCE_MODEL_STEPS=1000000`` takes a million steps through each protocol.
"""

import copy
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from asgi_conformance.protocol.conversation import Conversation
from asgi_conformance.protocol.grammar import Protocol
from asgi_conformance.protocol.http import HTTP
from asgi_conformance.protocol.lifespan import LIFESPAN
from asgi_conformance.protocol.websocket import WEBSOCKET

from .naive import NEEDS, Naive, NaiveHTTP, NaiveLifespan, NaiveWebSocket

LENGTH = 25  # steps of one walk
STEPS = int(os.environ.get("ASGI_CONFORMANCE_MODEL_STEPS", "2500"))

SETTINGS = settings(
    max_examples=max(STEPS // LENGTH, 1),
    stateful_step_count=LENGTH,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

HEADERS = [(b"content-type", b"text/plain"), (b"trailer", b"x-a")]

HTTP_SENT: dict[str, dict[str, Any]] = {
    "debug": {"type": "http.response.debug", "info": {}},
    "start": {"type": "http.response.start", "status": 200, "headers": HEADERS},
    "start+": {"type": "http.response.start", "status": 200, "headers": HEADERS, "trailers": True},
    "body+": {"type": "http.response.body", "body": b"x", "more_body": True},
    "body": {"type": "http.response.body", "more_body": False},
    "file+": {"type": "http.response.zerocopysend", "file": 0, "more_body": True},
    "file": {"type": "http.response.zerocopysend", "file": 0},
    "path": {"type": "http.response.pathsend", "path": "/a"},
    "push": {"type": "http.response.push", "path": "/a", "headers": []},
    "hint": {"type": "http.response.early_hint", "links": []},
    "trailers+": {"type": "http.response.trailers", "headers": [(b"x-a", b"1")], "more_trailers": True},
    "trailers": {"type": "http.response.trailers", "headers": []},
}
HTTP_DELIVERED: dict[str, dict[str, Any]] = {
    "request+": {"type": "http.request", "body": b"x", "more_body": True},
    "request": {"type": "http.request"},
    "disconnect": {"type": "http.disconnect"},
}
WEBSOCKET_SENT: dict[str, dict[str, Any]] = {
    "accept": {"type": "websocket.accept"},
    "send": {"type": "websocket.send", "text": "x"},
    "close": {"type": "websocket.close"},
    "denial": {"type": "websocket.http.response.start", "status": 401},
    "denial body+": {"type": "websocket.http.response.body", "more_body": True},
    "denial body": {"type": "websocket.http.response.body"},
}
WEBSOCKET_DELIVERED: dict[str, dict[str, Any]] = {
    "connect": {"type": "websocket.connect"},
    "receive": {"type": "websocket.receive", "bytes": b"x"},
    "disconnect": {"type": "websocket.disconnect", "code": 1000},
}
LIFESPAN_SENT: dict[str, dict[str, Any]] = {
    "startup complete": {"type": "lifespan.startup.complete"},
    "startup failed": {"type": "lifespan.startup.failed"},
    "shutdown complete": {"type": "lifespan.shutdown.complete"},
    "shutdown failed": {"type": "lifespan.shutdown.failed"},
}
LIFESPAN_DELIVERED: dict[str, dict[str, Any]] = {
    "startup": {"type": "lifespan.startup"},
    "shutdown": {"type": "lifespan.shutdown"},
}

versions = st.sampled_from([(2, minor) for minor in range(6)])
offers = st.one_of(
    st.just(frozenset(NEEDS.values())), st.frozensets(st.sampled_from(sorted(set(NEEDS.values()))), max_size=4)
)


def walk(
    name: str,
    protocol: Protocol,
    naive: type[Naive],
    sent: dict[str, dict[str, Any]],
    delivered: dict[str, dict[str, Any]],
) -> Any:
    """The test case that walks through a protocol, along the table and the model at once."""

    class Walk(RuleBasedStateMachine):
        @initialize(version=versions, offered=offers)
        def begin(self, version: tuple[int, int], offered: frozenset[str]) -> None:
            asgi = {"version": "3.0", "spec_version": "{}.{}".format(*version)}
            scope = {"type": protocol.name, "asgi": asgi, "extensions": {name: {} for name in offered}}
            self.talk = Conversation(protocol, scope)
            self.model: Any = naive(version, offered)

        @rule(event=st.sampled_from(sorted(sent)))
        def send(self, event: str) -> None:
            self.compare(self.talk.sent(dict(sent[event])), self.model.sent(event))

        @rule(event=st.sampled_from(sorted(delivered)))
        def deliver(self, event: str) -> None:
            self.compare(self.talk.delivered(dict(delivered[event])), self.model.delivered(event))

        @rule()
        def ask(self) -> None:
            self.talk.asked()
            self.model.asked()

        @rule(chance=st.integers(0, 7))
        def lose(self, chance: int) -> None:
            if chance == 0:  # after this there is little left to see
                self.talk.lost()
                self.model.lost()

        @invariant()
        def what_is_missing_is_the_same(self) -> None:
            self.compare(copy.copy(self.talk).returned(), self.model.missing())

        def compare(self, problems: Any, expected: str | None) -> None:
            found = [problem.rule for problem in problems]
            assert found == ([] if expected is None else [expected]), self.model.log

    Walk.TestCase.settings = SETTINGS
    Walk.__name__ = Walk.__qualname__ = name
    return Walk.TestCase


TestHTTP = walk("TestHTTP", HTTP, NaiveHTTP, HTTP_SENT, HTTP_DELIVERED)
TestWebSocket = walk("TestWebSocket", WEBSOCKET, NaiveWebSocket, WEBSOCKET_SENT, WEBSOCKET_DELIVERED)
TestLifespan = walk("TestLifespan", LIFESPAN, NaiveLifespan, LIFESPAN_SENT, LIFESPAN_DELIVERED)
