"""The shape of every message of the three protocols and their extensions, as data.

A sequence in an event belongs in a list, yet the HTTP page asks for any iterable of headers, and tuples are
common there: headers and their pairs may be tuples (or any iterable), elsewhere a tuple is a fault.
"""

import os.path
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from asgi_conformance.protocol.headers import HeaderRules
from asgi_conformance.protocol.problem import NONE, Problem, Problems, show
from asgi_conformance.protocol.shape import (
    Also,
    Key,
    Shape,
    boolean,
    byte_string,
    byte_strings,
    dictionary,
    fits,
    header_pairs,
    integer,
    is_int,
    string,
)
from asgi_conformance.protocol.version import ACCEPT_HEADERS, CLOSE_REASON, DISCONNECT_REASON

# The checks that go beyond a type.


def _close_code(code: int) -> Problems:
    if 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999:
        return NONE
    expected = "a close code that may be sent (1000 to 1003, 1007 to 1014, 3000 to 4999)"
    return [Problem("websocket.close.code-range", expected, show(code))]


def _close_reason(reason: str | None) -> Problems:
    if reason is None:
        return NONE
    try:
        length = len(reason.encode())
    except UnicodeEncodeError:
        return [Problem("websocket.close.reason", "a str that UTF-8 can encode", show(reason))]
    if length <= 123:
        return NONE
    return [Problem("websocket.close.reason-length", "at most 123 bytes of UTF-8", f"{length} bytes")]


def _one_payload(rule: str) -> Also:
    def look(message: Mapping[str, Any]) -> Problems:
        if (message.get("bytes") is None) is not (message.get("text") is None):
            return NONE
        observed = "neither" if message.get("text") is None else "both"
        return [Problem(rule, "either bytes or text", observed)]

    return Also(look, "(content.get('bytes') is None) is (content.get('text') is None)")


def _has_descriptor(file: Any) -> bool:
    if is_int(file):
        return bool(file >= 0)
    try:
        return is_int(file.fileno())
    except (AttributeError, TypeError, OSError, ValueError):
        return False  # no file, one that lives in memory, or one that is closed


def _absolute(path: str) -> Problems:
    if os.path.isabs(path):  # noqa: PTH117 - the specification asks for a string, and nothing is looked up
        return NONE
    return [Problem("http.pathsend.path", "an absolute path", show(path))]


def _str_keys(info: dict[Any, Any]) -> Problems:
    return [
        Problem("http.debug.info", "a dict with str keys", f"the key {show(key)}")
        for key in info
        if not isinstance(key, str)
    ][:1]


def _header_rules(clause: str, forbidden: tuple[tuple[bytes, str], ...] = ()) -> HeaderRules:
    return HeaderRules(f"{clause}.headers", f"{clause}.header-case", f"{clause}.pseudo-headers", forbidden=forbidden)


_SUBPROTOCOL_HEADER = ((b"sec-websocket-protocol", "websocket.accept.sec-websocket-protocol"),)

# HTTP, to the application.

REQUEST = Shape(
    "http.request",
    byte_string("body", "http.request.body"),
    boolean("more_body", "http.request.more-body"),
)
DISCONNECT = Shape("http.disconnect")

# HTTP, from the application.

RESPONSE_START = Shape(
    "http.response.start",
    integer("status", "http.response-start.status", required=True),
    header_pairs("headers", _header_rules("http.response-start")),
    boolean("trailers", "http.response-start.trailers"),
)
RESPONSE_BODY = Shape(
    "http.response.body",
    byte_string("body", "http.response-body.bytes"),
    boolean("more_body", "http.response-body.more-body"),
)
DEBUG = Shape(
    "http.response.debug",
    dictionary("info", "http.debug.info", required=True, look=_str_keys),
)
PUSH = Shape(
    "http.response.push",
    string("path", "http.push.path", required=True),
    header_pairs("headers", _header_rules("http.push"), required=True),
)
EARLY_HINT = Shape(
    "http.response.early_hint",
    Key("links", "http.early-hint.links", "an iterable of byte strings", None, byte_strings, required=True),
)
ZEROCOPYSEND = Shape(
    "http.response.zerocopysend",
    Key("file", "http.zerocopysend.file", "a file with a descriptor", None, _has_descriptor, required=True),
    integer("offset", "http.zerocopysend.offset", look=fits),
    integer("count", "http.zerocopysend.count", look=fits),
    boolean("more_body", "http.zerocopysend.more-body"),
)
PATHSEND = Shape(
    "http.response.pathsend",
    string("path", "http.pathsend.path", required=True, look=_absolute),
)
TRAILERS = Shape(
    "http.response.trailers",
    header_pairs("headers", _header_rules("http.trailers"), required=True),
    boolean("more_trailers", "http.trailers.more-trailers"),
)

# WebSocket, to the application.

CONNECT = Shape("websocket.connect")
RECEIVE = Shape(
    "websocket.receive",
    byte_string("bytes", "websocket.receive.bytes", none=True),
    string("text", "websocket.receive.text", none=True),
    also=[_one_payload("websocket.receive.one-payload")],
)
WEBSOCKET_DISCONNECT = Shape(
    "websocket.disconnect",
    integer("code", "websocket.disconnect.code", required=True, look=fits),
    replace(string("reason", "websocket.disconnect.reason", none=True), since=DISCONNECT_REASON),
)

# WebSocket, from the application.

ACCEPT = Shape(
    "websocket.accept",
    string("subprotocol", "websocket.accept.subprotocol", none=True),
    replace(
        header_pairs("headers", _header_rules("websocket.accept", _SUBPROTOCOL_HEADER)),
        since=ACCEPT_HEADERS,
        early="websocket.accept.headers-version",
    ),
)
SEND = Shape(
    "websocket.send",
    byte_string("bytes", "websocket.send.bytes", none=True),
    string("text", "websocket.send.text", none=True),
    also=[_one_payload("websocket.send.one-payload")],
)
CLOSE = Shape(
    "websocket.close",
    integer("code", "websocket.close.code", look=_close_code),
    replace(
        string("reason", "websocket.close.reason", none=True, look=_close_reason),
        since=CLOSE_REASON,
        early="websocket.close.reason-version",
    ),
)
DENIAL_START = Shape(
    "websocket.http.response.start",
    integer("status", "websocket.denial.status", required=True),
    header_pairs("headers", _header_rules("websocket.denial")),
)
DENIAL_BODY = Shape(
    "websocket.http.response.body",
    byte_string("body", "websocket.denial.bytes"),
    boolean("more_body", "websocket.denial.more-body"),
)

# Lifespan, to the application and from it.

STARTUP = Shape("lifespan.startup")
SHUTDOWN = Shape("lifespan.shutdown")
STARTUP_COMPLETE = Shape("lifespan.startup.complete")
STARTUP_FAILED = Shape("lifespan.startup.failed", string("message", "lifespan.startup.message"))
SHUTDOWN_COMPLETE = Shape("lifespan.shutdown.complete")
SHUTDOWN_FAILED = Shape("lifespan.shutdown.failed", string("message", "lifespan.shutdown.message"))
