"""ASGI WebSocket: the ``websocket.accept`` event."""

from asgi_conformance import MUST, Probe, Violation, check
from asgi_conformance.drivers.http import type_of
from asgi_conformance.protocol.events import ACCEPT
from asgi_conformance.spec import ASGI_WEBSOCKET

from .conversation import CONNECT, LOSS, converse, end, problems, quiet, scope_for

CLAUSE = ASGI_WEBSOCKET["accept-send-event"]
NEEDS = {"websocket", "messages", "virtual-time"}
OFFERS: tuple[tuple[str, ...], ...] = ((), ("conformance.one", "conformance.two"))


async def _no_problem(probe: Probe, *rules: str) -> None:
    for offer in OFFERS:
        messages = await converse(probe, subprotocols=offer)
        for problem in problems(messages, ACCEPT, *rules):
            raise Violation(expected=problem.expected, observed=problem.observed)


@check("websocket.accept.subprotocol-offered", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_subprotocol_was_offered(probe: Probe) -> None:
    """The `subprotocol` of an accept must be None or one that the client has offered.

    A client that is given another one has to fail the connection (RFC 6455, section 4.1).

    Usual cause: a constant. Usual mend: pick from `scope["subprotocols"]`, and pass None if nothing fits.
    """
    for offer in OFFERS:
        for message in await converse(probe, subprotocols=offer):
            chosen = message.get("subprotocol") if type_of(message) == "websocket.accept" else None
            if chosen is not None and chosen not in offer:
                expected = f"None or one of {', '.join(offer)}" if offer else "None, since nothing was offered"
                raise Violation(expected=expected, observed=repr(chosen))


@check("websocket.accept.headers", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_headers_are_pairs_of_bytes(probe: Probe) -> None:
    """The `headers` of an accept must be pairs of byte strings.

    Usual cause: a dict, or text, handed on from code that speaks to an HTTP library.
    """
    await _no_problem(probe, "websocket.accept.headers")


@check("websocket.accept.header-case", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_header_names_are_lower_case(probe: Probe) -> None:
    """The header names of an accept must be in lower case.

    Usual mend: `name.lower()`, or the framework's header class.
    """
    await _no_problem(probe, "websocket.accept.header-case")


@check("websocket.accept.pseudo-headers", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_no_pseudo_headers(probe: Probe) -> None:
    """The headers of an accept must hold no pseudo headers.

    Names that begin with a colon belong to HTTP/2 and to the server.
    """
    await _no_problem(probe, "websocket.accept.pseudo-headers")


@check("websocket.accept.sec-websocket-protocol", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_no_subprotocol_among_headers(probe: Probe) -> None:
    """The headers of an accept must not hold `sec-websocket-protocol`.

    The server writes that header itself, from the `subprotocol` key; with both, the client gets two and fails
    the connection.
    """
    await _no_problem(probe, "websocket.accept.sec-websocket-protocol")


@check(
    "websocket.accept.headers-version",
    level=MUST,
    clause=ASGI_WEBSOCKET["spec-versions"],
    needs={"websocket", "script"},
)
async def test_no_headers_before_2_1(probe: Probe) -> None:
    """An accept must have headers only on a server whose `spec_version` is 2.1 or later.

    An older server does not know the key, so what it says is lost or refused.

    Usual mend: ask `scope["asgi"]["spec_version"]`, and do without the headers below 2.1.
    """
    await probe.start()
    call = await probe.call(scope_for(probe, spec_version="2.0"), (CONNECT,), LOSS)
    await call.until(lambda: any(type_of(message) == "websocket.accept" for message in call.sent), quiet(probe))
    call.leave()
    await end(call)
    for message in call.sent:
        if type_of(message) == "websocket.accept" and message.get("headers"):
            raise Violation(expected="no headers at version 2.0", observed=repr(message["headers"])[:80])
