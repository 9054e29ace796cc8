"""ASGI: the same request in process and on a server, compared message by message."""

import re
from typing import Any

from asgi_conformance import (
    PRACTICE,
    Blocked,
    InProcess,
    NotApplicable,
    Probe,
    Response,
    Unanswered,
    Unreachable,
    Violation,
    check,
)
from asgi_conformance.drivers.exchange import read_response
from asgi_conformance.drivers.http import pairs
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.judging import START, ended, only
from asgi_conformance.loading import LoadError, load
from asgi_conformance.protocol.content import NO_CONTENT
from asgi_conformance.protocol.problem import show
from asgi_conformance.spec import ASGI

HOST = ((b"host", b"127.0.0.1"),)
# Numbers, dates, identifiers and hashes differ from process to process, and no application is wrong for it.
VARYING = re.compile(
    rb"[0-9A-Fa-f]*[0-9][0-9A-Fa-f]*|Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
)
TEXT = re.compile(rb"^text/|json|xml|javascript")
Said = tuple[Any, list[tuple[bytes, bytes]], bytes]


def _said(response: Response) -> Said:
    """Status, headers and body of a response, with everything that may vary made alike.

    The head is what the application has sent; of long bodies only the client has everything.
    """
    starts = only(START, response.messages)
    if len(starts) != 1 or not ended(response.messages) or not response.complete:
        raise NotApplicable("one complete response")
    headers = [(name, _alike(value)) for name, value in pairs(starts[0].get("headers"))]
    return starts[0].get("status"), headers, _alike(response.body)


def _alike(value: bytes) -> bytes:
    return VARYING.sub(b"#", value)


@check(
    "asgi.call.same-on-server",
    level=PRACTICE,
    clause=ASGI["applications"],
    needs={"http", "wire", "messages"},
)
async def test_answer_is_the_same_on_a_server(probe: Probe) -> None:
    """An application should answer a request alike in process, where it is tested, and on a server.

    Compared is what the application itself sends, byte by byte: what a server adds or changes is not its affair.
    Numbers, dates, identifiers and what is no text may differ, and so may what differs from one request to the next.

    Usual cause: a look at the address, the environment or the command line that takes tests for something else; state
    that another process has.
    """
    if "http.stream" in probe.route.capabilities and "http.finite" not in probe.route.capabilities:
        raise NotApplicable("a response that comes to an end")
    server = probe.driver_as(ServerDriver)
    there = [_said(await probe.request(headers=HOST)) for _ in range(2)]
    try:
        app = load(server.process.app)
        async with InProcess(app, raise_app_exceptions=False) as client:
            here = []
            for _ in range(2):
                exchange = await client.http(probe.http_request(headers=HOST))
                here.append(_said(await read_response(exchange)))
    except (LoadError, Unreachable, Unanswered) as reason:
        raise Blocked(f"the application cannot be reached in process: {reason}") from reason
    if there[0] != there[1] or here[0] != here[1]:
        raise NotApplicable("a response that is the same twice")
    (status, headers, body), (other_status, other_headers, other_body) = here[0], there[0]
    if status != other_status:
        raise Violation(expected=f"status {status}, as in process", observed=f"status {other_status}")
    if headers != other_headers:
        missing = [pair for pair in headers if pair not in other_headers]
        added = [pair for pair in other_headers if pair not in headers]
        observed = f"without {show(missing)}, with {show(added)}" if missing or added else "another order"
        raise Violation(expected="the headers that it sends in process", observed=observed)
    # What is no text may hold a date or an address in a form of its own.
    if TEXT.search(dict(headers).get(b"content-type", b"")) and status not in NO_CONTENT and body != other_body:
        at = next(
            (i for i, (a, b) in enumerate(zip(body, other_body, strict=False)) if a != b),
            min(len(body), len(other_body)),
        )
        raise Violation(
            expected=f"…{show(body[max(0, at - 10) : at + 20])}",
            observed=f"…{show(other_body[max(0, at - 10) : at + 20])}",
        )
