"""Server: the scope of an HTTP request."""

from collections.abc import Iterable
from typing import Any

from asgi_conformance import MUST, SHOULD, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.base import Request
from asgi_conformance.drivers.server import ServerOptions
from asgi_conformance.judging import require
from asgi_conformance.protocol.problem import show
from asgi_conformance.protocol.scope import HTTP, WEBSOCKET
from asgi_conformance.spec import ASGI, ASGI_EXTENSIONS, ASGI_HTTP, ASGI_LIFESPAN, ASGI_TLS, ASGI_WEBSOCKET, RFC_9112

from .script import NEEDS, OK, PROMPTLY, Record, Step, life, new_name, play, record

CONNECTION = ASGI_HTTP["http-connection-scope"]
TARGET = "/a%20b%2Fc/%E2%9C%93?x=%20y&z=1+2"
HEADERS = (
    (b"X-Mixed-Case", b"V1"),
    (b"x-dup", b"1"),
    (b"X-Dup", b"2"),
    (b"x-padded", b"  in blanks  "),
    (b"x-empty", b""),
)


# A lifespan that puts a list into its state.
STATE: tuple[Step, ...] = (
    ("receive",),
    ("state-set", "list", []),
    ("state-tell",),
    ("send", {"type": "lifespan.startup.complete"}),
    ("receive",),
    ("send", {"type": "lifespan.shutdown.complete"}),
)


async def _called(probe: Probe, **request: Any) -> Record:
    """The record of a call for an ordinary request."""
    return await (await play(probe, *OK, **({"target": TARGET, "headers": HEADERS} | request))).record()


async def _shape(probe: Probe, rules: Iterable[str]) -> None:
    """Judge the scope by these rules of the protocol's table."""
    require(HTTP.problems((await _called(probe)).scope), *rules)


def _equal(scope: dict[str, Any], key: str, expected: object) -> None:
    if scope.get(key) != expected:
        observed = show(scope[key]) if key in scope else "no such key"
        raise Violation(expected=f"{key!r} {expected!r}", observed=observed)


@check("server.scope.dict", level=MUST, clause=ASGI["applications"], needs=NEEDS)
async def test_scope_is_a_dict_of_a_known_type(probe: Probe) -> None:
    """The scope of an HTTP request must be a dict with text as keys, whose `type` is "http"."""
    kind, scope = (await _called(probe)).all("call")[0]
    if kind != "dict":
        raise Violation(expected="a dict", observed=f"an object of type {kind}")
    require(HTTP.problems(scope), "scope.mapping.keys", "scope.type.present")
    _equal(scope, "type", "http")


@check("server.scope.versions", level=MUST, clause=ASGI["applications"], needs=NEEDS)
async def test_scope_tells_versions(probe: Probe) -> None:
    """The scope must have `asgi`, a dict with the `version` as text, and a `spec_version` that exists, if any.

    Applications and middleware choose by it what they may send.
    """
    await _shape(probe, ("scope.asgi.version", "http.scope.spec-version"))


@check("server.scope.http-version", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_http_version_is_that_of_the_request(probe: Probe) -> None:
    """The scope's `http_version` must be that of the request: "1.0" or "1.1" (or "2")."""
    await _shape(probe, ("http.scope.http-version",))
    for version in ("1.0", "1.1"):
        _equal((await _called(probe, version=version)).scope, "http_version", version)


@check("server.scope.method", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_method_is_upper_case_text(probe: Probe) -> None:
    """The scope's `method` must be that of the request, as text in upper case.

    A method that came in lower case is refused, or told in upper case.
    """
    for method in ("GET", "DELETE", "PROPFIND"):
        scope = (await _called(probe, method=method)).scope
        require(HTTP.problems(scope), "http.scope.method")
        _equal(scope, "method", method)
    played = await play(probe, *OK, method="get")
    if 400 <= (await played.response()).status < 500:
        return
    _equal((await played.record()).scope, "method", "GET")


@check("server.scope.scheme", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_scheme_is_that_of_the_connection(probe: Probe) -> None:
    """The scope's `scheme` must not be empty, and be "http" on a plain connection, if it is there."""
    scope = (await _called(probe)).scope
    require(HTTP.problems(scope), "http.scope.scheme")
    if "scheme" in scope:
        _equal(scope, "scheme", "http")


@check("server.scope.path", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_path_is_decoded(probe: Probe) -> None:
    """The scope's `path` must be the path of the request: percent-decoded, then decoded as UTF-8, without the query.

    It is the same for a request in absolute form, which a proxy may send.
    """
    scope = (await _called(probe)).scope
    require(HTTP.problems(scope), "http.scope.path")
    _equal(scope, "path", "/a b/c/✓")
    _equal((await _called(probe, target="http://127.0.0.1/abs/p%20q?x=1")).scope, "path", "/abs/p q")


@check("server.scope.raw-path", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_raw_path_is_what_was_sent(probe: Probe) -> None:
    """The scope's `raw_path` must be the bytes of the path as they came, without the query, if it is there."""
    scope = (await _called(probe)).scope
    require(HTTP.problems(scope), "http.scope.raw-path")
    if scope.get("raw_path") is None:
        raise NotApplicable("a scope with raw_path")
    _equal(scope, "raw_path", b"/a%20b%2Fc/%E2%9C%93")


@check("server.scope.query-string", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_query_string_is_what_was_sent(probe: Probe) -> None:
    """The scope's `query_string` must be the bytes behind the question mark, still percent-encoded."""
    scope = (await _called(probe)).scope
    require(HTTP.problems(scope), "http.scope.query-string")
    _equal(scope, "query_string", b"x=%20y&z=1+2")
    _equal((await _called(probe, target="/x")).scope, "query_string", b"")


@check("server.scope.headers-bytes", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_headers_are_pairs_of_bytes(probe: Probe) -> None:
    """The scope's `headers` must be pairs of byte strings, with the values as they came.

    Text would have been decoded by a guess; a header says nothing about its encoding.
    """
    scope = (await _called(probe, headers=(*HEADERS, (b"x-latin", b"caf\xe9")))).scope
    require(HTTP.problems(scope), "http.scope.headers")
    found = {name.lower(): value for name, value in scope["headers"]}
    for name, value in ((b"x-mixed-case", b"V1"), (b"x-empty", b""), (b"x-latin", b"caf\xe9")):
        if found.get(name) != value:
            raise Violation(expected=f"{show(name)}: {show(value)}", observed=show(found.get(name)))


@check("server.scope.header-blanks", level=MUST, clause=RFC_9112["section-5"], needs=NEEDS)
async def test_blanks_around_a_value_are_no_part_of_it(probe: Probe) -> None:
    """Blanks before and after a header's value must not be part of the value in the scope.

    A comparison with a token or a media type fails because of them.
    """
    scope = (await _called(probe)).scope
    found = [value for name, value in scope["headers"] if name.lower() == b"x-padded"]
    if found != [b"in blanks"]:
        raise Violation(expected="b'in blanks'", observed=show(found[0]) if found else "no such header")


@check("server.scope.headers-order", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_repeated_headers_stay_in_order(probe: Probe) -> None:
    """A header that was sent several times must be there as often, with its values in the order in which they came."""
    scope = (await _called(probe)).scope
    values = [value for name, value in scope["headers"] if name.lower() == b"x-dup"]
    if values != [b"1", b"2"]:
        raise Violation(expected="x-dup twice: 1, then 2", observed=show(values))


@check("server.scope.header-case", level=SHOULD, clause=CONNECTION, needs=NEEDS)
async def test_header_names_are_lower_case(probe: Probe) -> None:
    """The names of the headers in the scope should be in lower case.

    The page calls it optional, and asks for the original case as well; applications look for lower case.
    """
    await _shape(probe, ("http.scope.header-case",))


@check("server.scope.pseudo-headers", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_pseudo_headers_are_left_out(probe: Probe) -> None:
    """The headers of the scope must not have names that begin with a colon.

    They belong to HTTP/2 and HTTP/3, and what they say has keys of its own in the scope.
    """
    await _shape(probe, ("http.scope.pseudo-headers",))


@check("server.scope.addresses", level=MUST, clause=CONNECTION, needs=NEEDS)
async def test_addresses_are_those_of_the_connection(probe: Probe) -> None:
    """The scope's `client` and `server` must be host and port of the two ends of the connection, if they are there.

    The host is text and the port an integer; a unix socket's path has None in place of the port.
    """
    played = await play(probe, *OK)
    scope = (await played.record()).scope
    require(HTTP.problems(scope), "http.scope.client", "http.scope.server")
    ends = {"client": ("127.0.0.1", played.connection.port), "server": played.server.process.address}
    for key, address in ends.items():
        if scope.get(key) is not None and tuple(scope[key]) != address:
            raise Violation(expected=f"{key!r} {address!r}", observed=show(scope[key]))


@check("server.scope.extensions", level=MUST, clause=ASGI["extensions"], needs=NEEDS)
async def test_extensions_are_dicts(probe: Probe) -> None:
    """The scope's `extensions` must be a dict, if it is there, and each entry a dict under a text."""
    await _shape(probe, ("scope.extensions.dict", "scope.extensions.entry"))


@check("server.scope.no-tls-on-plain", level=MUST, clause=ASGI_TLS["when-to-use-this-extension"], needs=NEEDS)
async def test_plain_connection_has_no_tls_extension(probe: Probe) -> None:
    """On a plain connection the scope must not have the `tls` extension."""
    extensions = (await _called(probe)).scope.get("extensions") or {}
    if "tls" in extensions:
        raise Violation(expected="no tls extension on a plain connection", observed=show(extensions["tls"]))


@check("server.scope.no-debug", level=SHOULD, clause=ASGI_EXTENSIONS["debug"], needs=NEEDS)
async def test_debug_is_not_offered(probe: Probe) -> None:
    """A server for production should not offer the debug extension."""
    extensions = (await _called(probe)).scope.get("extensions") or {}
    if "http.response.debug" in extensions:
        raise Violation(expected="no debug extension", observed="http.response.debug")


@check("server.scope.root-path", level=MUST, clause=ASGI_HTTP["wsgi-compatibility"], needs={*NEEDS, "process"})
async def test_root_path_is_told_and_not_doubled(probe: Probe) -> None:
    """The scope's `root_path` must be the mount point; of a path that has it in front, nothing must change.

    Which of two proxies stands before it, one that keeps the prefix or one that takes it off, a server cannot know.
    Here it is kept: `path` and `raw_path` are what was sent.
    """
    await probe.start()
    _equal({"root_path": "", **(await _called(probe)).scope}, "root_path", "")
    async with life(probe, options=ServerOptions(root_path="/api")) as mounted:
        played = await play(probe, *OK, server=mounted.server, target="/api/x")
        scope = (await played.record()).scope
    _equal(scope, "root_path", "/api")
    _equal(scope, "path", "/api/x")
    if scope.get("raw_path") is not None:
        _equal(scope, "raw_path", b"/api/x")


@check("server.scope.state-copied", level=MUST, clause=ASGI_LIFESPAN["lifespan-state"], needs={*NEEDS, "process"})
async def test_state_is_a_shallow_copy(probe: Probe) -> None:
    """Each request must get a copy of the lifespan's state: new keys stay with the request, objects are shared.

    Where the lifespan scope has no `state`, the server does not offer it.
    """
    async with life(probe, *STATE) as own:
        if "state" not in own.printed.scope:
            raise NotApplicable("a lifespan scope with state")
        asked: tuple[Step, ...] = (("state-append", "list", 1), ("state-set", "own", 1), ("state-tell",))
        first = (await (await play(probe, *asked, *OK, server=own.server)).record()).all("state")[0]
        second = (await (await play(probe, ("state-tell",), *OK, server=own.server)).record()).all("state")[0]
        namespace = own.printed.all("state")[0]
    if not isinstance(first[1], dict) or not isinstance(second[1], dict):
        raise Violation(expected="'state' in the scope of a request", observed="none")
    if namespace[0] in {first[0], second[0]}:
        raise Violation(expected="a copy of the state", observed="the namespace of the lifespan itself")
    if "own" in second[1]:
        raise Violation(expected="a key that stays with its request", observed="the same key in another request")
    if second[2].get("list") != namespace[2]["list"] or second[1].get("list") != [1]:
        raise Violation(expected="the objects of the lifespan's state", observed=show(second[1].get("list")))


@check(
    "server.scope.websocket", level=MUST, clause=ASGI_WEBSOCKET["websocket-connection-scope"], needs={*NEEDS, "process"}
)
async def test_websocket_scope_has_its_shape(probe: Probe) -> None:
    """The scope of a websocket must have the keys and types of its page, and a copy of the lifespan's state."""
    accept: tuple[Step, ...] = (("state-tell",), ("receive",), ("send", {"type": "websocket.accept"}))
    async with life(probe, *STATE) as own:
        called = new_name()
        request = Request(
            headers=((b"x-id", called.encode()), (b"x-script", ascii(accept).encode())), subprotocols=("one", "two")
        )
        socket = await own.server.websocket(request)
        await socket.opened(PROMPTLY)
        told = await record(probe, own.server, called)
        printed = own.printed
    problems = WEBSOCKET.problems(told.scope)
    require(problems, *{problem.rule for problem in problems if problem.rule != "websocket.scope.header-case"})
    _equal(told.scope, "type", "websocket")
    if "state" not in printed.scope:
        return
    ours, namespace = told.all("state")[0], printed.all("state")[0]
    if not isinstance(ours[1], dict) or ours[0] == namespace[0] or ours[2].get("list") != namespace[2]["list"]:
        raise Violation(expected="a shallow copy of the lifespan's state", observed=show(ours[1]))
