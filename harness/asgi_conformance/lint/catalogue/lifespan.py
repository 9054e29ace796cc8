"""Rules of the lifespan."""

from asgi_conformance.lint.rule import Party, rule
from asgi_conformance.spec import ASGI, ASGI_LIFESPAN

APPLICATION, SERVER = Party.APPLICATION, Party.SERVER

_SCOPE = ASGI_LIFESPAN["scope"]
_STARTUP = ASGI_LIFESPAN["startup-receive-event"]
_COMPLETE = ASGI_LIFESPAN["startup-complete-send-event"]
_FAILED = ASGI_LIFESPAN["startup-failed-send-event"]
_SHUTDOWN = ASGI_LIFESPAN["shutdown-receive-event"]
_STOPPED = ASGI_LIFESPAN["shutdown-complete-send-event"]

RULES = (
    rule(
        "lifespan.scope.spec-version",
        "MUST*",
        "L5",
        SERVER,
        _SCOPE,
        "`asgi.spec_version` is a str that names a version of the protocol.",
    ),
    rule("lifespan.scope.state", "MUST*", "L6", SERVER, _SCOPE, "`state` is a dict, and empty at the start."),
    rule("lifespan.startup.first", "MUST*", "L13", SERVER, _STARTUP, "lifespan.startup precedes lifespan.shutdown."),
    rule("lifespan.startup.once", "MUST*", "L13", SERVER, _STARTUP, "lifespan.startup is delivered once."),
    rule("lifespan.shutdown.once", "MUST*", "L16", SERVER, _SHUTDOWN, "lifespan.shutdown is delivered once."),
    rule(
        "lifespan.startup.in-answer",
        "MUST*",
        "L22",
        APPLICATION,
        _COMPLETE,
        "Startup is answered once lifespan.startup was received, not before.",
    ),
    rule("lifespan.startup.answered-once", "MUST*", "L20", APPLICATION, _COMPLETE, "Startup is answered once."),
    rule(
        "lifespan.startup.answered",
        "MUST*",
        "L20",
        APPLICATION,
        _COMPLETE,
        "An application that returns has answered lifespan.startup; the server waits for it.",
    ),
    rule("lifespan.startup.message", "MUST*", "L15", APPLICATION, _FAILED, "`message` is a str."),
    rule(
        "lifespan.shutdown.in-answer",
        "MUST*",
        "L22",
        APPLICATION,
        _STOPPED,
        "Shutdown is answered once lifespan.shutdown was received, not before.",
    ),
    rule("lifespan.shutdown.answered-once", "MUST*", "L21", APPLICATION, _STOPPED, "Shutdown is answered once."),
    rule(
        "lifespan.shutdown.answered",
        "MUST*",
        "L21",
        APPLICATION,
        _STOPPED,
        "An application that returns has answered lifespan.shutdown; the server waits for it.",
    ),
    rule(
        "lifespan.shutdown.message",
        "MUST*",
        "L19",
        APPLICATION,
        ASGI_LIFESPAN["shutdown-failed-send-event"],
        "`message` is a str.",
    ),
    rule(
        "lifespan.call.stays",
        "MUST*",
        "L4",
        APPLICATION,
        _SCOPE,
        "An application that takes part in the lifespan does not return before shutdown.",
    ),
    rule(
        "lifespan.call.refused",
        "SHOULD",
        "M15",
        APPLICATION,
        ASGI["protocol-specifications"],
        "An application without a lifespan should raise an exception; if it just returns, a server may wait for it.",
    ),
)
