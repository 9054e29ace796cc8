"""Practice: what one member sends reaches every member, whatever becomes of the others."""

import asyncio
from contextlib import AsyncExitStack

from asgi_conformance import PRACTICE, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.base import Closed, WebSocketExchange
from asgi_conformance.drivers.call import describe
from asgi_conformance.spec import PRACTICES

from .conversation import ENDS_WITHIN, accepted, patience
from .members import Member, everyone_leaves, join, marked, member_path

CLAUSE = PRACTICES["websocket-broadcast"]
NEEDS = {"websocket", "websocket.broadcast"}
FLOOD = 10_000
SCRIPT = {*NEEDS, "script"}


def _once(members: list[Member], sender: Member, marker: str, when: str) -> None:
    """Each member has the message once; its sender may be told of it in other ways as well."""
    for member in members:
        count = member.heard(marker)
        if count != 1 and not (member is sender and count):
            observed = "not at all" if count == 0 else f"{count} times"
            raise Violation(expected=f"each message once for each healthy member {when}", observed=observed)


def _alive(members: list[Member], when: str) -> None:
    for member in members:
        ending = member.call.ended()
        if ending.how != "running":
            raise Violation(
                expected=f"healthy members that stay connected {when}",
                observed=f"{member.name}, whose handler {describe(ending)}",
            )


@check("websocket.broadcast.reaches-everyone", level=PRACTICE, clause=CLAUSE, needs=NEEDS)
async def test_message_reaches_everyone(probe: Probe) -> None:
    """What a member sends should reach every member, and each of them once.

    Usual cause: members told apart by an id that two of them share.
    """
    async with AsyncExitStack() as stack:
        members = [
            await stack.enter_async_context(probe.websocket(path=member_path(probe, number))) for number in range(3)
        ]
        for member in members:
            await accepted(probe, member)
        # A server may tell the client of the accept before the handler has joined the others; who has been
        # answered has joined.
        for number, member in enumerate(members):
            await member.send(marked(probe, f"conformance-joined-{number}"))
            await _until_heard(probe, member, f"conformance-joined-{number}")
        await members[1].send(marked(probe, "conformance-all"))
        await members[1].send(marked(probe, "conformance-end"))
        for number, member in enumerate(members):
            heard = await _until_heard(probe, member, "conformance-all", "conformance-end")
            count = sum("conformance-all" in text for text in heard)
            if count != 1 and not (number == 1 and count):
                raise Violation(expected="each message once for each member", observed=f"{count} times")


async def _until_heard(probe: Probe, member: WebSocketExchange, *markers: str) -> list[str]:
    heard: list[str] = []
    while not all(any(marker in text for text in heard) for marker in markers):
        try:
            message = await member.receive(patience(probe))
        except Unanswered as silence:
            raise Violation(expected="each message for each member", observed=str(silence)) from None
        if isinstance(message, Closed):
            raise Violation(expected="each message for each member", observed=f"a close with {message.code}")
        heard.append(message if isinstance(message, str) else message.decode("utf-8", "replace"))
    return heard


@check("websocket.broadcast.sender-order", level=PRACTICE, clause=CLAUSE, needs=SCRIPT)
async def test_order_of_a_sender_is_kept(probe: Probe) -> None:
    """What one member sends should reach the others in the order in which it was sent.

    Usual cause: a task for each message or for each member, without a queue.
    """
    members = [await join(probe, f"member {number}", number) for number in range(3)]
    for number in range(10):
        for sender in members[:2]:
            sender.say(f"conformance-{sender.name[-1]}-{number}.")
    await asyncio.sleep(ENDS_WITHIN)
    for member in members:
        for sender in members[:2]:
            own = f"conformance-{sender.name[-1]}-"
            numbers = [int(text.partition(own)[2].partition(".")[0]) for text in member.texts if own in text]
            if numbers != sorted(numbers):
                raise Violation(expected="messages in the order of their sender", observed=str(numbers))
    await everyone_leaves(*members)


@check("websocket.broadcast.dead-member", level=PRACTICE, clause=CLAUSE, needs=SCRIPT)
async def test_dead_member_harms_nobody(probe: Probe) -> None:
    """A member whose `send` raises should neither keep a message from the others nor end their connections.

    Between the loss of a connection and the moment when its own handler hears of it, every broadcast meets it.

    Usual cause: `for connection in connections: await connection.send_text(…)`: the error of one member is
    raised in the handler of another one, the sender, and the rest of the list gets nothing.
    Usual mend: catch the error for each member, and drop that member.
    """
    dead = await join(probe, "the dead member", 0)
    healthy = [await join(probe, f"healthy member {number}", number) for number in (1, 2, 3)]
    dead.die()
    for number, sender in enumerate(healthy):
        sender.say(f"conformance-{number}.")
        await asyncio.sleep(ENDS_WITHIN)
        _alive(healthy, "beside a dead one")
        _once(healthy, sender, f"conformance-{number}.", "beside a dead one")
    await everyone_leaves(*healthy, dead)


@check("websocket.broadcast.departure-beside-dead", level=PRACTICE, clause=CLAUSE, needs=SCRIPT)
async def test_departure_beside_dead_member(probe: Probe) -> None:
    """A member should be able to leave without an error while another one is dead.

    Usual cause: a farewell to everybody, sent while the disconnect is being handled: the error of the dead
    member leaves the handler of the one who departs.
    """
    dead = await join(probe, "the dead member", 0)
    leaver, stays = [await join(probe, f"healthy member {number}", number) for number in (1, 2)]
    dead.die()
    leaver.leave()
    ending = await leaver.call.ending(ENDS_WITHIN)
    if ending.how != "returned":
        raise Violation(expected="a departure without an error beside a dead member", observed=describe(ending))
    await everyone_leaves(stays, dead)


@check("websocket.broadcast.slow-member", level=PRACTICE, clause=CLAUSE, needs=SCRIPT)
async def test_slow_member_delays_nobody_for_long(probe: Probe) -> None:
    """A member that does not read should not keep a message from the others for more than a minute.

    `send` waits for it, for as long as its TCP connection lives, which may be hours.

    Usual cause: sending to one after the other. Usual mend: a bound on each send, after which the member is
    dropped, or a bounded queue and a writer for each member.
    """
    slow = await join(probe, "the slow member", 0)
    healthy = [await join(probe, f"healthy member {number}", number) for number in (1, 2, 3)]
    slow.stall()
    for number, sender in enumerate(healthy[:2]):
        sender.say(f"conformance-{number}.")
        await asyncio.sleep(ENDS_WITHIN)
        _alive(healthy, "beside a slow one")
        _once(healthy, sender, f"conformance-{number}.", "beside a slow one")
    await everyone_leaves(*healthy, slow)


@check("websocket.broadcast.leaving-member", level=PRACTICE, clause=CLAUSE, needs=SCRIPT)
async def test_leaving_member_skips_nobody(probe: Probe) -> None:
    """A member that leaves in the middle of a broadcast should not keep the message from anybody else.

    Usual cause: the list is changed while it is iterated; with a list the next member is skipped, with a set
    or dict the iteration raises. Usual mend: iterate over a copy.
    """
    await _changing(probe, "while another one leaves", leaves=True)


@check("websocket.broadcast.joining-member", level=PRACTICE, clause=CLAUSE, needs=SCRIPT)
async def test_joining_member_disturbs_nobody(probe: Probe) -> None:
    """A member that joins in the middle of a broadcast should not keep the message from anybody else.

    Usual cause: a set or dict that changes while it is iterated, which raises in the sender's handler.
    Usual mend: iterate over a copy.
    """
    await _changing(probe, "while another one joins", leaves=False)


async def _changing(probe: Probe, when: str, *, leaves: bool) -> None:
    """A broadcast is held up by a slow member, the membership changes, and the slow member reads again."""
    first = await join(probe, "the first member", 0)
    slow = await join(probe, "the slow member", 1)
    others = [await join(probe, f"healthy member {number}", number) for number in (2, 3, 4)]
    slow.stall()
    others[1].say("conformance-held")
    await asyncio.sleep(0.5)
    joined: list[Member] = []
    if leaves:
        first.leave()
        await first.call.ending(0.5)
    else:
        joined.append(await join(probe, "the new member", 5))
    slow.read()
    await asyncio.sleep(ENDS_WITHIN)
    _alive(others, when)
    _once([*others, slow] + ([] if leaves else [first]), others[1], "conformance-held", when)
    if any(member.heard("conformance-held") > 1 for member in joined):
        raise Violation(expected=f"each message at most once for a new member {when}", observed="twice")
    await everyone_leaves(*others, slow, *joined, *([] if leaves else [first]))


@check("websocket.broadcast.bounded", level=PRACTICE, clause=CLAUSE, needs=SCRIPT)
async def test_what_is_kept_for_a_slow_member_is_bounded(probe: Probe) -> None:
    """What is kept for a member that does not read should be bounded.

    It may be dropped, or the member may be, or the sender may be slowed down. One client with a phone in a
    tunnel must not fill the memory of the server.

    Usual cause: `asyncio.Queue()` for each member. Usual mend: `asyncio.Queue(maxsize)`, and a decision about
    what happens when it is full.
    """
    slow = await join(probe, "the slow member", 0)
    sender = await join(probe, "the sender", 1)
    slow.stall()
    for number in range(FLOOD):
        sender.say(f"conformance-{number}.")
    await asyncio.sleep(ENDS_WITHIN)
    waiting = sender.call.unread_inbox
    before = len(slow.texts)
    slow.read()
    await asyncio.sleep(0.01)
    kept = len(slow.texts) - before
    await everyone_leaves(sender, slow)
    if not waiting and kept > FLOOD // 2:
        raise Violation(expected="a bounded number of messages kept", observed=f"{kept} of {FLOOD}")
