"""ASGI: what requests leave behind in the process."""

from asgi_conformance import PRACTICE, NotApplicable, Probe, Violation, check, waits
from asgi_conformance.judging import ended, http_call
from asgi_conformance.leaks import Complaints, Leak, Origins, growing, told
from asgi_conformance.leaks.complaints import COROUTINE, EXCEPTION
from asgi_conformance.spec import PRACTICES
from asgi_conformance.waits import Limit

CLAUSE = PRACTICES["cleanup"]
GONE = {"type": "http.disconnect"}
PARTS = 50  # of a stream, after which the client leaves
REPEATS = 3
KINDS = ("thread", "thread pool", "child process", "descriptor", "temporary file", "timer", "generator")
NEEDS = {"http", "script"}


@check("asgi.leaks.resources", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_requests_do_not_pile_up_resources(probe: Probe) -> None:
    """Requests should leave no thread, process, open file, socket, timer or suspended generator behind, one more each.

    What stays with each request ends with "too many open files", or with a process that is killed for its memory,
    after days. What is made once and kept, and pools that are filled up to a bound, are not counted.

    Usual cause: a client or a connection made for each request, and not closed when the request fails or its
    client leaves; `Popen` without `wait`; a `ThreadPoolExecutor` for each request.
    Usual mend: `async with` around it; one for all requests, made in the lifespan.
    """
    with Origins() as origins:
        if leaks := await growing(lambda: _once(probe), *KINDS, origins=origins):
            raise Violation(expected="nothing more with each request", observed=told(leaks))


@check("asgi.leaks.unheard", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_requests_forget_nothing(probe: Probe) -> None:
    """A request should forget no coroutine, and start nothing that fails without anybody hearing of it.

    The response looks well, and what was to be done beside it was not done.

    Usual cause: a missing `await`; `asyncio.create_task` for work beside the response, without anybody who asks
    how it ended.
    Usual mend: `await` it; background tasks of the framework; `add_done_callback` with one that logs the exception.
    """
    with Origins() as origins, Complaints(origins) as complaints:
        for _ in range(REPEATS):
            await _once(probe)
        leaks: list[Leak] = [leak for leak in await complaints.heard() if leak.kind in {COROUTINE, EXCEPTION}]
        if leaks:
            raise Violation(expected="nothing forgotten and nothing unheard", observed=told(leaks))


async def _once(probe: Probe) -> None:
    """Make the request, and read the response, or the beginning of a stream."""
    call = await http_call(probe, farewell=GONE)
    await waits.until(call, lambda: ended(call.sent) or len(call.sent) > PARTS, Limit(60.0, 2.0))
    if ended(call.sent):
        call.finish()
    else:
        call.leave()
    if (await waits.ending(call, Limit(3600.0, 5.0))).how == "running":
        raise NotApplicable("a request that ends")
    # What it raised holds its frames, and with them all that they hold.
    probe.inprocess.calls.remove(call)
