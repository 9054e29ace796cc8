"""What a client on the wire sees besides bytes: the application's call for one request, if it can be seen at all."""

from collections.abc import Callable, Sequence
from typing import Protocol

from asgi_conformance.drivers.base import Ending
from asgi_conformance.protocol.types import Message


class Sight(Protocol):
    """What a driver sees of the application's call for one request."""

    @property
    def called(self) -> bool:
        """Whether the application was called."""
        ...

    @property
    def messages(self) -> Sequence[Message]:
        """What the application has sent so far."""
        ...

    async def ending(self, within: float) -> Ending:
        """How its call ended, waited for at most `within` seconds."""
        ...


class Blind:
    """The sight of a driver that sees bytes only."""

    called = False
    messages: Sequence[Message] = ()

    async def ending(self, within: float) -> Ending:
        """Not known."""
        return Ending("unknown")


# Asked before a request is sent: the local port, the scope's type, the decoded path.
Watch = Callable[[int, str, str], Sight]


# Told of what is said on the wire: a direction and a text, as a transcript wants them.
Note = Callable[[str, object], None]


def silent(_direction: str, _what: object) -> None:
    """Nobody takes notes."""


def unwatched(_port: int, _type: str, _path: str) -> Sight:
    """The application cannot be seen."""
    return Blind()
