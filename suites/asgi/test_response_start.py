"""ASGI HTTP: the ``http.response.start`` event."""

from asgi_conformance import MUST, Probe, Violation, check
from asgi_conformance.judging import BODY, START, only, require_of, response_start, starts
from asgi_conformance.protocol.events import RESPONSE_START
from asgi_conformance.spec import ASGI_HTTP

CLAUSE = ASGI_HTTP["response-start-send-event"]


@check("asgi.response-start.once", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_response_starts_once(probe: Probe) -> None:
    """A response must have exactly one `http.response.start`.

    Servers raise on a second one, and what the client gets by then is the first half of one response.

    Usual cause: an exception handler or middleware that answers although the response has begun.
    Usual mend: note whether `http.response.start` has been sent, and re-raise if it has.
    """
    response = await probe.request()
    if len(found := starts(response)) > 1:
        raise Violation(expected="one response start", observed=f"{len(found)} of them")


@check("asgi.response-start.status-int", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_status_is_int(probe: Probe) -> None:
    """The `status` of an `http.response.start` must be there and be an integer.

    Usual cause: a status that was read from a configuration or another response as text; a status line with a
    reason phrase, as WSGI has it. `http.HTTPStatus` members are integers.
    """
    require_of(RESPONSE_START, await response_start(probe), "http.response-start.status")


@check("asgi.response-start.headers-bytes", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_headers_are_pairs_of_bytes(probe: Probe) -> None:
    """The `headers` of an `http.response.start` must be pairs of byte strings.

    Servers raise on text, or send it in an encoding that nobody chose.

    Usual cause: middleware that adds `("x-header", "value")` as text; a dict of headers as it is.
    Usual mend: `(b"x-header", value.encode("latin-1"))`; Starlette's `MutableHeaders` does it for you.
    """
    require_of(RESPONSE_START, await response_start(probe), "http.response-start.headers")


@check("asgi.response-start.headers-lower-case", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_header_names_are_lower_case(probe: Probe) -> None:
    """The header names of an `http.response.start` must be in lower case.

    HTTP/2 and HTTP/3 forbid capitals, and middleware that looks for `b"content-type"` does not find
    `b"Content-Type"`.

    Usual cause: raw header pairs written as they look in HTTP/1.1.
    Usual mend: `name.lower()`.
    """
    require_of(RESPONSE_START, await response_start(probe), "http.response-start.header-case")


@check("asgi.response-start.no-pseudo-headers", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_no_pseudo_headers(probe: Probe) -> None:
    """The headers of an `http.response.start` must not hold pseudo headers such as `:status`.

    The server makes those itself where the protocol has them.

    Usual cause: a proxy that copies the headers of an HTTP/2 response.
    """
    require_of(RESPONSE_START, await response_start(probe), "http.response-start.pseudo-headers")


@check("asgi.response-start.trailers-bool", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_trailers_flag_is_bool(probe: Probe) -> None:
    """The `trailers` flag of an `http.response.start` must be a boolean.

    Usual cause: the trailers themselves, or a number, in its place.
    """
    require_of(RESPONSE_START, await response_start(probe), "http.response-start.trailers")


@check("asgi.response-start.before-body", level=MUST, clause=CLAUSE, needs={"http", "messages"})
async def test_start_precedes_body(probe: Probe) -> None:
    """No `http.response.body` must come before the `http.response.start`.

    Usual cause: middleware that holds the start back to change its headers, and lets a body message pass.
    Usual mend: send what was held back before anything else.
    """
    response = await probe.request()
    kinds = [message["type"] for message in response.messages if only(START, [message]) or only(BODY, [message])]
    if kinds and kinds[0] == BODY:
        raise Violation(expected="the response start first", observed="a body before it")
