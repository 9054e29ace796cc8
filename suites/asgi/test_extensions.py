"""ASGI extensions: what an application sends when the server offers them."""

from asgi_conformance import MUST, NotApplicable, Probe, check, waits
from asgi_conformance.drivers.http import type_of
from asgi_conformance.judging import ended, http_call, require
from asgi_conformance.protocol.conversation import Conversation
from asgi_conformance.protocol.http import HTTP
from asgi_conformance.protocol.problem import Problem
from asgi_conformance.spec import ASGI_EXTENSIONS, Clause
from asgi_conformance.waits import Limit

NAMES = ("debug", "early_hint", "pathsend", "push", "trailers", "zerocopysend")
NEEDS = {"http", "script"}


def _clause(anchor: str) -> Clause:
    return ASGI_EXTENSIONS[anchor]


async def _judge(probe: Probe, name: str) -> None:
    """Offer every extension, and judge what is sent of this one by the rules of the protocol table."""
    offered: dict[str, dict[str, object]] = {f"http.response.{one}": {} for one in NAMES}
    call = await http_call(probe, farewell={"type": "http.disconnect"}, scope={"extensions": offered})
    conversation = Conversation(HTTP, call.scope)
    problems: list[Problem] = []
    # At once: a file that is sent may be closed a moment later.
    call.on_sent = lambda message: problems.extend(conversation.sent(message))
    await waits.until(call, lambda: ended(call.sent) or len(call.sent) > 1000, Limit(60.0, 2.0))
    if ended(call.sent):
        call.finish()
        await waits.ending(call, Limit(5.0, 5.0))
    used = f"http.response.{name}"
    if not any(type_of(message) == used for message in call.sent):
        raise NotApplicable(f"a response with {used}")
    prefix = f"http.{name.replace('_', '-')}."
    if call.ended().how == "returned":
        problems.extend(conversation.returned())
    require(problems, *{problem.rule for problem in problems if problem.rule.startswith(prefix)})


@check("asgi.pathsend.instead-of-body", level=MUST, clause=_clause("path-send"), needs=NEEDS)
async def test_pathsend_replaces_the_body(probe: Probe) -> None:
    """A `http.response.pathsend` must come once, after the start, instead of a body, with an absolute path.

    The headers of the content are the application's affair; the server only sends the file.

    Usual cause: middleware that adds a body message of its own; a path that is relative to the application's
    folder, not the server's.
    """
    await _judge(probe, "pathsend")


@check("asgi.trailers.announced", level=MUST, clause=_clause("http-trailers"), needs=NEEDS)
async def test_trailers_are_announced(probe: Probe) -> None:
    """Trailers must be announced in the response start, and come after the last body message.

    `trailers` is true there and a `trailer` header names them; without it the server has closed the response
    before they come.

    Usual cause: middleware that adds a checksum as a trailer, and leaves the start as it was.
    """
    await _judge(probe, "trailers")


@check("asgi.early-hint.after-start", level=MUST, clause=_clause("early-hints"), needs=NEEDS)
async def test_early_hint_comes_in_time(probe: Probe) -> None:
    """A `http.response.early_hint` must come between the response start and the last body, with links as bytes.

    Usual cause: a hint before the start, where it is on the wire but not in ASGI; links as text.
    """
    await _judge(probe, "early_hint")


@check("asgi.push.before-end", level=MUST, clause=_clause("http-2-server-push"), needs=NEEDS)
async def test_push_comes_in_time(probe: Probe) -> None:
    """A `http.response.push` must come between the response start and the last body, with a path as text.

    Its headers follow the rules of response headers: lower case, no pseudo headers.

    Usual cause: a push after the response, or headers copied as they look in HTTP/1.1.
    """
    await _judge(probe, "push")


@check("asgi.zerocopysend.descriptor", level=MUST, clause=_clause("zero-copy-send"), needs=NEEDS)
async def test_zerocopysend_has_a_descriptor(probe: Probe) -> None:
    """A `http.response.zerocopysend` must name an open file of the operating system, after the response start.

    Usual cause: an `io.BytesIO`, or a file that was closed already.
    """
    await _judge(probe, "zerocopysend")


@check("asgi.debug.before-start", level=MUST, clause=_clause("debug"), needs=NEEDS)
async def test_debug_comes_first(probe: Probe) -> None:
    """A `http.response.debug` must come once, before the response start, with a dict whose keys are text.

    Usual cause: debug information that is known only when the response has begun.
    """
    await _judge(probe, "debug")
