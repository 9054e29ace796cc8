"""Server-sent events: what keeps a quiet stream alive."""

from itertools import pairwise

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.spec import HTML_SSE
from asgi_conformance.sse import EventStreamLinter

from .stream import Extent, passage

AUTHORING = HTML_SSE["authoring-notes"]
NEEDS = {"sse", "sse.heartbeat", "virtual-time"}
ROUNDS = 6


@check("sse.heartbeat.in-time", level=PRACTICE, clause=AUTHORING, needs=NEEDS)
async def test_quiet_stream_is_kept_alive(probe: Probe) -> None:
    """A stream that promises keep-alives should send something at least that often.

    Proxies close a connection on which nothing was sent for a while, many after a minute, some earlier; the client
    comes back each time, and what happened in between is lost.

    Usual cause: a keep-alive that is sent only when an event is; an interval that begins anew at every wake-up.
    Usual mend: `asyncio.wait_for(queue.get(), 15)`, and a comment when it times out.
    """
    interval = float(probe.promise("sse.heartbeat"))
    seen = await passage(probe, limit=Extent(200, ROUNDS * interval))
    times = (0.0, *seen.times)
    longest = max((later - earlier for earlier, later in pairwise(times)), default=0.0)
    if not seen.ended:
        longest = max(longest, ROUNDS * interval - times[-1] if len(seen.times) < 2 else 0.0)
    if longest > 1.1 * interval + 0.5:
        raise Violation(expected=f"something every {interval:g} s", observed=f"nothing for {longest:g} s")


@check("sse.heartbeat.comment", level=PRACTICE, clause=AUTHORING, needs=NEEDS)
async def test_keep_alive_is_a_comment(probe: Probe) -> None:
    """A keep-alive should be a comment: no event, and above all no id.

    Listeners are called for an event, and an id moves the place from which a client resumes.

    Usual cause: `data: ping`; a function that gives every block the next id.
    Usual mend: a line that begins with a colon, and a blank line.
    """
    interval = float(probe.promise("sse.heartbeat"))
    seen = await passage(probe, limit=Extent(200, ROUNDS * interval))
    if not seen.body:
        raise Blocked("there is no keep-alive")
    for finding in EventStreamLinter().feed(seen.body):
        if finding.rule == "P14":
            raise Violation(expected=finding.expected, observed=f"{finding.observed}, at byte {finding.offset}")
    if b"\n:" not in seen.body.replace(b"\r", b"\n") and not seen.body.startswith(b":"):
        raise NotApplicable("a quiet moment, in which a keep-alive is needed")
