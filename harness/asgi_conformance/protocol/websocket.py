"""The ASGI WebSocket connection as two tables: what each side may say when."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from asgi_conformance.protocol import events
from asgi_conformance.protocol.content import Memory
from asgi_conformance.protocol.grammar import Protocol, Said
from asgi_conformance.protocol.problem import NONE, Problem, Problems, show
from asgi_conformance.protocol.table import Row, Table, every
from asgi_conformance.protocol.version import SEND_RAISES


class Application(StrEnum):
    """How far the application has got."""

    UNASKED = "unasked"  # websocket.connect was not received
    ASKED = "asked"  # it was received, and is not answered
    ACCEPTED = "accepted"
    CLOSED = "closed"  # by the application, before or after an accept
    DENYING = "denying"  # an HTTP response was started instead
    DENIED = "denied"
    GONE = "gone"  # websocket.disconnect was received
    LOST = "lost"  # send() raised; the application may not know why


class Sent(StrEnum):
    """What an application sends, and what it hears that changes what it may send."""

    ACCEPT = "accept"
    SEND = "send"
    CLOSE = "close"
    DENIAL_START = "http.response.start"
    DENIAL_BODY = "http.response.body, more"
    DENIAL_LAST_BODY = "http.response.body"
    CONNECT = "websocket.connect"
    MESSAGE = "websocket.receive"
    DISCONNECT = "websocket.disconnect"
    LOST = "send() raises"


class Server(StrEnum):
    """How far the server has got."""

    HANDSHAKE = "handshake"  # nothing was delivered
    PENDING = "pending"  # websocket.connect was delivered, and is not answered
    ACCEPTED_UNASKED = "accepted_unasked"  # the application did not wait for websocket.connect
    OPEN = "open"  # even when the application has closed: messages may still be on their way
    REFUSED = "refused"  # closed or denied without an accept
    REFUSED_UNASKED = "refused_unasked"  # by an application that did not wait
    DISCONNECTED = "disconnected"


class Delivered(StrEnum):
    """What a server delivers, and what the application sends that changes what comes next."""

    CONNECT = "connect"
    RECEIVE = "receive"
    DISCONNECT = "disconnect"
    ACCEPTED = "websocket.accept"
    CLOSED = "websocket.close"
    DENIED = "websocket.http.response.start"


_A, _S = Application, Sent

_WORD = (_S.CONNECT, _S.MESSAGE)
_END: Row = {_S.DISCONNECT: _A.GONE, _S.LOST: _A.LOST}
_DENIAL_FIRST: Row = every((_S.DENIAL_BODY, _S.DENIAL_LAST_BODY), "websocket.denial.start-first")
_DENIALS = (_S.DENIAL_START, _S.DENIAL_BODY, _S.DENIAL_LAST_BODY)
_NOTHING_ELSE: Row = every((_S.ACCEPT, _S.SEND, _S.CLOSE), "websocket.denial.nothing-else")

APPLICATION = Table(
    name="WebSocket application",
    initial=_A.UNASKED,
    moves={
        _A.UNASKED: {
            **every(_WORD, _A.ASKED),
            _S.ACCEPT: _A.ACCEPTED,
            # Refusing without a look at websocket.connect is what routers and guards do, and no server minds.
            _S.CLOSE: _A.CLOSED,
            _S.DENIAL_START: _A.DENYING,
            **_END,
        },
        _A.ASKED: {
            **every(_WORD, _A.ASKED),
            _S.ACCEPT: _A.ACCEPTED,
            _S.CLOSE: _A.CLOSED,
            _S.DENIAL_START: _A.DENYING,
            **_END,
        },
        _A.ACCEPTED: {**every(_WORD, _A.ACCEPTED), _S.SEND: _A.ACCEPTED, _S.CLOSE: _A.CLOSED, **_END},
        _A.CLOSED: every((*_WORD, _S.DISCONNECT, _S.LOST), _A.CLOSED),
        _A.DENYING: {
            **every(_WORD, _A.DENYING),
            _S.DENIAL_BODY: _A.DENYING,
            _S.DENIAL_LAST_BODY: _A.DENIED,
            **_END,
        },
        _A.DENIED: every((*_WORD, _S.DISCONNECT, _S.LOST), _A.DENIED),
        _A.GONE: {**every(Sent, _A.GONE), _S.LOST: _A.LOST},
        _A.LOST: every(Sent, _A.LOST),
    },
    refusals={
        _A.UNASKED: {
            _S.ACCEPT: "websocket.accept.after-connect",
            _S.DENIAL_START: "websocket.denial.after-connect",
            _S.SEND: "websocket.send.after-accept",
            **_DENIAL_FIRST,
        },
        _A.ASKED: {_S.SEND: "websocket.send.after-accept", **_DENIAL_FIRST},
        _A.ACCEPTED: {
            _S.ACCEPT: "websocket.accept.once",
            **every(_DENIALS, "websocket.denial.before-accept"),
        },
        _A.CLOSED: every((_S.ACCEPT, _S.SEND, _S.CLOSE, *_DENIALS), "websocket.close.last"),
        _A.DENYING: {**_NOTHING_ELSE, _S.DENIAL_START: "websocket.denial.once"},
        _A.DENIED: {**_NOTHING_ELSE, **every(_DENIALS, "websocket.denial.nothing-after-end")},
        _A.GONE: every((_S.ACCEPT, _S.SEND, _S.CLOSE), "websocket.send.after-disconnect"),
    },
    when={
        _A.UNASKED: "before websocket.connect",
        _A.ASKED: "before websocket.connect was answered",
        _A.ACCEPTED: "on an accepted connection",
        _A.CLOSED: "after websocket.close",
        _A.DENYING: "in the middle of a denial response",
        _A.DENIED: "after a denial response",
        _A.GONE: "after websocket.disconnect",
        _A.LOST: "after send() had raised",
    },
    expected={
        "websocket.accept.after-connect": "an accept that answers websocket.connect",
        "websocket.accept.once": "one accept",
        "websocket.call.answered": "an accept or a close",
        "websocket.call.closed": "a close by the application, or a disconnect that it has seen",
        "websocket.close.last": "nothing after websocket.close",
        "websocket.denial.after-connect": "a denial response that answers websocket.connect",
        "websocket.denial.before-accept": "no denial response once the connection is accepted",
        "websocket.denial.finished": "a last body message of the denial response",
        "websocket.denial.nothing-after-end": "nothing after the end of the denial response",
        "websocket.denial.nothing-else": "no other websocket message once a denial response has begun",
        "websocket.denial.once": "one start of a denial response",
        "websocket.denial.start-first": "the start of a denial response before its body",
        "websocket.send.after-accept": "an accept before the first message",
        "websocket.send.after-disconnect": "nothing after websocket.disconnect",
    },
    endings={
        _A.UNASKED: "websocket.call.answered",
        _A.ASKED: "websocket.call.answered",
        _A.ACCEPTED: "websocket.call.closed",
        _A.DENYING: "websocket.denial.finished",
    },
    needs=every(_DENIALS, "websocket.http.response"),
    since={"websocket.send.after-disconnect": SEND_RAISES},
)

_V, _D = Server, Delivered

_ANSWERS = (_D.ACCEPTED, _D.CLOSED, _D.DENIED)


def _whatever_is_answered(state: Server) -> Row:
    """The row of a state that no further word of the application changes, up to the disconnect."""
    return {_D.DISCONNECT: _V.DISCONNECTED, **every(_ANSWERS, state)}


SERVER = Table(
    name="WebSocket server",
    initial=_V.HANDSHAKE,
    moves={
        _V.HANDSHAKE: {
            _D.CONNECT: _V.PENDING,
            _D.DISCONNECT: _V.DISCONNECTED,
            _D.ACCEPTED: _V.ACCEPTED_UNASKED,
            _D.CLOSED: _V.REFUSED_UNASKED,
            _D.DENIED: _V.REFUSED_UNASKED,
        },
        _V.PENDING: {
            _D.DISCONNECT: _V.DISCONNECTED,
            _D.ACCEPTED: _V.OPEN,
            _D.CLOSED: _V.REFUSED,
            _D.DENIED: _V.REFUSED,
        },
        _V.ACCEPTED_UNASKED: {_D.CONNECT: _V.OPEN, **_whatever_is_answered(_V.ACCEPTED_UNASKED)},
        _V.OPEN: {_D.RECEIVE: _V.OPEN, **_whatever_is_answered(_V.OPEN)},
        _V.REFUSED: _whatever_is_answered(_V.REFUSED),
        _V.REFUSED_UNASKED: {_D.CONNECT: _V.REFUSED, **_whatever_is_answered(_V.REFUSED_UNASKED)},
        _V.DISCONNECTED: _whatever_is_answered(_V.DISCONNECTED),
    },
    refusals={
        _V.HANDSHAKE: {_D.RECEIVE: "websocket.connect.first"},
        _V.PENDING: {_D.CONNECT: "websocket.connect.once", _D.RECEIVE: "websocket.receive.after-accept"},
        _V.ACCEPTED_UNASKED: {_D.RECEIVE: "websocket.connect.first"},
        _V.OPEN: {_D.CONNECT: "websocket.connect.once"},
        _V.REFUSED: {_D.CONNECT: "websocket.connect.once", _D.RECEIVE: "websocket.receive.after-accept"},
        _V.REFUSED_UNASKED: {_D.RECEIVE: "websocket.connect.first"},
        _V.DISCONNECTED: every((_D.CONNECT, _D.RECEIVE), "websocket.disconnect.last"),
    },
    when={
        _V.HANDSHAKE: "before websocket.connect",
        _V.PENDING: "before websocket.connect was answered",
        _V.ACCEPTED_UNASKED: "before websocket.connect",
        _V.OPEN: "on an accepted connection",
        _V.REFUSED: "on a refused connection",
        _V.REFUSED_UNASKED: "before websocket.connect",
        _V.DISCONNECTED: "after websocket.disconnect",
    },
    expected={
        "websocket.connect.first": "websocket.connect as the first message",
        "websocket.connect.once": "one websocket.connect",
        "websocket.disconnect.last": "nothing but websocket.disconnect",
        "websocket.receive.after-accept": "no message before the application has accepted",
    },
)


def _offered(memory: Memory, message: Mapping[str, Any]) -> Problems:
    """What is wrong with an accept in the light of the subprotocols that the client offered."""
    picked = message.get("subprotocol")
    offered = memory.scope.get("subprotocols", ())
    # An offer that can be read only once is for the application to read.
    if picked is None or not isinstance(offered, Collection) or picked in offered:
        return NONE
    expected = f"one of the offered subprotocols ({', '.join(map(str, offered)) or 'none'})"
    return [Problem("websocket.accept.subprotocol-offered", expected, show(picked))]


WEBSOCKET = Protocol(
    name="websocket",
    application=APPLICATION,
    server=SERVER,
    sent=(
        Said(events.ACCEPT, _S.ACCEPT, follow=_offered),
        Said(events.SEND, _S.SEND),
        Said(events.CLOSE, _S.CLOSE),
        Said(events.DENIAL_START, _S.DENIAL_START),
        Said(events.DENIAL_BODY, _S.DENIAL_LAST_BODY, "more_body", _S.DENIAL_BODY),
    ),
    delivered=(
        Said(events.CONNECT, _D.CONNECT),
        Said(events.RECEIVE, _D.RECEIVE),
        Said(events.WEBSOCKET_DISCONNECT, _D.DISCONNECT),
    ),
    heard_by_application={_D.CONNECT: _S.CONNECT, _D.RECEIVE: _S.MESSAGE, _D.DISCONNECT: _S.DISCONNECT},
    heard_by_server={_S.ACCEPT: _D.ACCEPTED, _S.CLOSE: _D.CLOSED, _S.DENIAL_START: _D.DENIED},
    lost=_S.LOST,
    gone=_A.GONE,
    gone_rule="websocket.closed.raises",
)
