"""Members of a broadcast, in process: each is a connection whose client can read, stall, die or leave."""

import asyncio

from asgi_conformance import Blocked, Probe
from asgi_conformance.drivers.base import Request
from asgi_conformance.drivers.call import Call
from asgi_conformance.drivers.http import type_of
from asgi_conformance.drivers.websocket import data_of

from .conversation import CONNECT, ENDS_WITHIN, LOSS, text_message

ALL = 1 << 60


def member_path(probe: Probe, number: int) -> str:
    """The path of one member: the route's, or what the target promises for apps that tell members by their path."""
    try:
        return probe.promise("websocket.member-path").format(member=number)
    except KeyError:
        return probe.route.path


def marked(probe: Probe, marker: str) -> str:
    """A message that holds the marker, of the declared kind."""
    return f'{{"text": "{marker}"}}' if "websocket.json" in probe.route.capabilities else marker


class Member:
    """One member; its client reads everything at once until it stalls."""

    def __init__(self, probe: Probe, call: Call, name: str) -> None:
        self._probe = probe
        self.call = call
        self.name = name

    def say(self, marker: str) -> None:
        """Have the client send a message."""
        self.call.put(text_message(marked(self._probe, marker)))

    def heard(self, marker: str) -> int:
        """How many messages with the marker have come."""
        return sum(marker in text for text in self.texts)

    @property
    def texts(self) -> list[str]:
        """Every message that has come."""
        payloads = (data_of(message) for message in self.call.sent if type_of(message) == "websocket.send")
        return [data if isinstance(data, str) else data.decode("utf-8", "replace") for data in payloads]

    def read(self) -> None:
        """Have the client read everything, now and later."""
        self.call.read(ALL)

    def stall(self) -> None:
        """Have the client read what has come, and nothing that comes now: `send` waits from here on."""
        self.call.stall()

    def die(self) -> None:
        """Cut the connection so that `send` knows, and `receive` does not yet."""
        self.call.farewell = None
        self.call.leave()

    def leave(self) -> None:
        """Have the client close the connection."""
        self.call.farewell = {**LOSS, "code": 1000}
        self.call.leave()


async def join(probe: Probe, name: str, number: int) -> Member:
    """A new member, when its handshake is accepted and its handler rests.

    Blocked when the handshake is not accepted.
    """
    await probe.start()
    request = Request("GET", member_path(probe, number), probe.route.headers)
    scope = probe.inprocess.websocket_scope(request)
    call = await probe.call(scope, (CONNECT,), LOSS)
    accepted = await call.until(lambda: bool(call.sent), ENDS_WITHIN)
    if not accepted or type_of(call.sent[0]) != "websocket.accept":
        raise Blocked("a member's handshake was not accepted")
    await asyncio.sleep(1.0)
    return Member(probe, call, name)


async def everyone_leaves(*members: Member) -> None:
    """End the connections, so that nothing is left for the driver to cancel."""
    for member in members:
        member.read()
        member.leave()
    for member in members:
        await member.call.ending(ENDS_WITHIN)
