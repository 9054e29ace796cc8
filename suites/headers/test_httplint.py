"""HTTP: the headers of a response as httplint judges them, field by field."""

import asyncio
import importlib
import importlib.util
from datetime import UTC, datetime
from email.utils import format_datetime

from asgi_conformance import PRACTICE, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.spec import RFC_9110

EXTRA = "httplint, which judges headers: pip install 'asgi-conformance[headers]'"


async def _bad(probe: Probe) -> list[str]:
    """What httplint calls bad in the response that the application sent."""
    if importlib.util.find_spec("httplint") is None:
        raise Blocked(EXTRA)
    # In a thread: the first import takes long enough to be taken for an application that holds the loop.
    httplint = await asyncio.to_thread(importlib.import_module, "httplint")
    response = await probe.request()
    if not response.headers and response.ending.how == "raised":
        raise NotApplicable("a response from the application: it raises instead")
    headers = list(response.headers)
    if response.head.get("date") is None:
        headers.append((b"date", format_datetime(datetime.now(UTC), usegmt=True).encode()))  # which servers add
    linter = httplint.HttpResponseLinter(no_content=probe.route.method == "HEAD")
    linter.process_response_topline(b"HTTP/1.1", str(response.status).encode(), b"")
    linter.process_headers(headers)
    if response.complete:
        linter.feed_content(response.body)
        linter.finish_content(True)
    return [f"{note.summary} ({note.subject})" for note in linter.notes if note.level.name == "BAD"]


@check("headers.httplint.faults", level=PRACTICE, clause=RFC_9110["section-5"], needs={"http", "messages"})
async def test_headers_have_no_faults(probe: Probe) -> None:
    """A response should have no header that httplint calls bad: a value that cannot be read, or contradicts another.

    httplint knows the grammar and the meaning of some hundred fields; what it calls bad is not what its author meant.
    """
    if found := await _bad(probe):
        raise Violation(expected="no header that httplint calls bad", observed="; ".join(found))
