"""Headers of an application's own, and request headers that it reads."""

import json

from asgi_conformance import MUST, PRACTICE, Blocked, Probe, Violation, check
from asgi_conformance.spec import PRACTICES, RFC_9110

from .values import with_value


@check(
    "response.header.reaches-client",
    level=PRACTICE,
    clause=PRACTICES["response"],
    needs={"pattern:response.custom-headers", "http"},
)
async def test_own_header_reaches_the_client(probe: Probe) -> None:
    """A header that is given to a response should reach the client with its value."""
    response = await probe.request()
    if not response.head.get("x-custom-header"):
        raise Violation(expected="x-custom-header with a value", observed="none")


@check(
    "response.header.value-contained",
    level=MUST,
    clause=RFC_9110["section-5.5"],
    needs={"http", "response.header-value"},
)
async def test_value_stays_inside_the_header(probe: Probe) -> None:
    """What a caller chooses must not end a header line; a value that a header cannot carry must be refused.

    With a line break in it the caller writes headers, or a whole response, to others behind a shared cache. Some
    servers stop it, others send what they are given.

    Usual cause: a value from the query or the database goes into a header as it is.
    Usual mend: refuse what is not printable; encode what is not ASCII (RFC 8187).
    """
    for value in ("a\r\nX-Injected: yes", "a\nX-Injected: yes", "a\x00b", "caf\u00e9", "\u2603"):
        response = await with_value(probe, "value", value)
        if response.status >= 400:
            continue
        if response.head.get("x-injected") is not None:
            raise Violation(expected="one header", observed=f"a second one, out of the value {value!r}")
        for name, held in response.headers:
            if set(held) & {0, 10, 13}:
                raise Violation(expected="no line break or NUL in a header", observed=f"{name!r}: {held!r}")


@check(
    "response.header.read",
    level=PRACTICE,
    clause=PRACTICES["response"],
    needs={"pattern:response.read-header", "http"},
)
async def test_request_header_is_read(probe: Probe) -> None:
    """A route that reads a request header should get its value, and its default where the header is absent."""
    given = probe.route.headers[0][1].decode() if probe.route.headers else None
    for sent, expected in (((), given),) if given else ((((b"user-agent", b"one/2"),), "one/2"), ((), None)):
        response = await probe.request(headers=sent)
        try:
            read = json.loads(response.body)["User-Agent"]
        except (ValueError, KeyError, TypeError):
            raise Blocked(f"no value is told: status {response.status}") from None
        if read != expected:
            raise Violation(expected=f"{expected!r}", observed=f"{read!r}")
