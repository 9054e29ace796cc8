"""Practice: messages that the endpoint does not expect. Anybody can send them."""

import json

from asgi_conformance import MUST, PRACTICE, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.base import Ability
from asgi_conformance.drivers.http import type_of
from asgi_conformance.protocol.types import Message
from asgi_conformance.spec import ASGI_WEBSOCKET

from .conversation import (
    CONNECT,
    ENDS_WITHIN,
    LOSS,
    accepted,
    bytes_message,
    drain,
    is_departure,
    patience,
    quiet,
    scope_for,
    text_for,
    text_message,
)

CLAUSE = ASGI_WEBSOCKET["receive-receive-event"]
HUGE = 1 << 20
REFUSALS = {1003, 1007, 1008, 1009}

MALFORMED = (
    "{",
    "null",
    "[]",
    "0",
    '"text"',
    "{}",
    json.dumps({"type": None, "action": [], "text": {}, "data": 0}),
    "NaN",
    "\x00",
    "[" * 5000,
)


async def _survives(probe: Probe, what: str, data: str | bytes) -> bool:
    """Send one message and close: the call must not end with an internal error. Whether it has ended at all."""
    async with probe.websocket() as exchange:
        await accepted(probe, exchange)
        await exchange.send(data)
        await drain(probe, exchange, 1)
        await exchange.close(1000)
        # An error would have come with the answer; on a server there is no time to wait for those who stay.
        ending = await exchange.ending(patience(probe) if Ability.VIRTUAL_TIME in probe.driver.abilities else 3.0)
    if any(type_of(message) == "websocket.close" and message.get("code") in REFUSALS for message in exchange.messages):
        return True  # refused as it should be; what the handler raises beside it harms nobody but the log
    own = is_departure(ending.exception) or "Disconnect" in ending.error.partition(":")[0]
    if ending.how == "raised" and not own:
        raise Violation(expected=f"{what} to be served, ignored or answered with a close", observed=ending.error)
    return ending.how != "running"


@check("websocket.payload.other-kind", level=PRACTICE, clause=CLAUSE, needs={"websocket"})
async def test_text_and_binary_do_no_harm(probe: Probe) -> None:
    """An endpoint should take a text and a binary message without an internal error, whichever it is made for.

    The client chooses the kind. An endpoint that is not made for it ignores it, or closes with 1003.

    Usual cause: `receive_text()` looks for `text` in a message that has `bytes`, and raises KeyError.
    Usual mend: `message = await websocket.receive()`, and a look at what is in it.
    """
    await _survives(probe, "a text message", text_for(probe))
    await _survives(probe, "a binary message", text_for(probe).encode())


@check("websocket.payload.empty", level=PRACTICE, clause=CLAUSE, needs={"websocket"})
async def test_empty_text_does_no_harm(probe: Probe) -> None:
    """An endpoint should take an empty text message without an internal error.

    An empty message is a message: `text` is "" then, which is not None.

    Usual cause: `message.get("text") or message["bytes"]`; a parser that wants at least one character.
    """
    await _survives(probe, "an empty text message", "")


@check("websocket.payload.malformed", level=PRACTICE, clause=CLAUSE, needs={"websocket"})
async def test_malformed_text_does_no_harm(probe: Probe) -> None:
    """An endpoint should take text that it cannot make sense of without an internal error.

    Text that is no JSON, JSON of another shape, nesting that is too deep: each may be ignored, answered, or
    closed with 1007 or 1008. An exception instead ends the connection with 1006 or 1011, and fills the log.

    Usual cause: `receive_json()` and `data["key"]` with nothing around them. Usual mend: validate, and close
    with a code that says whose fault it is.
    """
    for text in MALFORMED:
        shown = text if len(text) < 60 else f"{text[:12]}…"
        if not await _survives(probe, f"the text {shown!r}", text):
            return  # who never hears of the close does not receive, and nothing more can be learned


@check("websocket.payload.huge", level=PRACTICE, clause=CLAUSE, needs={"websocket"})
async def test_huge_text_does_no_harm(probe: Probe) -> None:
    """An endpoint should take a message of a mebibyte without an internal error.

    It may close with 1009. Servers let messages of many mebibytes pass unless told otherwise.

    Usual cause: a database column, a queue or a library with a smaller limit whose exception nobody expects.
    """
    text = "a" * HUGE
    if "websocket.json" in probe.route.capabilities:
        text = json.dumps({"text": text})
    await _survives(probe, "a text message of 1 MiB", text)


@check("websocket.payload.absent-is-none", level=MUST, clause=CLAUSE, needs={"websocket", "script"})
async def test_absent_key_is_none(probe: Probe) -> None:
    """An application must treat an absent `bytes` or `text` as None, and None as absent.

    Some servers send both keys, one of them None; others send one. An endpoint that tells them apart works on
    some servers only.

    Usual cause: `if "text" in message`. Usual mend: `message.get("text") is not None`.
    """
    await probe.start()
    text = text_for(probe)
    forms = (
        (text_message(text), {"bytes": None}),
        (bytes_message(text.encode()), {"text": None}),
    )
    taken = 0
    for message, none in forms:
        absent = await _answers(probe, message)
        if absent[0] == "raised":
            continue
        taken += 1
        present = await _answers(probe, {**message, **none})
        if present != absent:
            key = next(iter(none))
            raise Violation(expected=f"with {key}=None what there is without: {_told(absent)}", observed=_told(present))
    if not taken:
        raise NotApplicable("the endpoint takes neither text nor binary messages")


Answers = tuple[str, tuple[str, ...]]


async def _answers(probe: Probe, message: Message) -> Answers:
    """How the call ended, and which types of messages were sent, up to the point where the endpoint rests."""
    call = await probe.call(scope_for(probe), (CONNECT, message), LOSS)
    await call.until(lambda: False, quiet(probe))
    sent = tuple(dict.fromkeys(str(type_of(message)) for message in call.sent))
    how = call.ended().how
    call.leave()
    await call.ending(ENDS_WITHIN)
    return how, sent


def _told(answers: Answers) -> str:
    how, sent = answers
    return f"{', '.join(sent) or 'nothing'} ({how})"
