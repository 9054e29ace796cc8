"""Server: the client has gone, or has got what it asked for."""

from typing import Literal

from asgi_conformance import MUST, PRACTICE, SHOULD, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.judging import require
from asgi_conformance.protocol.events import DISCONNECT
from asgi_conformance.protocol.version import SEND_RAISES, spec_version
from asgi_conformance.spec import ASGI, ASGI_HTTP

from .script import DRAIN, NEEDS, OK, PROMPTLY, RECEIVE, Play, Record, Step, body, play, start

EVENT = ASGI_HTTP["disconnect-receive-event"]
ERROR = ASGI_HTTP["disconnected-client-send-exception"]
UNTIL_GONE: Step = ("receive-until", "http.disconnect")


def _told(record: Record) -> None:
    if not any(message.get("type") == "http.disconnect" for message in record.received):
        raise Violation(expected="http.disconnect", observed="no such event within some seconds")


@check("server.disconnect.after-response", level=MUST, clause=EVENT, needs=NEEDS)
async def test_receive_after_the_response_tells_of_a_disconnect(probe: Probe) -> None:
    """`receive` must give `http.disconnect` once the response is complete, although the connection is still open."""
    played = await play(probe, DRAIN, *OK, ("receive", PROMPTLY))
    await played.response()
    _told(await played.record())


async def _gone(probe: Probe, how: Literal["close", "reset"], *steps: Step, content: bytes = b"") -> Play:
    """A call whose client leaves once the application has noted that it is ready."""
    headers = ((b"content-length", b"100"),) if content else ()
    played = await play(probe, *steps, method="POST" if content else "GET", headers=headers, content=content)
    await played.record("ready")
    probe.transcript.add("note", f"the client leaves: {how}")
    if how == "close":
        played.connection.close()
    else:
        played.connection.reset()
    return played


@check("server.disconnect.when-gone", level=MUST, clause=EVENT, needs=NEEDS)
async def test_receive_tells_that_the_client_has_gone(probe: Probe) -> None:
    """`receive` must give `http.disconnect` when the client has closed or reset the connection.

    A long poll waits for just that; it is told while it waits, before and after the response has begun, and in the
    middle of an upload.
    """
    for how in ("close", "reset"):
        _told(await (await _gone(probe, how, DRAIN, ("note", "ready"), ("receive", PROMPTLY))).record())
        streaming = (DRAIN, start(), body(b"a", more=True), ("note", "ready"), ("receive", PROMPTLY))
        _told(await (await _gone(probe, how, *streaming)).record())
    uploading = (RECEIVE, ("note", "ready"), ("receive", PROMPTLY))
    _told(await (await _gone(probe, "close", *uploading, content=b"01234")).record())


@check("server.disconnect.shape", level=MUST, clause=ASGI["events"], needs=NEEDS)
async def test_disconnect_is_a_plain_event(probe: Probe) -> None:
    """`http.disconnect` must be a dict with text as keys and plain values."""
    told = await (await _gone(probe, "close", DRAIN, ("note", "ready"), ("receive", PROMPTLY))).record()
    for message in told.received:
        if message.get("type") == "http.disconnect":
            problems = DISCONNECT.problems(message)
            require(problems, *{problem.rule for problem in problems})


@check("server.disconnect.again", level=PRACTICE, clause=EVENT, needs=NEEDS)
async def test_disconnect_is_told_again(probe: Probe) -> None:
    """A further `receive` after `http.disconnect` should give the same again, at once.

    Libraries that poll for a disconnect hang otherwise.
    """
    played = await _gone(probe, "close", DRAIN, ("note", "ready"), UNTIL_GONE, ("receive", PROMPTLY))
    told = await played.record()
    times = len([message for message in told.received if message.get("type") == "http.disconnect"])
    if not times:
        raise Blocked("http.disconnect is not told at all")
    if times < 2:
        raise Violation(expected="http.disconnect a second time", observed="a receive() that waits")


@check("server.send-closed.kind", level=SHOULD, clause=ERROR, needs=NEEDS)
async def test_send_on_a_closed_connection(probe: Probe) -> None:
    """`send` on a closed connection should raise an `OSError` from version 2.4 on; below it, it may do nothing.

    Any other exception looks like a defect of the application to whoever catches it.
    """
    played = await _gone(probe, "close", DRAIN, ("note", "ready"), UNTIL_GONE, start(), body(b"late"))
    told = await played.record()
    for kinds in told.raised:
        if "OSError" not in kinds:
            raise Violation(expected="an OSError", observed=kinds[0])
    claimed = told.scope["asgi"].get("spec_version")
    if spec_version(claimed) >= SEND_RAISES and not told.raised:
        raise Violation(expected=f"an OSError, as version {claimed} has it", observed="a send that returned")


@check("server.send-closed.caught", level=MUST, clause=ERROR, needs=NEEDS)
async def test_own_error_is_caught(probe: Probe) -> None:
    """A server must be ready for its own error to come back out of the application, and serve on.

    An application need not catch what `send` raises when the client is gone.
    """
    await _let_through(probe)
    if (await (await play(probe, *OK)).response()).status != 200:
        raise Violation(expected="a server that serves on", observed="none")


@check("server.send-closed.not-logged", level=SHOULD, clause=ERROR, needs=NEEDS)
async def test_own_error_is_not_logged(probe: Probe) -> None:
    """A server's own error for a closed connection should not appear in its log as an error of the application."""
    await probe.start()
    before = len(probe.driver_as(ServerDriver).log())
    await _let_through(probe)
    # The next call has come and gone, so what was to be printed about the last one has been.
    await (await play(probe, *OK)).record()
    printed = probe.driver_as(ServerDriver).log()[before:]
    if "Traceback" in printed:
        raise Violation(expected="no traceback for a client that has gone", observed=printed.strip().splitlines()[-1])


async def _let_through(probe: Probe) -> None:
    """A call that sends after its client has gone, and catches nothing."""
    first, second = ("send-or-fail", start()[1]), ("send-or-fail", body(b"late")[1])
    told = await (await _gone(probe, "close", DRAIN, ("note", "ready"), UNTIL_GONE, first, second)).record()
    if not told.all("end"):
        raise Blocked("the call goes on when its client has gone")
    if told.all("end")[0][0] != "raised":
        raise NotApplicable("a send that raises when the client has gone")


@check("server.send.ends-when-gone", level=MUST, clause=ASGI["applications"], needs=NEEDS)
async def test_send_is_not_held_by_a_dead_connection(probe: Probe) -> None:
    """A `send` that waits for a client to read must come to an end when that client has gone.

    Every stalled download would keep its call, its memory and its database connection otherwise.
    """
    played = await play(probe, DRAIN, start(), ("note", "ready"), ("send-parts", 1 << 18, 200), receive_buffer=4096)
    played.connection.hold()
    await played.record("ready")
    sent = -1
    while (now := await _sent(played, beyond=sent)) > sent:
        sent = now  # it still gets further: nothing is full yet
    played.connection.reset()
    if not (await played.record()).all("end"):
        raise Violation(expected="a send that returns or raises", observed="a call that waits in send()")


async def _sent(played: Play, *, beyond: int) -> int:
    """How many messages the call has sent, as soon as there are more, or after a moment."""
    port = played.connection.port
    await played.server.call(lambda call: call.port == port and (len(call.sent) > beyond or call.ending), 0.3)
    return next((len(call.sent) for call in played.server.calls if call.port == port), 0)


@check("server.disconnect.nothing-on-wire", level=MUST, clause=ASGI_HTTP["response-body-send-event"], needs=NEEDS)
async def test_nothing_follows_the_response(probe: Probe) -> None:
    """What an application sends after the end of its response must have no effect on the wire.

    One page has such events ignored, another has `send` raise; both will do. The next response on the connection must
    not be preceded by them.
    """
    played = await play(probe, DRAIN, *OK, body(b"late"), start(), body(b"later"))
    first = await played.response()
    if not (await played.record()).all("end"):
        raise Violation(expected="sends that return or raise", observed="a send that waits")
    if first.body != b"ok" or first.end != "complete":
        raise Violation(expected="the response as it was", observed=repr(first.body))
    await played.nothing_left_behind()
