"""Servers: the scope of a websocket."""

from asgi_conformance import MUST, SHOULD, Probe, Violation, check
from asgi_conformance.spec import ASGI_WEBSOCKET

from .peer import peer

CLAUSE = ASGI_WEBSOCKET["websocket-connection-scope"]
NEEDS = {"wire", "messages", "server.echo"}
OFFER = ("conformance.one", "conformance.two")


@check("server.websocket-scope.subprotocols", level=MUST, clause=CLAUSE, needs={"wire", "messages", "server.chooses"})
async def test_subprotocols_are_apart(probe: Probe) -> None:
    """`scope["subprotocols"]` must have an item for each subprotocol offered, in one header or in several."""
    several = tuple((b"sec-websocket-protocol", name.encode()) for name in OFFER)
    for headers, offer in (((), OFFER), (several, ())):
        async with peer(probe, headers=headers, subprotocols=offer, accepted=False) as client:
            found = list((await client.call()).scope.get("subprotocols", ()))
            if found != list(OFFER):
                raise Violation(expected=repr(list(OFFER)), observed=repr(found))


@check("server.websocket-scope.path", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_scope_has_the_path(probe: Probe) -> None:
    """`path` must be decoded, `raw_path` (if it is there) and `query_string` must be the bytes of the request."""
    raw = f"{probe.route.path}/a%20b/%E2%9C%93"
    async with peer(probe, path=f"{raw}?x=%20y&z=1+2") as client:
        scope = (await client.call()).scope
    wanted = {"path": f"{probe.route.path}/a b/✓", "raw_path": raw.encode(), "query_string": b"x=%20y&z=1+2"}
    for key, value in wanted.items():
        found = scope.get(key)
        if found != value and not (key == "raw_path" and found is None):
            raise Violation(expected=f"{key} {value!r}", observed=repr(found))


@check("server.websocket-scope.headers", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_scope_has_the_headers(probe: Probe) -> None:
    """`headers` must have every header of the handshake, as pairs of bytes, repeated ones repeated, in their order."""
    given = ((b"x-dup", b"1"), (b"x-empty", b""), (b"x-dup", b"2"))
    async with peer(probe, headers=given) as client:
        headers = (await client.call()).scope.get("headers", ())
    pairs = [tuple(header) for header in headers]
    if not all(len(pair) == 2 and all(isinstance(part, bytes) for part in pair) for pair in pairs):
        raise Violation(expected="pairs of bytes", observed=repr(pairs)[:80])
    seen = tuple((name.lower(), value) for name, value in pairs if name.lower() in dict(given))
    if seen != given:
        raise Violation(expected=repr(given), observed=repr(seen))


@check("server.websocket-scope.header-case", level=SHOULD, clause=CLAUSE, needs=NEEDS)
async def test_header_names_are_in_lower_case(probe: Probe) -> None:
    """The names in `headers` should be in lower case.

    The specification allows others, and applications compare with lower-case names.
    """
    async with peer(probe, headers=((b"X-Mixed-Case", b"1"),)) as client:
        names = [bytes(header[0]) for header in (await client.call()).scope.get("headers", ())]
    upper = [name for name in names if name != name.lower()]
    if upper:
        raise Violation(expected="names in lower case", observed=repr(upper)[:80])


@check("server.websocket-scope.types", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_scope_has_the_right_types(probe: Probe) -> None:
    """What the scope has must have the types of the specification.

    `client` is host and port, `server` host and port or a path, ports are int; `scheme` is not empty.
    """
    async with peer(probe) as client:
        scope = (await client.call()).scope
    kinds: dict[str, type] = dict.fromkeys(("http_version", "scheme", "path", "root_path"), str)
    kinds |= {"query_string": bytes, "raw_path": bytes, "extensions": dict, "state": dict}
    for key, kind in kinds.items():
        if scope.get(key) is not None and not isinstance(scope[key], kind):
            raise Violation(expected=f"{key} as {kind.__name__}", observed=repr(scope[key])[:80])
    if scope.get("scheme") == "" or scope.get("http_version", "1.1") not in {"1.1", "2", "3"}:
        raise Violation(
            expected="a scheme and a version", observed=f"{scope.get('scheme')!r}, {scope['http_version']!r}"
        )
    for key, port in (("client", (int,)), ("server", (int, type(None)))):
        address = scope.get(key)
        if address is not None and not (
            len(address) == 2 and isinstance(address[0], str) and isinstance(address[1], port)
        ):
            raise Violation(expected=f"{key} as host and port", observed=repr(address))


@check("server.websocket-scope.header-bytes", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_bytes_of_a_header_are_kept(probe: Probe) -> None:
    """A header value must come to the application with the bytes that the client sent, ASCII or not.

    HTTP allows bytes above 127 in a value (RFC 9110, section 5.5), and cookies have them.
    """
    async with peer(probe, headers=((b"x-latin", b"caf\xe9"),), accepted=False) as client:
        handshake = await client.opened()
        if not handshake.accepted:
            raise Violation(expected="the bytes b'caf\\xe9'", observed=f"a refusal with status {handshake.status}")
        values = [value for name, value in (await client.call()).scope.get("headers", ()) if name.lower() == b"x-latin"]
    if values != [b"caf\xe9"]:
        raise Violation(expected="the bytes b'caf\\xe9'", observed=repr(values))
