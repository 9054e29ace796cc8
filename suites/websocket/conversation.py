"""The exchanges that several websocket checks have in common."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asgi_conformance import Blocked, NotApplicable, Probe, Unanswered
from asgi_conformance.drivers.base import Ability, Closed, Request, WebSocketExchange
from asgi_conformance.drivers.call import Call
from asgi_conformance.faults import NO_FAULTS, Faults
from asgi_conformance.protocol.problem import Problem
from asgi_conformance.protocol.shape import Shape
from asgi_conformance.protocol.types import Message

ENDS_WITHIN = 60.0  # seconds that a call has to end in, where they cost nothing
ENDS_WITHIN_ON_A_SERVER = 15.0
TEXT = "conformance"
JSON_TEXT = '{"text": "conformance"}'
MOST_AWAITS = 40  # injections at one connection; the rest repeats what was tried

LOSS: Message = {"type": "websocket.disconnect", "code": 1006, "reason": ""}


def patience(probe: Probe) -> float:
    """The bound for the end of a call, on the driver's clock."""
    return ENDS_WITHIN if Ability.VIRTUAL_TIME in probe.driver.abilities else ENDS_WITHIN_ON_A_SERVER


def quiet(probe: Probe) -> float:
    """How long nothing has to come before the application is taken to be done with what it was told."""
    # No whole number: what the application does each second must not fall on the same instant.
    return 4.7 if Ability.VIRTUAL_TIME in probe.driver.abilities else 0.5


def text_for(probe: Probe) -> str:
    """A text message that an endpoint of the declared kind understands."""
    return JSON_TEXT if "websocket.json" in probe.route.capabilities else TEXT


async def accepted(probe: Probe, exchange: WebSocketExchange) -> None:
    """Wait until the handshake is accepted. NotApplicable where the route says that it refuses."""
    if "websocket.refuses" in probe.route.capabilities:
        raise NotApplicable("the route refuses this handshake")
    await probe.accepted(exchange)


async def drain(probe: Probe, exchange: WebSocketExchange, most: int = 5) -> list[str | bytes | Closed]:
    """What comes until nothing comes any more, at most `most` messages; a close is the last."""
    found: list[str | bytes | Closed] = []
    while len(found) < most:
        try:
            found.append(await exchange.receive(quiet(probe)))
        except Unanswered:
            break
        if isinstance(found[-1], Closed):
            break
    return found


async def converse(probe: Probe, *said: str | bytes, subprotocols: tuple[str, ...] = ()) -> Sequence[Message]:
    """Everything that the application sends in one whole connection: opened, spoken to, closed by the client."""
    async with probe.websocket(subprotocols=subprotocols) as exchange:
        try:
            handshake = await exchange.opened()
        except Unanswered:
            return tuple(exchange.messages)
        if handshake.accepted:
            await drain(probe, exchange, 3)
            for data in said or (text_for(probe), TEXT.encode(), ""):
                await exchange.send(data)
                await drain(probe, exchange, 3)
            await exchange.close()
        await exchange.ending(patience(probe))
    return tuple(exchange.messages)


def problems(messages: Sequence[Any], shape: Shape, *rules: str) -> Iterator[Problem]:
    """What is wrong with the messages of that shape, by these rules."""
    for message in messages:
        if isinstance(message, dict) and message.get("type") == shape.name:
            yield from (problem for problem in shape.problems(message) if problem.rule in rules)


# With the driver in the server's place.


def scope_for(
    probe: Probe, *, subprotocols: tuple[str, ...] = (), spec_version: str | None = None, **changes: Any
) -> dict[str, Any]:
    """The scope of a handshake with the route, changed where arguments say so; ``...`` takes a key out."""
    route = probe.route
    request = Request("GET", route.path, route.headers, subprotocols=subprotocols)
    scope = probe.inprocess.websocket_scope(request)
    if spec_version is not None:
        scope["asgi"] = {**scope["asgi"], "spec_version": spec_version}
    return {key: value for key, value in (scope | changes).items() if value is not ...}


def text_message(text: str) -> Message:
    """A text message from the client."""
    return {"type": "websocket.receive", "text": text}


def bytes_message(data: bytes) -> Message:
    """A binary message from the client."""
    return {"type": "websocket.receive", "bytes": data}


CONNECT: Message = {"type": "websocket.connect"}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A connection that goes well: what the client says in it, and how often the application waits meanwhile."""

    inbox: tuple[Message, ...]
    awaits: int  # calls of receive and send
    suspensions: int  # times that the application gave control back


async def rehearse(probe: Probe) -> Rehearsal:
    """Find messages that the application takes, and count its awaits up to the point where it rests.

    What an application makes of messages that it does not take is the affair of ``websocket.payload``.
    """
    await probe.start()
    taken: tuple[tuple[Message, ...], ...] = (
        (text_message(text_for(probe)),) * 2,
        (text_message(JSON_TEXT),) * 2,
        (bytes_message(TEXT.encode()),) * 2,
        (),
    )
    for messages in taken:
        inbox = (CONNECT, *messages)
        call = await probe.call(scope_for(probe), inbox, LOSS)
        await call.until(lambda: False, quiet(probe))
        found = Rehearsal(inbox, min(call.receives + call.sends, MOST_AWAITS), min(call.suspensions, MOST_AWAITS))
        call.leave()
        await end(call)
        if call.ended().how != "raised" or is_departure(call.ended().exception):
            return found
    raise Blocked(f"the application raised without being told anything: {call.ended().error}")


async def end(call: Call) -> None:
    """Let the call end by itself; cancel it if it does not."""
    await call.ending(ENDS_WITHIN)
    await call.stop(ENDS_WITHIN)


async def lost_at(probe: Probe, rehearsal: Rehearsal, index: int, faults: Faults = NO_FAULTS) -> Call:
    """The rehearsed connection, lost while the application makes its n-th await."""
    call = await probe.call(scope_for(probe), rehearsal.inbox, LOSS, faults=faults)
    await call.ending(ENDS_WITHIN)
    return call


def is_departure(error: BaseException | None) -> bool:
    """Whether an exception says no more than that the client is gone: the driver's own, or a framework's word.

    A framework's disconnect exception is known by its name, because a suite knows no framework.
    """
    if error is None:
        return False
    if isinstance(error, BaseExceptionGroup):
        return all(is_departure(inner) for inner in error.exceptions)
    if isinstance(error, OSError) or any("Disconnect" in kind.__name__ for kind in type(error).__mro__):
        return True
    return is_departure(error.__cause__)
