"""Server: what becomes of a response on the wire."""

from asgi_conformance import MUST, PRACTICE, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.wire import WireResponse
from asgi_conformance.spec import ASGI_HTTP, RFC_9110, RFC_9112

from .script import DRAIN, NEEDS, OK, PROMPTLY, Step, body, play, start

START = ASGI_HTTP["response-start-send-event"]
BODY = ASGI_HTTP["response-body-send-event"]
FIVE = (b"content-length", b"5")
THE_SERVERS = {b"date", b"server", b"connection", b"keep-alive", b"content-length", b"transfer-encoding"}


async def _answer(probe: Probe, *steps: Step, method: str = "GET", version: str = "1.1") -> WireResponse:
    return await (await play(probe, *steps, method=method, version=version)).response(method)


def _complete(response: WireResponse, content: bytes, what: str = "") -> None:
    if response.end != "complete" or response.body != content:
        observed = f"{response.fault or repr(response.body[:60])}, {response.end}"
        raise Violation(expected=f"{content!r}{what}, complete", observed=observed)


@check("server.response.headers-in-order", level=MUST, clause=START, needs=NEEDS)
async def test_headers_keep_their_order(probe: Probe) -> None:
    """The headers of a response must reach the wire in the order in which they were given, each as it is."""
    given = [(b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3"), (b"x-c", b"caf\xe9"), FIVE]
    response = await _answer(probe, start(200, given), body(b"hello"))
    found = [(name.lower(), value) for name, value in response.headers if name.lower().startswith(b"x-")]
    if found != given[:4]:
        raise Violation(expected=repr(given[:4]), observed=repr(found))


@check("server.response.nothing-added", level=PRACTICE, clause=START, needs=NEEDS)
async def test_response_is_what_was_sent(probe: Probe) -> None:
    """What an application sends should reach the wire byte by byte: status, headers, content; and nothing more.

    A server adds `date`, `server` and the framing, and leaves the rest alone.
    """
    content = bytes(range(256))
    for status in (200, 201, 404, 418, 503):
        given = [
            (b"x-odd", b"a\tb  c"),
            (b"x-empty", b""),
            (b"content-type", b"application/x-odd"),
            (b"x-odd", b"\xe9"),
        ]
        length = (b"content-length", str(len(content)).encode())
        response = await _answer(
            probe, start(status, [*given, length]), body(content[:100], more=True), body(content[100:])
        )
        if response.status != status:
            raise Violation(expected=f"status {status}", observed=f"status {response.status}, {response.end}")
        found = [(name.lower(), value) for name, value in response.headers]
        added = {name for name, _ in found} - {name for name, _ in given} - THE_SERVERS
        if added or [pair for pair in found if pair[0] not in THE_SERVERS] != given:
            raise Violation(expected=repr(given), observed=repr(found))
        _complete(response, content)


@check("server.response.set-cookie-apart", level=MUST, clause=ASGI_HTTP["http"], needs=NEEDS)
async def test_cookies_are_not_joined(probe: Probe) -> None:
    """Several `set-cookie` headers must reach the client as several headers.

    A comma is a part of a cookie's date, so nobody can take joined ones apart again.
    """
    cookies = [(b"set-cookie", b"a=1; path=/"), (b"set-cookie", b"b=2")]
    response = await _answer(probe, start(200, [*cookies, FIVE]), body(b"hello"))
    found = [value for name, value in response.headers if name.lower() == b"set-cookie"]
    if found != [value for _, value in cookies]:
        raise Violation(expected="two set-cookie headers", observed=repr(found))


@check("server.response.any-iterable", level=MUST, clause=START, needs=NEEDS)
async def test_headers_may_be_any_iterable(probe: Probe) -> None:
    """The headers of a response may be any iterable of pairs: all of them must reach the wire.

    A generator can be read once only; a server that logs the headers first sends none.
    """
    lazily = ("send-lazily", {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1"), FIVE]})
    played = await play(probe, lazily, body(b"hello"))
    response = await played.response()
    if (b"x-a", b"1") not in [(name.lower(), value) for name, value in response.headers]:
        raise Violation(expected="x-a: 1", observed=f"status {response.status}, {list(response.headers)!r}")
    _complete(response, b"hello")


@check("server.response.defaults", level=MUST, clause=BODY, needs=NEEDS)
async def test_optional_keys_may_be_absent(probe: Probe) -> None:
    """A start without `headers`, and a body event without `body` and `more_body`, must make an empty response."""
    minimal = ("send", {"type": "http.response.start", "status": 200}), ("send", {"type": "http.response.body"})
    response = await _answer(probe, *minimal)
    if response.status != 200:
        raise Violation(expected="status 200", observed=f"status {response.status}, {response.end}")
    _complete(response, b"")


@check("server.response.own-framing", level=MUST, clause=START, needs=NEEDS)
async def test_transfer_encoding_is_the_servers(probe: Probe) -> None:
    """A `transfer-encoding` that the application sends must have no effect: the framing is the server's.

    With it and a length on the wire, two recipients read two different responses.
    """
    response = await _answer(probe, start(200, [(b"transfer-encoding", b"chunked"), FIVE]), body(b"hello"))
    names = [name.lower() for name, _ in response.headers]
    if b"transfer-encoding" in names and b"content-length" in names:
        raise Violation(expected="one framing", observed="transfer-encoding and content-length")
    _complete(response, b"hello")


@check("server.response.framed", level=MUST, clause=RFC_9112["section-6.3"], needs=NEEDS)
async def test_response_without_length_is_framed(probe: Probe) -> None:
    """A response without `content-length` must be framed in a way that the client's version of HTTP knows.

    Chunks for HTTP/1.1, the end of the connection for HTTP/1.0.
    """
    parts = (start(), body(b"hel", more=True), body(b"lo"))
    _complete(await _answer(probe, *parts), b"hello")
    old = await _answer(probe, *parts, version="1.0")
    if b"transfer-encoding" in [name.lower() for name, _ in old.headers]:
        raise Violation(expected="no transfer coding for HTTP/1.0", observed="transfer-encoding")
    _complete(old, b"hello")


@check("server.response.head-in-time", level=PRACTICE, clause=START, needs=NEEDS)
async def test_head_comes_with_the_first_part(probe: Probe) -> None:
    """The head must be on the wire with the first part of the body at the latest.

    It may be kept back until then.
    """
    played = await play(probe, start(), body(b"first", more=True), ("wait", "release-head"), body(b"last"))
    try:
        seen = b""
        while b"\r\n\r\n" not in seen:
            read = await played.connection.read(PROMPTLY)
            if read is None:
                break
            seen += read.data
    except Unanswered as reason:
        raise Violation(expected="the head with the first part of the body", observed=str(reason)) from reason
    finally:
        await play(probe, ("signal", "release-head"), *OK)


@check("server.response.parts-at-once", level=MUST, clause=BODY, needs=NEEDS)
async def test_each_part_is_sent_at_once(probe: Probe) -> None:
    """Each part of a body must be on its way when `send` returns, and not wait for the next one."""
    played = await play(probe, start(), body(b"first", more=True), ("wait", "release-part"), body(b"last"))
    try:
        seen = b""
        while b"first" not in seen:
            read = await played.connection.read(PROMPTLY)
            if read is None:
                break
            seen += read.data
    except Unanswered as reason:
        raise Violation(expected="the first part before the second one is sent", observed=str(reason)) from reason
    finally:
        await play(probe, ("signal", "release-part"), *OK)


@check("server.response.ends", level=MUST, clause=BODY, needs=NEEDS)
async def test_last_body_ends_the_response(probe: Probe) -> None:
    """A body event whose `more_body` is false must end the response, though the application goes on.

    Background work would hold the client up otherwise.
    """
    played = await play(probe, DRAIN, start(), body(b"a", more=True), body(b"b"), ("wait", "release-end"))
    try:
        response = await played.response()
        if response.end != "complete":
            raise Violation(expected="a complete response", observed=response.end)
    finally:
        await play(probe, ("signal", "release-end"), *OK)


@check("server.response.head-has-no-body", level=MUST, clause=RFC_9110["section-9.3.2"], needs=NEEDS)
async def test_head_has_no_content(probe: Probe) -> None:
    """The response to HEAD must have no content on the wire, whatever the application sends; its length may stay."""
    played = await play(probe, start(200, [FIVE]), body(b"hello"), method="HEAD")
    if (response := await played.response("HEAD")).status != 200:
        raise Violation(expected="status 200", observed=f"status {response.status}, {response.end}")
    await played.nothing_left_behind()


@check("server.response.no-content", level=MUST, clause=RFC_9110["section-6.4.1"], needs=NEEDS)
async def test_statuses_have_no_content(probe: Probe) -> None:
    """A response with status 204 or 304 must have no content on the wire, and a 204 no `content-length`."""
    for status, headers in ((204, ()), (204, (FIVE,)), (304, ())):
        played = await play(probe, start(status, headers), body(b"hello"))
        response = await played.response()
        if response.status not in {status, 500}:  # a refusal will do as well
            raise Violation(expected=f"status {status}", observed=f"status {response.status}, {response.end}")
        length = [value for name, value in response.headers if name.lower() == b"content-length"]
        if response.status == 204 and length:
            raise Violation(expected="no content-length with status 204", observed=repr(length[0]))
        await played.nothing_left_behind()


@check("server.response.length-kept", level=MUST, clause=RFC_9112["section-8"], needs=NEEDS)
async def test_length_and_content_agree(probe: Probe) -> None:
    """A body that is shorter than its `content-length` must end the connection; one that is longer must be cut there.

    A client waits for what is missing, and takes what is too much for the beginning of the next response.
    """
    long = await play(probe, start(200, [FIVE]), body(b"hello and more"))
    response = await long.response()
    if response.status == 200 and response.body not in {b"hello", b""}:
        raise Violation(expected="5 bytes at most", observed=repr(response.body))
    await long.nothing_left_behind()
    short = await play(probe, start(200, [(b"content-length", b"10")]), body(b"hello"))
    response = await short.response()
    if response.end == "timeout":
        raise Violation(expected="the end of the connection", observed="a client that is left waiting")


@check("server.response.no-splitting", level=PRACTICE, clause=RFC_9110["section-5.5"], needs=NEEDS)
async def test_line_breaks_do_not_split(probe: Probe) -> None:
    """A line break in a header value should never reach the wire, nor harm the server.

    Whoever can write one writes the rest of the response.
    """
    response = await _answer(probe, start(200, [(b"x-a", b"1\r\nx-injected: 1"), FIVE]), body(b"hello"), *OK)
    if b"x-injected" in [name.lower() for name, _ in response.headers]:
        raise Violation(expected="a refusal, or a value in one line", observed="a header that was injected")
    _complete(await _answer(probe, *OK), b"ok")


@check("server.response.odd-status", level=PRACTICE, clause=START, needs=NEEDS)
async def test_odd_status_does_not_harm(probe: Probe) -> None:
    """A status that does not exist should not harm the server: it is refused, or sent, and the next request served."""
    for status in (99, 1000, 0):
        await _answer(probe, start(status, [FIVE]), body(b"hello"))
        _complete(await _answer(probe, *OK), b"ok")
