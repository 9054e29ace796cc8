"""Practice: an endpoint that speaks JSON."""

import json

from asgi_conformance import PRACTICE, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed
from asgi_conformance.spec import PRACTICES

from .conversation import accepted, patience

CLAUSE = PRACTICES["websocket-json"]
NEEDS = {"websocket", "websocket.json"}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


async def _reply(probe: Probe, text: str) -> str | None:
    """The answer to a message; None for a close or for silence."""
    async with probe.websocket() as exchange:
        await accepted(probe, exchange)
        await exchange.send(text)
        try:
            answer = await exchange.receive(patience(probe))
        except Unanswered:
            return None
    if isinstance(answer, Closed):
        return None
    return answer if isinstance(answer, str) else answer.decode("utf-8", "replace")


@check("websocket.json.answered", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_json_is_answered_with_json(probe: Probe) -> None:
    """A JSON message should be answered with JSON.

    Usual cause: `send_text(str(data))`, which gives Python's own notation, with single quotes.
    """
    answer = await _reply(probe, '{"text": "Grüße", "number": 1.5, "none": null, "list": [true, {}]}')
    if answer is None:
        raise Violation(expected="an answer to a JSON message", observed="none")
    _strict(answer)


@check("websocket.json.strict", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_answers_are_strict_json(probe: Probe) -> None:
    """Answers should be JSON that every parser takes, whatever the client has sent: no NaN, no Infinity.

    Python reads and writes these three words, which are none of JSON. A browser's `JSON.parse` throws on them,
    and one client can have them sent to others.

    Usual mend: refuse them with `parse_constant`, and write with `allow_nan=False`.
    """
    for text in ('{"text": NaN}', '{"text": [Infinity, -Infinity]}'):
        answer = await _reply(probe, text)
        if answer is not None:
            _strict(answer)


def _strict(answer: str) -> None:
    try:
        json.loads(answer, parse_constant=_no_constant)
    except ValueError as error:
        raise Violation(expected="JSON", observed=f"{answer[:80]!r} ({error})") from None
