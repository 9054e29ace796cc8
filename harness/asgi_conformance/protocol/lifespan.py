"""The ASGI lifespan as two tables: what each side may say when."""

from enum import StrEnum

from asgi_conformance.protocol import events
from asgi_conformance.protocol.grammar import Protocol, Said
from asgi_conformance.protocol.table import Row, Table, every


class Application(StrEnum):
    """How far the application has got."""

    UNASKED = "unasked"  # lifespan.startup was not received
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"  # lifespan.startup.failed was sent; the call may end in any way
    FAILED_STOPPING = "failed_stopping"  # and lifespan.shutdown was received nevertheless
    HURRIED = "hurried"  # lifespan.shutdown was received while startup was not answered yet
    STOPPING = "stopping"
    STOPPED = "stopped"


class Sent(StrEnum):
    """What an application sends, and what it hears that changes what it may send."""

    STARTUP_COMPLETE = "startup.complete"
    STARTUP_FAILED = "startup.failed"
    SHUTDOWN_COMPLETE = "shutdown.complete"
    SHUTDOWN_FAILED = "shutdown.failed"
    STARTUP = "lifespan.startup"
    SHUTDOWN = "lifespan.shutdown"


class Server(StrEnum):
    """How far the server has got."""

    BEFORE = "before"
    STARTED = "started"  # lifespan.startup was delivered
    STOPPED = "stopped"  # lifespan.shutdown was delivered


class Delivered(StrEnum):
    """What a server delivers."""

    STARTUP = "startup"
    SHUTDOWN = "shutdown"


_A, _S = Application, Sent

_STARTUP_REPLIES = (_S.STARTUP_COMPLETE, _S.STARTUP_FAILED)
_SHUTDOWN_REPLIES = (_S.SHUTDOWN_COMPLETE, _S.SHUTDOWN_FAILED)
_STARTED_ALREADY: Row = every(_STARTUP_REPLIES, "lifespan.startup.answered-once")
_NOT_STOPPING: Row = every(_SHUTDOWN_REPLIES, "lifespan.shutdown.in-answer")

APPLICATION = Table(
    name="Lifespan application",
    initial=_A.UNASKED,
    moves={
        _A.UNASKED: {_S.STARTUP: _A.STARTING, _S.SHUTDOWN: _A.STOPPING},
        _A.STARTING: {
            _S.STARTUP_COMPLETE: _A.RUNNING,
            _S.STARTUP_FAILED: _A.FAILED,
            _S.STARTUP: _A.STARTING,
            _S.SHUTDOWN: _A.HURRIED,
        },
        _A.RUNNING: {_S.STARTUP: _A.RUNNING, _S.SHUTDOWN: _A.STOPPING},
        # The page does not say whether a server still asks for a shutdown. An application may answer if it does.
        _A.FAILED: {
            _S.STARTUP: _A.FAILED,
            _S.SHUTDOWN: _A.FAILED_STOPPING,
        },
        _A.FAILED_STOPPING: {
            **every(_SHUTDOWN_REPLIES, _A.STOPPED),
            _S.STARTUP: _A.FAILED_STOPPING,
            _S.SHUTDOWN: _A.FAILED_STOPPING,
        },
        # Nor does it say what becomes of a startup that is overtaken; either answer will do.
        _A.HURRIED: {
            _S.STARTUP_COMPLETE: _A.STOPPING,
            _S.STARTUP_FAILED: _A.FAILED_STOPPING,
            **every(_SHUTDOWN_REPLIES, _A.STOPPED),
            _S.STARTUP: _A.HURRIED,
            _S.SHUTDOWN: _A.HURRIED,
        },
        _A.STOPPING: {
            **every(_SHUTDOWN_REPLIES, _A.STOPPED),
            _S.STARTUP: _A.STOPPING,
            _S.SHUTDOWN: _A.STOPPING,
        },
        _A.STOPPED: {_S.STARTUP: _A.STOPPED, _S.SHUTDOWN: _A.STOPPED},
    },
    refusals={
        _A.UNASKED: {
            **every(_STARTUP_REPLIES, "lifespan.startup.in-answer"),
            **_NOT_STOPPING,
        },
        _A.STARTING: {**_NOT_STOPPING},
        _A.RUNNING: {**_STARTED_ALREADY, **_NOT_STOPPING},
        _A.FAILED: {**_STARTED_ALREADY, **_NOT_STOPPING},
        _A.FAILED_STOPPING: {**_STARTED_ALREADY},
        _A.STOPPING: {**_STARTED_ALREADY},
        _A.STOPPED: {
            **_STARTED_ALREADY,
            **every(_SHUTDOWN_REPLIES, "lifespan.shutdown.answered-once"),
        },
    },
    when={
        _A.UNASKED: "before lifespan.startup",
        _A.STARTING: "before lifespan.startup was answered",
        _A.RUNNING: "after startup and before lifespan.shutdown",
        _A.FAILED: "after lifespan.startup.failed",
        _A.FAILED_STOPPING: "after lifespan.startup.failed",
        _A.HURRIED: "before lifespan.startup was answered",
        _A.STOPPING: "before lifespan.shutdown was answered",
        _A.STOPPED: "after lifespan.shutdown was answered",
    },
    expected={
        "lifespan.call.refused": "an exception from an application that has no lifespan",
        "lifespan.call.stays": "a call that lasts until lifespan.shutdown",
        "lifespan.shutdown.answered": "lifespan.shutdown.complete or lifespan.shutdown.failed",
        "lifespan.shutdown.answered-once": "one answer to lifespan.shutdown",
        "lifespan.shutdown.in-answer": "an answer to lifespan.shutdown once it was received",
        "lifespan.startup.answered": "lifespan.startup.complete or lifespan.startup.failed",
        "lifespan.startup.answered-once": "one answer to lifespan.startup",
        "lifespan.startup.in-answer": "an answer to lifespan.startup once it was received",
    },
    endings={
        _A.UNASKED: "lifespan.call.refused",
        _A.STARTING: "lifespan.startup.answered",
        _A.RUNNING: "lifespan.call.stays",
        _A.HURRIED: "lifespan.startup.answered",
        _A.STOPPING: "lifespan.shutdown.answered",
    },
)

_V, _D = Server, Delivered

SERVER = Table(
    name="Lifespan server",
    initial=_V.BEFORE,
    moves={
        _V.BEFORE: {_D.STARTUP: _V.STARTED},
        _V.STARTED: {_D.SHUTDOWN: _V.STOPPED},
        _V.STOPPED: {},
    },
    refusals={
        _V.BEFORE: {_D.SHUTDOWN: "lifespan.startup.first"},
        _V.STARTED: {_D.STARTUP: "lifespan.startup.once"},
        _V.STOPPED: {_D.STARTUP: "lifespan.startup.once", _D.SHUTDOWN: "lifespan.shutdown.once"},
    },
    when={
        _V.BEFORE: "before lifespan.startup",
        _V.STARTED: "after lifespan.startup",
        _V.STOPPED: "after lifespan.shutdown",
    },
    expected={
        "lifespan.shutdown.once": "one lifespan.shutdown",
        "lifespan.startup.first": "lifespan.startup before lifespan.shutdown",
        "lifespan.startup.once": "one lifespan.startup",
    },
)

LIFESPAN = Protocol(
    name="lifespan",
    application=APPLICATION,
    server=SERVER,
    sent=(
        Said(events.STARTUP_COMPLETE, _S.STARTUP_COMPLETE),
        Said(events.STARTUP_FAILED, _S.STARTUP_FAILED),
        Said(events.SHUTDOWN_COMPLETE, _S.SHUTDOWN_COMPLETE),
        Said(events.SHUTDOWN_FAILED, _S.SHUTDOWN_FAILED),
    ),
    delivered=(Said(events.STARTUP, _D.STARTUP), Said(events.SHUTDOWN, _D.SHUTDOWN)),
    heard_by_application={_D.STARTUP: _S.STARTUP, _D.SHUTDOWN: _S.SHUTDOWN},
)
