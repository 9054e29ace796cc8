"""Rules of the extensions of an HTTP response."""

from asgi_conformance.lint.rule import Party, rule
from asgi_conformance.spec import ASGI_EXTENSIONS

APPLICATION = Party.APPLICATION

_DEBUG = ASGI_EXTENSIONS["debug"]
_PUSH = ASGI_EXTENSIONS["http-2-server-push"]
_HINTS = ASGI_EXTENSIONS["early-hints"]
_ZEROCOPY = ASGI_EXTENSIONS["zero-copy-send"]
_PATH = ASGI_EXTENSIONS["path-send"]
_TRAILERS = ASGI_EXTENSIONS["http-trailers"]

RULES = (
    rule(
        "http.debug.before-start",
        "MUST",
        "E25",
        APPLICATION,
        _DEBUG,
        "Debug information must be sent before the response start.",
    ),
    rule("http.debug.once", "MUST", "E25", APPLICATION, _DEBUG, "Debug information must be sent once."),
    rule("http.debug.info", "MUST", "E25", APPLICATION, _DEBUG, "`info` must be a dict with str keys."),
    rule(
        "http.push.order",
        "MUST*",
        "E5",
        APPLICATION,
        _PUSH,
        "A push lies between the response start and the last body.",
    ),
    rule("http.push.path", "MUST*", "E6a", APPLICATION, _PUSH, "The `path` of a push is a str."),
    rule(
        "http.push.headers",
        "MUST*",
        "M32",
        APPLICATION,
        _PUSH,
        "The `headers` of a push are an iterable of pairs of byte strings.",
    ),
    rule(
        "http.push.header-case",
        "MUST",
        "E6b",
        APPLICATION,
        _PUSH,
        "The names of the headers of a push must be in lower case.",
    ),
    rule("http.push.pseudo-headers", "MUST", "E6c", APPLICATION, _PUSH, "A push must not have pseudo headers."),
    rule(
        "http.early-hint.order",
        "MUST*",
        "E18a",
        APPLICATION,
        _HINTS,
        "An early hint lies between the response start and the last body.",
    ),
    rule("http.early-hint.links", "MUST*", "E18b", APPLICATION, _HINTS, "`links` is an iterable of byte strings."),
    rule(
        "http.zerocopysend.order",
        "MUST*",
        "E10",
        APPLICATION,
        _ZEROCOPY,
        "A zero-copy send lies between the response start and the last body.",
    ),
    rule(
        "http.zerocopysend.file",
        "MUST*",
        "E11",
        APPLICATION,
        _ZEROCOPY,
        "`file` has a descriptor of the operating system; one that lives in memory has none.",
    ),
    rule("http.zerocopysend.offset", "MUST*", "E11", APPLICATION, _ZEROCOPY, "`offset` is an int."),
    rule("http.zerocopysend.count", "MUST*", "E11", APPLICATION, _ZEROCOPY, "`count` is an int."),
    rule("http.zerocopysend.more-body", "MUST*", "E11", APPLICATION, _ZEROCOPY, "`more_body` is a bool."),
    rule(
        "http.pathsend.after-start",
        "MUST*",
        "E14a",
        APPLICATION,
        _PATH,
        "A path is sent after the response start.",
    ),
    rule("http.pathsend.once", "MUST*", "E14a", APPLICATION, _PATH, "A path is sent once in a response."),
    rule(
        "http.pathsend.alone",
        "MUST*",
        "E14b",
        APPLICATION,
        _PATH,
        "A response that sends a path sends no body message.",
    ),
    rule("http.pathsend.path", "MUST*", "E15", APPLICATION, _PATH, "The `path` is a str with an absolute path."),
    rule(
        "http.pathsend.content-headers",
        "MUST*",
        "E16",
        APPLICATION,
        _PATH,
        "The application sets the content headers of the file itself.",
    ),
    rule(
        "http.trailers.announced",
        "MUST",
        "E20a",
        APPLICATION,
        _TRAILERS,
        "Trailers must be announced by `trailers` in the response start.",
    ),
    rule(
        "http.trailers.after-body",
        "MUST*",
        "E20b",
        APPLICATION,
        _TRAILERS,
        "Trailers come after the body message that has `more_body` false.",
    ),
    rule(
        "http.trailers.sent",
        "MUST*",
        "E23",
        APPLICATION,
        _TRAILERS,
        "Trailers that were announced are sent, up to one with `more_trailers` false; the client waits for it.",
    ),
    rule(
        "http.trailers.nothing-after-end",
        "MUST*",
        "E23",
        APPLICATION,
        _TRAILERS,
        "No trailers follow those whose `more_trailers` is false.",
    ),
    rule(
        "http.trailers.names",
        "MUST*",
        "E21",
        APPLICATION,
        _TRAILERS,
        "A `trailer` header of the response names every trailer.",
    ),
    rule(
        "http.trailers.headers",
        "MUST*",
        "M32",
        APPLICATION,
        _TRAILERS,
        "The `headers` of trailers are an iterable of pairs of byte strings.",
    ),
    rule(
        "http.trailers.header-case",
        "MUST",
        "E22a",
        APPLICATION,
        _TRAILERS,
        "The names of trailers must be in lower case.",
    ),
    rule(
        "http.trailers.pseudo-headers",
        "MUST",
        "E22b",
        APPLICATION,
        _TRAILERS,
        "Trailers must not have pseudo headers.",
    ),
    rule("http.trailers.more-trailers", "MUST*", "E23", APPLICATION, _TRAILERS, "`more_trailers` is a bool."),
)
