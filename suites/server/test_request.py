"""Server: calls of the application, and the body of a request."""

from asgi_conformance import MUST, PRACTICE, SHOULD, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.drivers.wire import read_response
from asgi_conformance.judging import require
from asgi_conformance.protocol.conversation import Conversation
from asgi_conformance.protocol.http import HTTP
from asgi_conformance.protocol.problem import Problem
from asgi_conformance.spec import ASGI, ASGI_HTTP, RFC_9112

from .script import DRAIN, NEEDS, OK, PROMPTLY, RECEIVE, Record, body, head, new_name, play, record, start

REQUEST = ASGI_HTTP["request-receive-event"]
CHUNKED = ((b"transfer-encoding", b"chunked"),)


def _judge(told: Record, *rules: str) -> None:
    """Judge what was delivered by the protocol's tables."""
    talk = Conversation(HTTP, told.scope)
    problems: list[Problem] = []
    for event in told.events:
        if event[0] == "received":
            problems.extend(talk.delivered(event[1]))
    require(problems, *(rules or {problem.rule for problem in problems}))


@check("server.call.one-per-request", level=MUST, clause=ASGI_HTTP["http-connection-scope"], needs=NEEDS)
async def test_each_request_is_one_call(probe: Probe) -> None:
    """Each request on a connection must be one call of the application, the next one after the end of the last.

    Two requests that come in one packet are no exception: their responses go back in order.
    """
    await probe.start()
    server = probe.driver_as(ServerDriver)
    first, second = new_name(), new_name()
    answer = (start(200, [(b"content-length", b"1")]),)
    connection = await server.raw()
    await connection.send(
        head(server, [RECEIVE, ("sleep", 0.1), *answer, body(b"1"), ("sleep", 0.1), ("signal", first)], first)
        + head(server, [RECEIVE, *answer, body(b"2")], second)
    )
    bodies = [(await read_response(connection, within=PROMPTLY)).body for _ in range(2)]
    if bodies != [b"1", b"2"]:
        raise Violation(expected="two responses in order", observed=repr(bodies))
    for called in (first, second):
        told = await record(probe, server, called)
        if len(told.all("call")) != 1:
            raise Violation(expected="one call for each request", observed=f"{len(told.all('call'))}")


@check("server.call.not-before-request", level=SHOULD, clause=REQUEST, needs=NEEDS)
async def test_connection_alone_calls_nobody(probe: Probe) -> None:
    """The application should be called for a request, not for a connection that was merely opened."""
    await probe.start()
    server = probe.driver_as(ServerDriver)
    silent = await server.raw()
    # A whole exchange on another connection: by then the server has had its chance.
    await (await play(probe, *OK)).response()
    # A call without a script has no name either.
    early = await record(probe, server, "", until="")
    ports = [event[1].get("client") for event in early.all("call")]
    await silent.dispose()
    if early.all("call"):
        raise Violation(expected="no call before a request", observed=f"a call without one, for {ports[0]!r}")


@check("server.request.decoded", level=SHOULD, clause=REQUEST, needs=NEEDS)
async def test_chunked_body_is_unwrapped(probe: Probe) -> None:
    """Of a body in chunks the application should get the content only: no chunk sizes, no trailers."""
    played = await play(
        probe,
        DRAIN,
        *OK,
        method="POST",
        headers=CHUNKED,
        content=b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-late: 1\r\n\r\n",
    )
    told = await played.record()
    if told.body != b"hello world":
        raise Violation(expected="b'hello world'", observed=repr(told.body))


@check("server.request.body", level=MUST, clause=REQUEST, needs=NEEDS)
async def test_pieces_are_the_body(probe: Probe) -> None:
    """The pieces of the body must be byte strings that make up the body, with `more_body` true before the last one.

    Every event is a dict of its own, with a `type` that begins with "http.".
    """
    content = bytes(range(256)) * 400
    headers = ((b"content-length", str(len(content)).encode()),)
    told = await (await play(probe, DRAIN, *OK, method="POST", headers=headers, content=content)).record()
    _judge(told)
    if told.body != content:
        raise Violation(expected=f"the {len(content)} bytes that were sent", observed=f"{len(told.body)} bytes")
    _judge(await (await play(probe, DRAIN, *OK)).record())


@check("server.request.arrives-in-parts", level=PRACTICE, clause=REQUEST, needs=NEEDS)
async def test_body_is_handed_on_as_it_comes(probe: Probe) -> None:
    """A part of the body should reach the application before the next one was sent.

    A server that waits for the whole body makes every upload a file in its memory.
    """
    played = await play(
        probe,
        RECEIVE,
        ("note", "first"),
        DRAIN,
        *OK,
        method="POST",
        headers=((b"content-length", b"10"),),
        content=b"01234",
    )
    told = await played.record("first")
    if not told.all("first"):
        raise Violation(expected="the first part of the body", observed="nothing before the second part is sent")
    await played.connection.send(b"56789")
    if (await played.record()).body != b"0123456789":
        raise Violation(expected="both parts", observed=repr((await played.record()).body))


@check("server.receive.fresh-event", level=MUST, clause=ASGI["applications"], needs=NEEDS)
async def test_each_event_is_a_fresh_dict(probe: Probe) -> None:
    """Each event that `receive` gives must be a dict of its own: what an application does to it has no consequences."""
    spoil = ("receive-and-spoil",)
    played = await play(probe, spoil, *OK, spoil, spoil, RECEIVE)
    await played.response()
    told = await played.record()
    for message in told.received[1:]:
        if "spoilt" in message:
            raise Violation(expected="a fresh event", observed="the one that the application has changed")


@check("server.request.ambiguous-length", level=MUST, clause=RFC_9112["section-6.3"], needs=NEEDS)
async def test_ambiguous_length_is_refused(probe: Probe) -> None:
    """A request with two lengths, or with a length and chunks, must be refused, or its connection be closed.

    Two parsers that disagree about where a request ends let a stranger put a request into somebody else's connection.
    """
    two = ((b"content-length", b"5"), (b"content-length", b"7"))
    both = ((b"content-length", b"5"), *CHUNKED)
    for headers, content in ((two, b"hello"), (both, b"5\r\nhello\r\n0\r\n\r\n")):
        played = await play(probe, DRAIN, *OK, method="POST", headers=headers, content=content)
        response = await played.response()
        refused = 400 <= response.status < 500
        if not refused and (headers == two or await played.connection.ended(1.0) == "open"):
            raise Violation(expected="status 400, or the end of the connection", observed=f"status {response.status}")


@check("server.request.continue", level=PRACTICE, clause=ASGI_HTTP["request-receive-event"], needs=NEEDS)
async def test_continue_waits_for_the_application(probe: Probe) -> None:
    """A client that asks with `expect: 100-continue` should get the 100 when the application asks for the body.

    Not before: an application that refuses the request by its head wants none of the body.
    """
    headers = ((b"content-length", b"5"), (b"expect", b"100-continue"))
    refusing = await play(probe, start(417, [(b"content-length", b"0")]), body(), method="POST", headers=headers)
    response = await refusing.response()
    if response.status != 417 or 100 in response.interim:
        raise Violation(expected="status 417 and no 100 before", observed=f"{[*response.interim, response.status]}")
    asking = await play(probe, DRAIN, *OK, method="POST", headers=headers)
    try:
        read = await asking.connection.read(PROMPTLY)
    except Unanswered as reason:
        raise Violation(expected="a 100", observed=str(reason)) from reason
    if read is None or not read.data.startswith(b"HTTP/1.1 100"):
        raise Violation(expected="a 100", observed=repr(read and read.data[:40]))
    asking.connection.unread(read.data)
    await asking.connection.send(b"hello")
    if (await asking.response()).status != 200:
        raise Violation(expected="the response after the body", observed="none")
