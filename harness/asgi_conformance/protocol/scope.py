"""The shapes of the three scopes: what a server has to tell an application."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from asgi_conformance.protocol.headers import HeaderRules
from asgi_conformance.protocol.problem import NONE, Problem, Problems, show
from asgi_conformance.protocol.shape import (
    Also,
    Key,
    Look,
    Shape,
    among,
    byte_string,
    dictionary,
    header_pairs,
    is_int,
    one_of,
    string,
    strings,
)
from asgi_conformance.protocol.tls import tls_problems
from asgi_conformance.protocol.version import KNOWN, readable

EXTENSIONS = frozenset(
    {
        "http.response.debug",
        "http.response.early_hint",
        "http.response.pathsend",
        "http.response.push",
        "http.response.trailers",
        "http.response.zerocopysend",
        "tls",
        "websocket.http.response",
    }
)

# What nearly every scope has, as expressions for the quick look.
_METHODS = among(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_SCHEMES = among(("http", "https", "ws", "wss"))
_VERSIONS = "type(value) is dict and value['version'] == '3.0' and " + among(KNOWN, "value.get('spec_version')")
_ADDRESS = "type(value) is tuple and len(value) == 2 and type(value[0]) is str and type(value[1]) is int"


def _asgi(protocol: str) -> Key:
    rule = f"{protocol}.scope.spec-version"

    def look(asgi: dict[Any, Any]) -> Problems:
        version = asgi.get("version")
        if type(version) is not str and not isinstance(version, str):
            observed = show(version) if "version" in asgi else "no such key"
            return [Problem("scope.asgi.version", "a str as 'version' in 'asgi'", observed)]
        claimed = asgi.get("spec_version", "2.0")
        if (type(claimed) is str and claimed in KNOWN) or readable(claimed):
            return NONE
        return [Problem(rule, "a str such as '2.5' as 'spec_version'", show(claimed))]

    return replace(dictionary("asgi", "scope.asgi.version", required=True, look=look), usual=_VERSIONS)


def _not_empty(rule: str) -> Look:
    def look(scheme: str) -> Problems:
        return NONE if scheme else [Problem(rule, "a scheme that is not empty", "''")]

    return look


def _upper_case(method: str) -> Problems:
    return NONE if method == method.upper() else [Problem("http.scope.method", "capitals", show(method))]


def _address(name: str, rule: str, *, port_may_be_none: bool) -> Key:
    def look(value: Any) -> Problems:
        kind = type(value)
        if (kind is tuple or kind is list) and len(value) == 2:
            host, port = value
            if type(host) is str and type(port) is int:
                return NONE
            if isinstance(host, str) and (is_int(port) or (port_may_be_none and port is None)):
                return NONE
        elif value is None or (isinstance(value, Iterable) and not isinstance(value, Collection)):
            return NONE  # what can be read only once is for the application to read
        elif isinstance(value, Collection) and not isinstance(value, (str, bytes, Mapping)) and len(value) == 2:
            return look(tuple(value))
        return [Problem(rule, f"host and port as {name!r}", show(value))]

    return Key(name, rule, "host and port", None, None, look=look, usual=_ADDRESS)


def _extensions(extensions: dict[Any, Any]) -> Problems:
    found = NONE
    for name, entry in extensions.items():
        if not isinstance(name, str) or not isinstance(entry, dict):
            wrong = Problem("scope.extensions.entry", "a dict under a str", f"{show(name)}: {show(entry)}")
            found = [*found, wrong]
        elif name == "tls":
            found = [*found, *tls_problems(entry)]
    return found


_EXTENSIONS = replace(
    dictionary("extensions", "scope.extensions.dict", look=_extensions), usual="type(value) is dict and not value"
)


def _no_tls_on_plain(scope: Mapping[str, Any]) -> Problems:
    extensions = scope.get("extensions")
    if not extensions or not isinstance(extensions, dict) or "tls" not in extensions:
        return NONE
    # A scheme that is absent counts as the plain one.
    if scope.get("scheme", "http") not in {"http", "ws"}:
        return NONE
    return [Problem("scope.tls.plain", "no tls extension on a plain connection", "one")]


_NO_TLS_ON_PLAIN = Also(_no_tls_on_plain, "'extensions' in content and 'tls' in content['extensions']")


def _empty(state: dict[Any, Any]) -> Problems:
    return [Problem("lifespan.scope.state", "an empty dict", show(state))] if state else NONE


def _connection(protocol: str, *http_versions: str, query_required: bool) -> tuple[Key, ...]:
    """The keys that the scopes of HTTP and WebSocket share, under rules of their own."""
    rule = f"{protocol}.scope"
    header_rules = HeaderRules(f"{rule}.headers", f"{rule}.header-case", f"{rule}.pseudo-headers", None, None)
    return (
        _asgi(protocol),
        one_of("http_version", f"{rule}.http-version", *http_versions, required=protocol == "http"),
        replace(string("scheme", f"{rule}.scheme", look=_not_empty(f"{rule}.scheme")), usual=_SCHEMES),
        string("path", f"{rule}.path", required=True),
        byte_string("raw_path", f"{rule}.raw-path", none=True),
        byte_string("query_string", f"{rule}.query-string", required=query_required, none=not query_required),
        string("root_path", f"{rule}.root-path"),
        header_pairs("headers", header_rules, required=True),
        _address("client", f"{rule}.client", port_may_be_none=False),
        _address("server", f"{rule}.server", port_may_be_none=True),
        dictionary("state", f"{rule}.state"),
        _EXTENSIONS,
    )


# "3" is what servers of HTTP/3 say; the page has no value for it, which is not their fault.
HTTP = Shape(
    "http",
    replace(string("method", "http.scope.method", required=True, look=_upper_case), usual=_METHODS),
    *_connection("http", "1.0", "1.1", "2", "3", query_required=True),
    also=[_NO_TLS_ON_PLAIN],
    plain_extras=False,
)
WEBSOCKET = Shape(
    "websocket",
    Key("subprotocols", "websocket.scope.subprotocols", "an iterable of str", None, strings),
    *_connection("websocket", "1.1", "2", "3", query_required=False),
    also=[_NO_TLS_ON_PLAIN],
    plain_extras=False,
)
LIFESPAN = Shape(
    "lifespan",
    _asgi("lifespan"),
    dictionary("state", "lifespan.scope.state", look=_empty),
    _EXTENSIONS,
    plain_extras=False,
)
