"""Practice: an endpoint that answers every text message with one that contains it."""

from asgi_conformance import PRACTICE, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed, WebSocketExchange
from asgi_conformance.spec import ASGI_WEBSOCKET

from .conversation import accepted, patience

CLAUSE = ASGI_WEBSOCKET["send-send-event"]
NEEDS = {"websocket", "websocket.echo"}


async def _answer(probe: Probe, exchange: WebSocketExchange, to: str) -> str:
    shown = to if len(to) < 40 else f"a text of {len(to)} characters"
    try:
        answer = await exchange.receive(patience(probe))
    except Unanswered as silence:
        raise Violation(expected=f"an answer to {shown!r}", observed=str(silence)) from None
    if isinstance(answer, Closed):
        raise Violation(expected=f"an answer to {shown!r}", observed=f"a close with {answer.code}")
    return answer if isinstance(answer, str) else answer.decode("utf-8", "replace")


def _contains(answer: str, text: str) -> None:
    if text not in answer:
        cut = answer if len(answer) < 80 else f"{answer[:80]}… ({len(answer)} characters)"
        raise Violation(expected=f"an answer that contains {text[:40]!r}", observed=repr(cut))


@check("websocket.echo.round-trip", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_text_comes_back(probe: Probe) -> None:
    """What an echoing endpoint is told should come back unchanged, whatever the text.

    Usual cause: an encoding other than UTF-8 on the way; text that is stripped or split.
    """
    async with probe.websocket() as exchange:
        await accepted(probe, exchange)
        for text in ("conformance", "Grüße, 世界 🌍", " two  blanks ", "a" * 70_000):
            await exchange.send(text)
            _contains(await _answer(probe, exchange, text), text)


@check("websocket.echo.order", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_answers_keep_order(probe: Probe) -> None:
    """Answers should come in the order of the messages, one each, also when messages come in a row.

    Usual cause: a task for each message.
    """
    texts = [f"conformance {number:02}" for number in range(20)]
    async with probe.websocket() as exchange:
        await accepted(probe, exchange)
        for text in texts:
            await exchange.send(text)
        for text in texts:
            _contains(await _answer(probe, exchange, text), text)


@check("websocket.echo.connections-apart", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_connections_are_apart(probe: Probe) -> None:
    """Each of several connections should get the answers to its own messages.

    Usual cause: the current connection kept in a global or on the application.
    """
    async with probe.websocket() as one, probe.websocket() as other:
        await accepted(probe, one)
        await accepted(probe, other)
        for number in range(3):
            await one.send(f"from one {number}")
            await other.send(f"from other {number}")
            _contains(await _answer(probe, one, f"from one {number}"), f"from one {number}")
            _contains(await _answer(probe, other, f"from other {number}"), f"from other {number}")
