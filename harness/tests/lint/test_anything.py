"""Whatever the two sides say to each other, the linter stays on its feet and hands everything on."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from asgi_conformance.lint import RULES

from .faults import FAULTS
from .play import RECEIVE, app_of, http, lifespan, play, websocket
from .sound import SOUND

TYPES = [
    *("http.request", "http.disconnect", "http.response.start", "http.response.body", "http.response.debug"),
    *("http.response.push", "http.response.early_hint", "http.response.zerocopysend", "http.response.pathsend"),
    *("http.response.trailers", "websocket.connect", "websocket.receive", "websocket.disconnect", "websocket.accept"),
    *("websocket.send", "websocket.close", "websocket.http.response.start", "websocket.http.response.body"),
    *("lifespan.startup", "lifespan.shutdown", "lifespan.startup.complete", "lifespan.startup.failed"),
    *("lifespan.shutdown.complete", "lifespan.shutdown.failed", "http.unknown", "", None, 5, b"http.request", []),
]
KEYS = [
    *("status", "headers", "trailers", "body", "more_body", "info", "path", "links", "file", "offset", "count"),
    *("more_trailers", "bytes", "text", "code", "reason", "subprotocol", "message", "extra", b"body", None, 5),
]
SCOPE_KEYS = [
    *("asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path", "headers"),
    *("client", "server", "state", "extensions", "subprotocols", "extra", b"path", 5),
]

plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.sampled_from([200, 204, 1000, "/abs", b"content-length", "2.4", {}, [], (), object(), {"version": "3.0"}]),
)
pairs = st.lists(
    st.one_of(st.tuples(plain, plain), st.tuples(st.just(b"content-length"), st.binary(max_size=3)), plain)
)
values = st.one_of(
    plain, pairs, st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner))
)
messages = st.one_of(
    st.builds(
        lambda kind, rest: {"type": kind, **rest},
        st.sampled_from(TYPES),
        st.dictionaries(st.sampled_from(KEYS), values),
    ),
    st.builds(lambda kind: {"type": kind}, st.sampled_from(TYPES)),
    values,
)
scopes = st.builds(
    lambda scope, changes: {**scope, **changes},
    st.sampled_from([http(), websocket(), lifespan()]),
    st.dictionaries(st.sampled_from(SCOPE_KEYS), values, max_size=3),
)


@given(scope=scopes, sent=st.lists(st.one_of(st.just(RECEIVE), messages)), delivered=st.lists(messages, min_size=1))
def test_stays_on_its_feet(scope: dict[Any, Any], sent: list[Any], delivered: list[Any]) -> None:
    steps = [step for step in sent if step is RECEIVE or not callable(step)]
    result = play(app_of(*steps), scope, delivered)
    assert result.error is None
    said = [step for step in steps if step is not RECEIVE]
    assert len(result.passed_on) == len(said)
    assert all(passed is step for passed, step in zip(result.passed_on, said, strict=True))
    assert {*result.rules} <= {*RULES}
    assert all(finding.expected and finding.observed for finding in result.findings)


def test_corpora_are_large() -> None:
    assert len(SOUND) >= 120
    assert len(FAULTS) >= len(RULES)
