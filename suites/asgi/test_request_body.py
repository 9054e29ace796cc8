"""ASGI HTTP: the ``http.request`` event, in every shape that a server may give it."""

from collections.abc import Iterable

from asgi_conformance import MUST, SHOULD, Blocked, NotApplicable, Probe, Response, Unanswered, Violation, check, waits
from asgi_conformance.drivers.http import payload
from asgi_conformance.judging import BODY, START, ended, http_call, only
from asgi_conformance.protocol.types import Message
from asgi_conformance.spec import ASGI, ASGI_HTTP
from asgi_conformance.waits import Limit

CLAUSE = ASGI_HTTP["request-receive-event"]
REQUEST = "http.request"


@check("asgi.request-body.any-cut", level=MUST, clause=CLAUSE, needs={"http.upload"})
async def test_body_may_come_in_any_pieces(probe: Probe) -> None:
    """A request body must mean the same however it is cut into `http.request` events.

    A server cuts it where the network did. Joined, the pieces are the body; `more_body` says whether another
    one follows.

    Usual cause: one `await receive()` taken for the whole body; an empty piece taken for the end.
    Usual mend: collect until `more_body` is false; `await request.body()` does that.
    """
    whole = await probe.request()
    body = probe.route.body
    # Not every byte by itself on a real connection: a thousand round trips show no more than fifty.
    size = max(1, len(body) // 50)
    cuts = {
        "in small pieces": [body[at : at + size] for at in range(0, len(body), size)],
        "in two halves": [body[: len(body) // 2], body[len(body) // 2 :]],
    }
    for how, pieces in cuts.items():
        async with probe.exchange(streaming=True) as exchange:
            for number, piece in enumerate(pieces, 1):
                await exchange.send(piece, more=number < len(pieces))
            try:
                status = (await exchange.head()).status
                data = b""
                while (part := await exchange.piece()) is not None:
                    data += part.data
            except Unanswered as reason:
                raise Violation(expected=f"the same response to a body {how}", observed=str(reason)) from reason
        _same(whole, status, data, f"to a body {how}")


@check("asgi.request-body.empty-pieces", level=MUST, clause=CLAUSE, needs={"http.upload", "script"})
async def test_empty_pieces_say_nothing(probe: Probe) -> None:
    """An `http.request` with an empty body must not be taken for the end while `more_body` is true.

    Servers send one at the start, in the middle, or as the last event of every body.

    Usual cause: `while chunk := message["body"]`.
    Usual mend: end the loop when `more_body` is false, and not before.
    """
    body = probe.route.body
    half = len(body) // 2
    await _answer_alike(probe, "to a body with an empty first piece", _events([b"", body]))
    await _answer_alike(probe, "to a body with an empty piece inside", _events([body[:half], b"", body[half:]]))
    await _answer_alike(probe, "to a body with an empty last piece", _events([body, b""]))


@check("asgi.request-body.single-bytes", level=MUST, clause=CLAUSE, needs={"http.upload", "script"})
async def test_body_may_come_byte_by_byte(probe: Probe) -> None:
    """A request body must mean the same when every byte of it comes in an event of its own.

    Usual cause: a parser that expects a delimiter or a multi-byte character within one piece; decoding each
    piece by itself.
    Usual mend: an incremental decoder, or decoding the joined body.
    """
    body = probe.route.body
    await _answer_alike(
        probe, "to a body that comes byte by byte", _events([body[at : at + 1] for at in range(len(body))])
    )


@check("asgi.request-body.optional-keys", level=MUST, clause=CLAUSE, needs={"http.upload", "script"})
async def test_optional_keys_may_be_absent(probe: Probe) -> None:
    """An `http.request` without `body` must count as an empty piece, and one without `more_body` as the last.

    Usual cause: `message["body"]`, `message["more_body"]`.
    Usual mend: `message.get("body", b"")`, `message.get("more_body", False)`.
    """
    body = probe.route.body
    await _answer_alike(probe, "without 'more_body'", [{"type": REQUEST, "body": body}])
    first: list[Message] = [{"type": REQUEST, "body": body, "more_body": True}]
    await _answer_alike(probe, "to a last event without 'body'", [*first, {"type": REQUEST, "more_body": False}])
    await _answer_alike(probe, "to a last event without any key", [*first, {"type": REQUEST}])


@check("asgi.request-body.extra-keys", level=SHOULD, clause=ASGI["error-handling"], needs={"http.upload", "script"})
async def test_unknown_keys_are_ignored(probe: Probe) -> None:
    """An event with keys that the application does not know should be taken as if they were not there.

    New versions of the protocol add keys.

    Usual cause: unpacking the event into a class with fixed fields.
    """
    event = {"type": REQUEST, "body": probe.route.body, "more_body": False, "conformance": {"key": [1]}}
    await _answer_alike(probe, "to an event with an unknown key", [event])


@check("asgi.request-body.invalid-event", level=SHOULD, clause=ASGI["error-handling"], needs={"http.upload", "script"})
async def test_invalid_event_is_no_body(probe: Probe) -> None:
    """An application that is given an invalid event should raise, or refuse the request: here a `body` that is text.

    What comes out of an invalid event is a guess, and a success would hide the server's defect.

    Usual cause: a conversion of whatever comes, such as `str(body)` or `bytes(body, "utf-8")`.
    """
    whole = await probe.request()
    if not whole.complete or whole.status >= 400:
        raise NotApplicable("a successful response to the body as it should be")
    text = probe.route.body.decode("latin-1") or "text"
    call = await http_call(probe, inbox=[{"type": REQUEST, "body": text}], farewell={"type": "http.disconnect"})
    await waits.until(call, lambda: ended(call.sent), Limit(60.0, 10.0))
    starts = only(START, call.sent)
    status = starts[0].get("status") if starts else None
    # Whoever passes it on as it is leaves it to the next one to raise.
    passed_on = any(not isinstance(message.get("body", b""), bytes) for message in only(BODY, call.sent))
    if ended(call.sent) and not passed_on and isinstance(status, int) and status < 400:
        raise Violation(expected="an exception, or a refusal", observed=f"a complete response with status {status}")


def _events(pieces: list[bytes]) -> list[Message]:
    last = len(pieces) - 1
    return [{"type": REQUEST, "body": piece, "more_body": at < last} for at, piece in enumerate(pieces)]


async def _answer_alike(probe: Probe, how: str, inbox: Iterable[Message]) -> None:
    """Compare the response to these events with the one to the same body in one event."""
    whole = await probe.request()
    call = await http_call(probe, inbox=inbox, farewell={"type": "http.disconnect"})
    await waits.until(call, lambda: ended(call.sent), Limit(60.0, 10.0))
    if not ended(call.sent):
        raised = call.ended().error or "no end of the response"
        raise Violation(expected=f"the same response {how}", observed=raised)
    starts = only(START, call.sent)
    _same(whole, starts[0].get("status") if starts else None, b"".join(map(payload, call.sent)), how)


def _same(whole: Response, status: object, body: bytes, how: str) -> None:
    if not whole.complete:
        raise Blocked("there is no complete response to the undivided body")
    if status != whole.status:
        raise Violation(expected=f"status {whole.status} {how}", observed=f"status {status}")
    if body != whole.body:
        raise Violation(expected=f"the same content {how}", observed=f"{len(body)} other bytes")
