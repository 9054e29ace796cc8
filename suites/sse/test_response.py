"""Server-sent events: the head of the response that opens the stream."""

import re

from asgi_conformance import MUST, PRACTICE, SHOULD, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Head
from asgi_conformance.drivers.http import payload
from asgi_conformance.judging import BODY, START, http_call, only
from asgi_conformance.onion import Onion, Passing, Step
from asgi_conformance.spec import HTML_SSE, PRACTICES, RFC_9110

from .stream import OPENS_WITHIN, REDIRECTS, extent, is_event_stream, opened, read

PROCESSING = HTML_SSE["sse-processing-model"]
AUTHORING = HTML_SSE["authoring-notes"]
CHARSET = re.compile(r';\s*charset\s*=\s*"?([^";\s]*)', re.IGNORECASE)
FRESH = re.compile(r"(?:s-maxage|max-age)\s*=\s*\"?0*[1-9]")
UNSTORED = {"no-store", "no-cache"}
LOOKED_AT = 60.0  # seconds of a clock that jumps


async def _head(probe: Probe) -> Head:
    """The head of the answer, whatever it is; the client does not wait for more."""
    async with probe.exchange() as exchange:
        try:
            return await exchange.head(OPENS_WITHIN)
        except Unanswered as error:
            raise Blocked(str(error)) from error


async def _opening(probe: Probe) -> Head:
    """The head of the event stream."""
    async with opened(probe) as (_, head):
        return head


@check("sse.response.opens", level=PRACTICE, clause=PROCESSING, needs={"sse"})
async def test_head_comes_without_an_event(probe: Probe) -> None:
    """The head of the response should be sent at once, whether there is an event yet or not.

    Only with it does the client know that the stream is open: `open` fires in a browser, a proxy stops its
    count. A quiet stream looks like a server that hangs otherwise. Half a minute is allowed.

    Usual cause: waiting for the first event, to find the status or the headers, before the response is made.
    Usual mend: send `http.response.start` first; report a late error as an event.
    """
    async with probe.exchange() as exchange:
        try:
            await exchange.head(OPENS_WITHIN)
        except Unanswered as reason:
            raise Violation(expected=f"a response head within {OPENS_WITHIN:g} s", observed=str(reason)) from reason


@check("sse.response.status-200", level=MUST, clause=PROCESSING, needs={"sse"})
async def test_status_is_200(probe: Probe) -> None:
    """An event stream must come with status 200.

    Clients refuse every other status, 201 and 206 too, for good: they do not try again. 204 is how a server
    tells them to stop, and redirects are followed.

    Usual cause: a POST route with `status_code=201`; an endpoint that needs credentials or a parameter which
    `EventSource` does not send.
    """
    status = (await _head(probe)).status
    if status == 204 or status in REDIRECTS:
        raise NotApplicable(f"a stream: the status is {status}")
    if status != 200:
        raise Violation(expected="status 200", observed=f"status {status}")


@check("sse.response.content-type", level=MUST, clause=PROCESSING, needs={"sse"})
async def test_type_is_event_stream(probe: Probe) -> None:
    """An event stream must have the type `text/event-stream`, whatever its case and its parameters.

    Clients compare the type as a whole and give up at any other, for good.

    Usual cause: the default type of a streaming response; `text/plain`, or `application/json` from an error
    handler.
    Usual mend: `StreamingResponse(events(), media_type="text/event-stream")`.
    """
    head = await _head(probe)
    if head.status == 204 or head.status in REDIRECTS:
        raise NotApplicable(f"a stream: the status is {head.status}")
    if not is_event_stream(head):
        observed = ", ".join(head.get_all("content-type")) or "no content-type"
        raise Violation(expected="text/event-stream", observed=observed)


@check("sse.response.charset", level=MUST, clause=HTML_SSE["parsing-an-event-stream"], needs={"sse"})
async def test_charset_is_utf8(probe: Probe) -> None:
    """A `charset` in the type of an event stream must say UTF-8.

    Event streams are always UTF-8; clients do not look at the parameter, so another value only misleads.

    Usual cause: a charset that the whole site uses.
    Usual mend: leave the parameter out.
    """
    told = CHARSET.search((await _opening(probe)).get("content-type") or "")
    if told is None:
        raise NotApplicable("a charset in the content-type")
    if told[1].lower() not in {"utf-8", "utf8"}:
        raise Violation(expected="charset utf-8, or none", observed=f"charset {told[1]}")


@check("sse.response.old-client", level=PRACTICE, clause=PRACTICES["sse-timeliness"], needs={"sse", "script"})
async def test_old_client_gets_the_stream(probe: Probe) -> None:
    """A client that speaks HTTP/1.0 should get the stream as it is produced, like any other.

    Such a response ends with its connection and needs no length. nginx speaks HTTP/1.0 to the servers behind it
    unless it is told otherwise, so there are many such clients.

    Usual cause: a body that is collected for HTTP/1.0, to know its length.
    """
    usual, old = await _beginning(probe, "1.1"), await _beginning(probe, "1.0")
    if not usual[0] == 200 or not usual[1]:
        raise NotApplicable("a stream that says something while it is looked at")
    if old[0] == 505:
        raise NotApplicable("HTTP/1.0: the status is 505")
    if old[0] != 200:
        raise Violation(expected="status 200 for HTTP/1.0 too", observed=f"status {old[0] or 'none'}")
    if not old[1]:
        raise Violation(expected="events for HTTP/1.0", observed=f"none within {LOOKED_AT:g} s")


async def _beginning(probe: Probe, version: str) -> tuple[int, int]:
    """The status (0 without a response), and how many pieces there were at the beginning."""
    call = await http_call(probe, farewell={"type": "http.disconnect"}, scope={"http_version": version})
    await call.until(lambda: len(only(BODY, call.sent)) > 1, LOOKED_AT)
    begun = only(START, call.sent)
    pieces = [message for message in only(BODY, call.sent) if payload(message)]
    call.leave()
    await call.ending(300.0)
    status = begun[0].get("status") if begun else None
    return status if isinstance(status, int) else 0, len(pieces)


@check("sse.response.no-content-length", level=MUST, clause=RFC_9110["section-8.6"], needs={"sse", "virtual-time"})
async def test_no_length_is_promised(probe: Probe) -> None:
    """The head of a stream that goes on must not promise a length.

    A server cuts off what is beyond the length, or breaks the connection when less comes. A stream that is known
    from the start and over within the hour may tell its length.

    Usual cause: middleware that sets `content-length` on every response.
    Usual mend: leave responses alone whose first body message says that more will come.
    """
    async with opened(probe) as (exchange, head):
        length = head.get("content-length")
        if length is None:
            return
        seen = await read(exchange, head, extent(probe, full=True))
    if not seen.ended:
        raise Violation(expected="no content-length on a stream", observed=f"content-length {length}")


@check("sse.response.encoding-asked-for", level=PRACTICE, clause=RFC_9110["section-12.5.3"], needs={"sse"})
async def test_no_coding_unasked(probe: Probe) -> None:
    """An event stream should not be compressed for a client that did not offer to decompress it.

    What the client reads is no event stream then, and it says nothing about it: all lines are unknown.

    Usual cause: middleware that compresses whatever the type, without a look at `accept-encoding`.
    """
    if any(name.lower() == b"accept-encoding" for name, _ in probe.route.headers):
        raise NotApplicable("a request that offers no coding")
    # Without the header HTTP leaves it open what the client accepts.
    async with opened(probe, headers=((b"accept-encoding", b"identity"),)) as (_, head):
        coding = head.get("content-encoding")
    if coding is not None and coding.strip().lower() not in {"", "identity"}:
        raise Violation(expected="no content-encoding", observed=f"content-encoding {coding}")


@check("sse.response.cache-control", level=SHOULD, clause=PRACTICES["sse-headers"], needs={"sse"})
async def test_caches_are_told(probe: Probe) -> None:
    """The head of an event stream should have `cache-control: no-cache` or `no-store`.

    A cache on the way may keep a response that says nothing about it, or hold it back until it is complete,
    which a stream never is. No specification asks for the header, and a browser's `EventSource` asks for
    fresh content anyway; hence a warning.

    Usual mend: `headers={"Cache-Control": "no-cache"}`.
    """
    if not _directives(head := await _opening(probe)) & UNSTORED:
        observed = ", ".join(head.get_all("cache-control")) or "no cache-control"
        raise Violation(expected="cache-control: no-cache or no-store", observed=observed)


@check("sse.response.not-cacheable", level=PRACTICE, clause=PRACTICES["sse-headers"], needs={"sse"})
async def test_caches_are_not_invited(probe: Probe) -> None:
    """The head of an event stream should not say that it can be cached.

    The next client gets the events of the first one, old, all at once, and then the end of the stream.

    Usual cause: middleware that makes every successful GET cacheable.
    Usual mend: leave `text/event-stream` out of it.
    """
    head = await _opening(probe)
    if not _directives(head) & UNSTORED:
        for value in head.get_all("cache-control"):
            if FRESH.search(value.lower()):
                raise Violation(expected="a head that allows no caching", observed=f"cache-control: {value}")


def _directives(head: Head) -> set[str]:
    """The names of the directives of ``cache-control``."""
    return {
        directive.partition("=")[0].strip().lower()
        for value in head.get_all("cache-control")
        for directive in value.split(",")
    }


@check("sse.response.x-accel-buffering", level=SHOULD, clause=PRACTICES["sse-headers"], needs={"sse"})
async def test_proxies_are_told_not_to_buffer(probe: Probe) -> None:
    """The head of an event stream should have `x-accel-buffering: no`.

    nginx collects some kilobytes of a response before it sends any of them on, unless this header, or its
    configuration, tells it not to. No specification knows the header; hence a warning.

    Usual mend: `headers={"X-Accel-Buffering": "no"}`.
    """
    value = (await _opening(probe)).get("x-accel-buffering")
    if value is None or value.strip().lower() != "no":
        raise Violation(expected="x-accel-buffering: no", observed=value or "no such header")


@check("sse.response.no-connection-header", level=SHOULD, clause=RFC_9110["section-7.6.1"], needs={"sse", "messages"})
async def test_connection_is_the_servers_affair(probe: Probe) -> None:
    """An application should not send a `connection` header, nor `keep-alive` or `transfer-encoding`.

    They speak of one connection, which is the server's affair: with HTTP/1.1 it stays open without being told,
    with HTTP/2 the header is forbidden, and clients reject the response.

    Usual cause: `"Connection": "keep-alive"`, as many examples have it.
    Usual mend: leave it out.
    """
    async with opened(probe) as (exchange, _):
        await exchange.disconnect()
        await exchange.ending()
        starts = [message for message in exchange.messages if message.get("type") == "http.response.start"]
    for name, value in starts[0].get("headers", ()) if starts else ():
        if bytes(name).lower() in {b"connection", b"keep-alive", b"transfer-encoding"}:
            told = f"{bytes(name).decode('latin-1').lower()}: {bytes(value).decode('latin-1')}"
            raise Violation(expected="no header about the connection", observed=told, at=starts[0])


@check("sse.response.head-before-first-event", level=PRACTICE, clause=PRACTICES["sse-head"], needs={"sse", "script"})
async def test_no_layer_holds_the_head(probe: Probe) -> None:
    """No layer around the application should hold the head of an event stream until the first event.

    The stream is open when the head has arrived; until then the client is not told, and may give up.

    Usual cause: middleware that wants to see the beginning of the body before it decides about the headers.
    Usual mend: decide by the content-type, and let event streams pass at once.
    """
    driver = probe.inprocess
    with Onion(driver.app) as onion:
        if onion.innermost == 0:
            raise NotApplicable(f"no layer can be seen in {onion.names[0]}")
        whole, driver.app = driver.app, onion.app
        try:
            await probe.start()
            onion.steps.clear()
            async with opened(probe) as (exchange, head):
                await read(exchange, head, extent(probe))
        finally:
            driver.app = whole
    begun = {layer: _start(onion, layer) for layer in range(onion.innermost + 1)}
    for layer in range(onion.innermost - 1, -1, -1):
        inner, outer = begun[layer + 1], begun[layer]
        if inner is not None and outer is not None and outer.at - inner.at >= 0.1:
            raise Violation(
                expected=f"the head outside {onion.names[layer]} at once", observed=f"{outer.at - inner.at:.1f} s later"
            )


def _start(onion: Onion, layer: int) -> Step | None:
    return next((step for step in onion.at(layer, Passing.SENDS) if step.is_start), None)
