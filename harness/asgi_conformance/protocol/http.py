"""The ASGI HTTP request and response as two tables: what each side may say when."""

from enum import StrEnum

from asgi_conformance.protocol import content, events
from asgi_conformance.protocol.grammar import Protocol, Said
from asgi_conformance.protocol.table import Row, Table, every


class Response(StrEnum):
    """How far the application has got with its response."""

    QUIET = "quiet"  # nothing was sent
    DEBUGGED = "debugged"  # debug information was sent
    STARTED = "started"
    STREAMING = "streaming"  # a part of the body was sent
    STARTED_WITH_TRAILERS = "started_with_trailers"  # the same two, with trailers announced
    STREAMING_WITH_TRAILERS = "streaming_with_trailers"
    AWAITING_TRAILERS = "awaiting_trailers"  # the body is complete
    PATH_SENT = "path_sent"  # a file was named instead of a body
    PATH_SENT_WITH_TRAILERS = "path_sent_with_trailers"
    COMPLETE = "complete"
    TRAILED = "trailed"  # complete with trailers
    GONE = "gone"  # the client went away before the response was complete; nothing matters any more


class Sent(StrEnum):
    """What an application sends, and the one thing that it hears."""

    DEBUG = "debug"
    START = "start"
    START_WITH_TRAILERS = "start, trailers"
    BODY = "body, more"
    LAST_BODY = "body"
    ZEROCOPY = "zerocopysend, more"
    LAST_ZEROCOPY = "zerocopysend"
    PATH = "pathsend"
    PUSH = "push"
    HINT = "early_hint"
    TRAILERS = "trailers, more"
    LAST_TRAILERS = "trailers"
    CLIENT_GONE = "http.disconnect"


class Request(StrEnum):
    """How far the server has got with the request."""

    OPEN = "open"  # more of the body is to come
    READ = "read"  # the body is complete
    ANSWERED = "answered"  # the application asks for more although its response is complete
    DISCONNECTED = "disconnected"


class Delivered(StrEnum):
    """What a server delivers, and what the application does that changes it."""

    REQUEST = "request, more"
    LAST_REQUEST = "request"
    DISCONNECT = "disconnect"
    ASKED_AFTER_RESPONSE = "receive() after the response"


_R, _S = Response, Sent

_BODIES: Row = {
    _S.BODY: _R.STREAMING,
    _S.ZEROCOPY: _R.STREAMING,
    _S.LAST_BODY: _R.COMPLETE,
    _S.LAST_ZEROCOPY: _R.COMPLETE,
}
_BODIES_BEFORE_TRAILERS: Row = {
    _S.BODY: _R.STREAMING_WITH_TRAILERS,
    _S.ZEROCOPY: _R.STREAMING_WITH_TRAILERS,
    _S.LAST_BODY: _R.AWAITING_TRAILERS,
    _S.LAST_ZEROCOPY: _R.AWAITING_TRAILERS,
}
_STARTS: Row = {_S.START: _R.STARTED, _S.START_WITH_TRAILERS: _R.STARTED_WITH_TRAILERS, _S.CLIENT_GONE: _R.GONE}


def _aside(state: Response) -> Row:
    """What may come at any time between the start and the last body, and changes nothing."""
    return {_S.PUSH: state, _S.HINT: state, _S.CLIENT_GONE: _R.GONE}


_MOVES: dict[str, Row] = {
    _R.QUIET: {_S.DEBUG: _R.DEBUGGED, **_STARTS},
    _R.DEBUGGED: {**_STARTS},
    _R.STARTED: {**_BODIES, _S.PATH: _R.PATH_SENT, **_aside(_R.STARTED)},
    _R.STREAMING: {**_BODIES, **_aside(_R.STREAMING)},
    _R.STARTED_WITH_TRAILERS: {
        **_BODIES_BEFORE_TRAILERS,
        _S.PATH: _R.PATH_SENT_WITH_TRAILERS,
        **_aside(_R.STARTED_WITH_TRAILERS),
    },
    _R.STREAMING_WITH_TRAILERS: {**_BODIES_BEFORE_TRAILERS, **_aside(_R.STREAMING_WITH_TRAILERS)},
    _R.AWAITING_TRAILERS: {
        _S.TRAILERS: _R.AWAITING_TRAILERS,
        _S.LAST_TRAILERS: _R.TRAILED,
        _S.CLIENT_GONE: _R.GONE,
    },
    _R.PATH_SENT: {_S.CLIENT_GONE: _R.PATH_SENT},
    _R.PATH_SENT_WITH_TRAILERS: {
        _S.TRAILERS: _R.AWAITING_TRAILERS,
        _S.LAST_TRAILERS: _R.TRAILED,
        _S.CLIENT_GONE: _R.GONE,
    },
    _R.COMPLETE: {_S.CLIENT_GONE: _R.COMPLETE},
    _R.TRAILED: {_S.CLIENT_GONE: _R.TRAILED},
    # An application cannot know at once, so whatever it still sends is tolerated.
    _R.GONE: every(Sent, _R.GONE),
}

_BEFORE_START: Row = {
    _S.BODY: "http.response-body.after-start",
    _S.LAST_BODY: "http.response-body.after-start",
    _S.ZEROCOPY: "http.zerocopysend.order",
    _S.LAST_ZEROCOPY: "http.zerocopysend.order",
    _S.PATH: "http.pathsend.after-start",
    _S.PUSH: "http.push.order",
    _S.HINT: "http.early-hint.order",
    _S.TRAILERS: "http.trailers.after-body",
    _S.LAST_TRAILERS: "http.trailers.after-body",
}
_AFTER_START: Row = {
    _S.DEBUG: "http.debug.before-start",
    _S.START: "http.response-start.once",
    _S.START_WITH_TRAILERS: "http.response-start.once",
}
_NOT_ANNOUNCED: Row = every((_S.TRAILERS, _S.LAST_TRAILERS), "http.trailers.announced")
_TOO_EARLY: Row = every((_S.TRAILERS, _S.LAST_TRAILERS), "http.trailers.after-body")
_AFTER_BODY: Row = {
    **_AFTER_START,
    _S.BODY: "http.response-body.nothing-after-end",
    _S.LAST_BODY: "http.response-body.nothing-after-end",
    _S.ZEROCOPY: "http.zerocopysend.order",
    _S.LAST_ZEROCOPY: "http.zerocopysend.order",
    _S.PATH: "http.pathsend.alone",
    _S.PUSH: "http.push.order",
    _S.HINT: "http.early-hint.order",
}
_AFTER_PATH: Row = {
    **_AFTER_BODY,
    **every((_S.BODY, _S.LAST_BODY, _S.ZEROCOPY, _S.LAST_ZEROCOPY), "http.pathsend.alone"),
    _S.PATH: "http.pathsend.once",
}

RESPONSE = Table(
    name="HTTP response",
    initial=_R.QUIET,
    moves=_MOVES,
    refusals={
        _R.QUIET: {**_BEFORE_START},
        _R.DEBUGGED: {**_BEFORE_START, _S.DEBUG: "http.debug.once"},
        _R.STARTED: {**_AFTER_START, **_NOT_ANNOUNCED},
        _R.STREAMING: {**_AFTER_START, **_NOT_ANNOUNCED, _S.PATH: "http.pathsend.alone"},
        _R.STARTED_WITH_TRAILERS: {**_AFTER_START, **_TOO_EARLY},
        _R.STREAMING_WITH_TRAILERS: {**_AFTER_START, **_TOO_EARLY, _S.PATH: "http.pathsend.alone"},
        _R.AWAITING_TRAILERS: {**_AFTER_BODY},
        _R.PATH_SENT: {**_AFTER_PATH, **_NOT_ANNOUNCED},
        _R.PATH_SENT_WITH_TRAILERS: {**_AFTER_PATH},
        _R.COMPLETE: {**_AFTER_BODY, **_NOT_ANNOUNCED},
        _R.TRAILED: {
            **_AFTER_BODY,
            **every((_S.TRAILERS, _S.LAST_TRAILERS), "http.trailers.nothing-after-end"),
        },
    },
    when={
        _R.QUIET: "before the response start",
        _R.DEBUGGED: "before the response start",
        _R.STARTED: "after the response start",
        _R.STREAMING: "in the middle of the body",
        _R.STARTED_WITH_TRAILERS: "after the response start",
        _R.STREAMING_WITH_TRAILERS: "in the middle of the body",
        _R.AWAITING_TRAILERS: "after the last body and before the last trailers",
        _R.PATH_SENT: "after http.response.pathsend",
        _R.PATH_SENT_WITH_TRAILERS: "after http.response.pathsend and before the last trailers",
        _R.COMPLETE: "after the end of the response",
        _R.TRAILED: "after the last trailers",
        _R.GONE: "after the client has gone",
    },
    expected={
        "http.debug.before-start": "debug information before the response start",
        "http.debug.once": "debug information once",
        "http.early-hint.order": "early hints between the response start and the last body",
        "http.pathsend.after-start": "http.response.pathsend after the response start",
        "http.pathsend.alone": "either http.response.pathsend or body messages",
        "http.pathsend.once": "http.response.pathsend once",
        "http.push.order": "a push between the response start and the last body",
        "http.response-body.after-start": "a body after the response start",
        "http.response-body.finished": "a last body message, with more_body false or absent",
        "http.response-body.nothing-after-end": "no body after the end of the response",
        "http.response-body.sent": "a body message after the response start",
        "http.response-start.once": "one response start",
        "http.response-start.sent": "a response start",
        "http.trailers.after-body": "trailers after the last body",
        "http.trailers.announced": "'trailers': True in the response start",
        "http.trailers.nothing-after-end": "no trailers after the last ones",
        "http.trailers.sent": "the trailers that were announced",
        "http.zerocopysend.order": "http.response.zerocopysend between the response start and the last body",
    },
    endings={
        _R.QUIET: "http.response-start.sent",
        _R.DEBUGGED: "http.response-start.sent",
        _R.STARTED: "http.response-body.sent",
        _R.STREAMING: "http.response-body.finished",
        _R.STARTED_WITH_TRAILERS: "http.response-body.sent",
        _R.STREAMING_WITH_TRAILERS: "http.response-body.finished",
        _R.AWAITING_TRAILERS: "http.trailers.sent",
        _R.PATH_SENT_WITH_TRAILERS: "http.trailers.sent",
    },
    needs={
        _S.DEBUG: "http.response.debug",
        _S.ZEROCOPY: "http.response.zerocopysend",
        _S.LAST_ZEROCOPY: "http.response.zerocopysend",
        _S.PATH: "http.response.pathsend",
        _S.PUSH: "http.response.push",
        _S.HINT: "http.response.early_hint",
        _S.TRAILERS: "http.response.trailers",
        _S.LAST_TRAILERS: "http.response.trailers",
    },
)

_Q, _D = Request, Delivered

REQUEST = Table(
    name="HTTP request",
    initial=_Q.OPEN,
    moves={
        _Q.OPEN: {
            _D.REQUEST: _Q.OPEN,
            _D.LAST_REQUEST: _Q.READ,
            _D.DISCONNECT: _Q.DISCONNECTED,
            _D.ASKED_AFTER_RESPONSE: _Q.ANSWERED,
        },
        _Q.READ: {_D.DISCONNECT: _Q.DISCONNECTED, _D.ASKED_AFTER_RESPONSE: _Q.ANSWERED},
        _Q.ANSWERED: {_D.DISCONNECT: _Q.DISCONNECTED, _D.ASKED_AFTER_RESPONSE: _Q.ANSWERED},
        # The page does not say what a further receive() gives; the same again is what everybody expects.
        _Q.DISCONNECTED: {_D.DISCONNECT: _Q.DISCONNECTED, _D.ASKED_AFTER_RESPONSE: _Q.DISCONNECTED},
    },
    refusals={
        _Q.READ: every((_D.REQUEST, _D.LAST_REQUEST), "http.request.nothing-after-end"),
        _Q.ANSWERED: every((_D.REQUEST, _D.LAST_REQUEST), "http.disconnect.after-response"),
        _Q.DISCONNECTED: every((_D.REQUEST, _D.LAST_REQUEST), "http.disconnect.last"),
    },
    when={
        _Q.OPEN: "while the request body is incomplete",
        _Q.READ: "after the end of the request body",
        _Q.ANSWERED: "for a receive() after the end of the response",
        _Q.DISCONNECTED: "after http.disconnect",
    },
    expected={
        "http.disconnect.after-response": "http.disconnect",
        "http.disconnect.last": "nothing but http.disconnect",
        "http.request.nothing-after-end": "no http.request after the last one",
    },
)

HTTP = Protocol(
    name="http",
    application=RESPONSE,
    server=REQUEST,
    sent=(
        Said(events.RESPONSE_START, _S.START, "trailers", _S.START_WITH_TRAILERS, follow=content.start),
        Said(events.RESPONSE_BODY, _S.LAST_BODY, "more_body", _S.BODY, follow=content.body),
        Said(events.DEBUG, _S.DEBUG),
        Said(events.PUSH, _S.PUSH),
        Said(events.EARLY_HINT, _S.HINT),
        Said(events.ZEROCOPYSEND, _S.LAST_ZEROCOPY, "more_body", _S.ZEROCOPY, follow=content.file),
        Said(events.PATHSEND, _S.PATH, follow=content.path),
        Said(events.TRAILERS, _S.LAST_TRAILERS, "more_trailers", _S.TRAILERS, follow=content.trailers),
    ),
    delivered=(
        Said(events.REQUEST, _D.LAST_REQUEST, "more_body", _D.REQUEST),
        Said(events.DISCONNECT, _D.DISCONNECT),
    ),
    heard_by_application={_D.DISCONNECT: _S.CLIENT_GONE},
    asked={
        _R.COMPLETE: _D.ASKED_AFTER_RESPONSE,
        _R.TRAILED: _D.ASKED_AFTER_RESPONSE,
        _R.PATH_SENT: _D.ASKED_AFTER_RESPONSE,
    },
    lost=_S.CLIENT_GONE,
    gone=_R.GONE,
    gone_rule="http.closed.raises",
)
