"""Server: the lifespan, from the start of the process to its end."""

import signal

from asgi_conformance import MUST, PRACTICE, SHOULD, Blocked, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.server import ServerDriver, ServerProcess
from asgi_conformance.drivers.wire import read_response
from asgi_conformance.drivers.wire_connection import connect
from asgi_conformance.judging import require
from asgi_conformance.protocol.scope import LIFESPAN
from asgi_conformance.spec import ASGI, ASGI_LIFESPAN

from .script import OK, RECEIVE, Life, Record, Step, body, head, life, new_name, play, start

SCOPE = ASGI_LIFESPAN["scope"]
FAILED = ASGI_LIFESPAN["startup-failed-send-event"]
COMPLETE = ASGI_LIFESPAN["startup-complete-send-event"]
SHUTDOWN = ASGI_LIFESPAN["shutdown-receive-event"]
STOPPED = ASGI_LIFESPAN["shutdown-complete-send-event"]
# Each check ends its server, or starts others that it ends.
NEEDS = {"server.script", "wire", "process"}
BOUND = 30.0  # seconds; the end of a process with nothing left to do

STARTED: Step = ("send", {"type": "lifespan.startup.complete"})
ENDED: Step = ("send", {"type": "lifespan.shutdown.complete"})
WORDS = "the-words-of-the-application"


def _types(record: Record) -> list[object]:
    return [message.get("type") for message in record.received]


async def _stopped(own: Life) -> int:
    """The exit code of the server after SIGTERM; Violation when it does not end."""
    own.server.signal(signal.SIGTERM)
    try:
        return await own.server.wait_exit(BOUND)
    except Unanswered as reason:
        raise Violation(expected="the end of the process after SIGTERM", observed=str(reason)) from reason


@check("server.lifespan.scope", level=MUST, clause=SCOPE, needs=NEEDS)
async def test_lifespan_has_its_scope(probe: Probe) -> None:
    """The lifespan's scope must be a dict of type "lifespan" with `asgi.version`; its `state`, if any, is empty."""
    async with life(probe, RECEIVE, STARTED, RECEIVE, ENDED) as own:
        scope = own.printed.scope
    if scope.get("type") != "lifespan":
        raise Violation(expected="type 'lifespan'", observed=repr(scope.get("type")))
    problems = LIFESPAN.problems(scope)
    require(problems, *{problem.rule for problem in problems})


@check("server.lifespan.once-per-loop", level=SHOULD, clause=ASGI_LIFESPAN["lifespan-protocol"], needs=NEEDS)
async def test_one_lifespan_for_the_loop(probe: Probe) -> None:
    """There should be one lifespan for each event loop that serves requests, begun and ended once."""
    async with life(probe, RECEIVE, STARTED, RECEIVE, ENDED) as own:
        for _ in range(3):
            await own.serves()
        await _stopped(own)
        told = own.printed
    if len(told.all("call")) != 1:
        raise Violation(expected="one lifespan", observed=f"{len(told.all('call'))}")
    if _types(told) != ["lifespan.startup", "lifespan.shutdown"]:
        raise Violation(expected="startup and shutdown, once each", observed=repr(_types(told)))


@check("server.lifespan.same-loop", level=SHOULD, clause=ASGI_LIFESPAN["lifespan-protocol"], needs=NEEDS)
async def test_requests_run_on_the_lifespans_loop(probe: Probe) -> None:
    """A lifespan and the requests it belongs to should share one event loop.

    Connections and locks made at startup are bound to the loop that they were made on.
    """
    async with life(probe, ("place",), RECEIVE, STARTED, RECEIVE, ENDED) as own:
        told = await (await play(probe, ("place",), *OK, server=own.server)).record()
        if not set(told.all("place")) <= set(own.printed.all("place")):
            raise Violation(expected="the process, thread and loop of the lifespan", observed="others")


async def _serves_without(probe: Probe, how: str, *steps: Step) -> Life:
    """A server whose lifespan has ended early must serve; its record at the end."""
    async with life(probe, *steps) as own:
        if own.refused:
            raise Violation(expected=f"a server that starts when the lifespan {how}", observed=own.refused)
        if not await own.serves():
            raise Violation(expected=f"a server that serves when the lifespan {how}", observed="no response")
        await _stopped(own)
    return own


@check("server.lifespan.raise-is-no-failure", level=MUST, clause=SCOPE, needs=NEEDS)
async def test_server_serves_when_the_lifespan_raises(probe: Probe) -> None:
    """A server must go on when an application raises in its lifespan: it need not have one.

    It does so in its automatic mode, which is judged here; others can insist on a lifespan.
    """
    await _serves_without(probe, "raises", ("raise", "no lifespan here"))
    await _serves_without(probe, "raises at startup", RECEIVE, ("raise", "no lifespan here"))


@check("server.lifespan.nothing-after-raise", level=MUST, clause=SCOPE, needs=NEEDS)
async def test_lifespan_that_raised_hears_nothing(probe: Probe) -> None:
    """After the lifespan has raised, a server must not send it any further event, in particular no shutdown."""
    try:
        own = await _serves_without(probe, "raises", RECEIVE, ("raise", "no lifespan here"))
    except Violation as reason:
        raise Blocked(f"the server does not go on: {reason.observed}") from reason
    if _types(own.printed) != ["lifespan.startup"] or len(own.printed.all("call")) != 1:
        raise Violation(expected="nothing after the exception", observed=repr(_types(own.printed)))


@check("server.lifespan.failed-stops", level=MUST, clause=SCOPE, needs=NEEDS)
async def test_failed_startup_keeps_from_serving(probe: Probe) -> None:
    """`lifespan.startup.failed` must keep the server from serving; the message may be left out."""
    for message in ({}, {"message": WORDS}):
        async with life(probe, RECEIVE, ("send", {"type": "lifespan.startup.failed", **message})) as own:
            if not own.refused:
                raise Violation(expected="no server after lifespan.startup.failed", observed="one that serves")


@check("server.lifespan.failed-told", level=SHOULD, clause=FAILED, needs=NEEDS)
async def test_failed_startup_is_told(probe: Probe) -> None:
    """On `lifespan.startup.failed` a server should print or log the message, and end; the exit code is not 0."""
    async with life(probe, RECEIVE, ("send", {"type": "lifespan.startup.failed", "message": WORDS})) as own:
        if not own.refused:
            raise Blocked("the server serves nevertheless")
        process = own.server.process
        printed = [line for line in own.server.log().splitlines() if not line.startswith("scripted:")]
        if not any(WORDS in line for line in printed):
            raise Violation(expected="the message in the server's log", observed="nothing of it")
        if not process.ended or process.exit_code == 0:
            raise Violation(expected="an exit code that tells of a failure", observed=str(process.exit_code))


@check("server.lifespan.startup-first", level=MUST, clause=COMPLETE, needs=NEEDS)
async def test_nothing_is_served_before_startup_is_complete(probe: Probe) -> None:
    """No request must be processed before `lifespan.startup.complete`, though its connection may be accepted."""
    ours = probe.driver_as(ServerDriver)
    steps: tuple[Step, ...] = (RECEIVE, ("sleep", 0.5), ("note", "completing"), STARTED, RECEIVE, ENDED)
    process = ServerProcess(ours.name, ours.process.app, env={"SCRIPTED_LIFESPAN": ascii(steps)})
    process.begin()
    try:
        # The listening socket is there already: what comes now waits in its queue.
        early = await connect(*process.address)
        own = ServerDriver(ours.name, process, transcript=probe.transcript)
        await early.send(head(own, (("print", "request"), *OK), new_name()))
        async with own:
            response = await read_response(early, within=BOUND)
            told = Life(probe, own).printed
        await early.dispose()
    finally:
        process.kill()
    order = [event[0] for event in told.events if event[0] in {"request", "completing"}]
    if response.status == 200 and order[:1] != ["completing"]:
        raise Violation(expected="no request before startup was complete", observed="a call during startup")


@check("server.lifespan.shutdown-last", level=MUST, clause=SHUTDOWN, needs=NEEDS)
async def test_shutdown_comes_after_the_last_request(probe: Probe) -> None:
    """`lifespan.shutdown` must come when no connection is accepted any more and those that were active are closed.

    What a request needs would be taken away under its feet.
    """
    busy: tuple[Step, ...] = (
        start(200, [(b"content-length", b"2")]),
        body(b"a", more=True),
        ("note", "busy"),
        ("sleep", 0.7),
        body(b"b"),
        ("print", "end-of-request"),
    )
    async with life(probe, RECEIVE, STARTED, RECEIVE, ("note", "stopping"), ENDED) as own:
        played = await play(probe, *busy, server=own.server)
        await played.record("busy")
        await _stopped(own)
        response = await played.response()
        told = own.printed
    if response.body != b"ab" or response.end != "complete":
        raise Violation(expected="the response under way, complete", observed=f"{response.body!r}, {response.end}")
    if told.at("stopping") < told.at("end-of-request"):
        raise Violation(expected="lifespan.shutdown after the last request", observed="lifespan.shutdown before it")


@check("server.lifespan.shutdown-awaited", level=MUST, clause=STOPPED, needs=NEEDS)
async def test_process_waits_for_shutdown(probe: Probe) -> None:
    """The process must not end before `lifespan.shutdown.complete` has come, by SIGTERM as by SIGINT."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        async with life(probe, RECEIVE, STARTED, RECEIVE, ("sleep", 0.7), ("note", "cleaned"), ENDED) as own:
            own.server.signal(signum)
            try:
                await own.server.wait_exit(BOUND)
            except Unanswered as reason:
                raise Violation(expected="the end of the process", observed=str(reason)) from reason
            told = own.printed
        if "lifespan.shutdown" not in _types(told):
            raise Violation(expected="lifespan.shutdown", observed="no such event before the process ended")
        if not told.all("cleaned"):
            raise Violation(expected="a process that waits for the answer", observed="one that ended before it")


@check(
    "server.lifespan.shutdown-failed-told",
    level=SHOULD,
    clause=ASGI_LIFESPAN["shutdown-failed-send-event"],
    needs=NEEDS,
)
async def test_failed_shutdown_is_told(probe: Probe) -> None:
    """On `lifespan.shutdown.failed` a server should print or log the message, and end; the message may be left out."""
    for message in ({}, {"message": WORDS}):
        async with life(
            probe, RECEIVE, STARTED, RECEIVE, ("send", {"type": "lifespan.shutdown.failed", **message})
        ) as own:
            await _stopped(own)
            printed = [line for line in own.server.log().splitlines() if not line.startswith("scripted:")]
        if message and not any(WORDS in line for line in printed):
            raise Violation(expected="the message in the server's log", observed="nothing of it")


@check("server.lifespan.death-told", level=PRACTICE, clause=SCOPE, needs=NEEDS)
async def test_lifespan_that_dies_is_told(probe: Probe) -> None:
    """An exception that ends the lifespan after startup, or during shutdown, should be logged.

    What the lifespan held is gone with it, and every request finds out by itself.
    """
    async with life(probe, RECEIVE, STARTED, RECEIVE, ("raise", WORDS)) as own:
        await _stopped(own)
        printed = [line for line in own.server.log().splitlines() if not line.startswith("scripted:")]
    if not any(WORDS in line for line in printed):
        raise Violation(expected="the exception in the server's log", observed="nothing of it")


@check("server.lifespan.invalid-raises", level=SHOULD, clause=ASGI["error-handling"], needs=NEEDS)
async def test_invalid_lifespan_event_raises(probe: Probe) -> None:
    """`send` should raise for a lifespan event that does not exist, and for a second answer."""
    wrong: Step = ("send", {"type": "lifespan.conformance"})
    async with life(probe, RECEIVE, wrong, STARTED, RECEIVE, ENDED) as own:
        if not own.printed.raised:
            raise Violation(expected="a send() that raises for an unknown type", observed="a send() that returned")
    async with life(probe, RECEIVE, STARTED, STARTED, ("note", "answered"), RECEIVE, ENDED) as own:
        await own.serves()
        if not own.printed.raised:
            raise Violation(expected="a send() that raises for a second answer", observed="a send() that returned")
