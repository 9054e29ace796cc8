"""The client's side of one HTTP request in process."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from asgi_conformance.drivers.base import PATIENCE, Ending, Head, Headers, Piece, Unanswered
from asgi_conformance.drivers.call import Call, describe
from asgi_conformance.protocol.types import Message


class InProcessHTTPExchange:
    """Reads what one call of the application sends; see :class:`asgi_conformance.drivers.base.HTTPExchange`."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._begun = asyncio.get_running_loop().time()
        self._next = 0
        # What is known of the messages up to `_looked`: a long response must not be looked through for each piece.
        self._looked = 0
        self._started_with: Message | None = None
        self._body_ended = False
        self._trailers_ended = False

    @property
    def messages(self) -> Sequence[Message]:
        """What the application has sent so far."""
        return self.call.sent

    async def head(self, within: float = PATIENCE) -> Head:
        """The start of the response."""
        await self.call.until(lambda: self._start() is not None, within)
        start = self._start()
        if start is None:
            raise Unanswered(self._silence("response start", within))
        status = start.get("status")
        return Head(status if isinstance(status, int) else 0, pairs(start.get("headers")))

    async def piece(self, within: float = PATIENCE) -> Piece | None:
        """The next non-empty body message; None at the end."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + within  # for all of it: an application may go on sending messages without content
        while True:
            await self.call.until(lambda: len(self.call.sent) > self._next or self._ended(), deadline - clock())
            if len(self.call.sent) <= self._next:
                if self._ended() or self.call.done:
                    return None
                raise Unanswered(self._silence("end of the response", within))
            message = self.call.sent[self._next]
            self._next += 1
            self.call.read(self._next)
            if self.complete:
                self.call.finish()
            data = payload(message)
            if data:
                return Piece(clock() - self._begun, data)

    @property
    def complete(self) -> bool:
        """Whether the final body message (and announced trailers) have been sent."""
        start = self._start()
        if not self._body_ended:
            return False
        return start is None or not start.get("trailers") or self._trailers_ended

    async def send(self, data: bytes, *, more: bool) -> None:
        """Put one more ``http.request`` into the inbox."""
        self.call.put({"type": "http.request", "body": data, "more_body": more})

    async def taken(self, within: float = PATIENCE) -> None:
        """Wait until the application has received what was sent (or has ended, or the bound is over)."""
        await self.call.until(lambda: not self.call.unread_inbox, within)

    async def disconnect(self, how: Literal["close", "reset", "half"] = "close") -> None:
        """Go away. ASGI knows only one way; `how` makes no difference here."""
        self.call.leave()

    async def ending(self, within: float = PATIENCE) -> Ending:
        """How the application's call ended. What is unread is read and dropped, so that it can end."""
        self.call.read(1 << 60)
        if self.complete:
            self.call.finish()
        await self.call.until(lambda: self.complete, within)
        if self.complete:
            self.call.finish()
        return await self.call.ending(within)

    def _start(self) -> Message | None:
        sent = self.call.sent
        while self._looked < len(sent):
            message = sent[self._looked]
            self._looked += 1
            kind = type_of(message)
            if kind == "http.response.start" and self._started_with is None:
                self._started_with = message
            elif kind == "http.response.trailers" and not message.get("more_trailers"):
                self._trailers_ended = True
            elif ends_body(message):
                self._body_ended = True
        return self._started_with

    def _ended(self) -> bool:
        return self.complete or self.call.gone

    def _silence(self, what: str, within: float) -> str:
        ended = self.call.ended()
        if ended.how == "running":
            return f"no {what} within {within:g} s"
        return f"no {what}: the application {describe(ended)}"


def type_of(message: Any) -> Any:
    """The type of a message; None for what is not even a dict."""
    return message.get("type") if isinstance(message, dict) else None


def ends_body(message: Any) -> bool:
    """Whether the message is the body message that ends a response."""
    kind = type_of(message)
    return (kind in {"http.response.body", "http.response.zerocopysend"} and not message.get("more_body")) or (
        kind == "http.response.pathsend"
    )


def payload(message: Any) -> bytes:
    """The bytes of a body message; what should have been bytes is taken for them where it can be."""
    if type_of(message) != "http.response.body":
        return b""
    body = message.get("body", b"")
    if isinstance(body, str):
        return body.encode("utf-8", "surrogateescape")
    return bytes(body) if isinstance(body, bytes | bytearray | memoryview) else b""


def pairs(headers: Any) -> Headers:
    """Header pairs as a client would see them; text becomes Latin-1, what is no pair is left out."""
    given = headers if isinstance(headers, list | tuple) else ()
    whole = (pair for pair in given if isinstance(pair, list | tuple) and len(pair) == 2)
    return tuple((_bytes(name), _bytes(value)) for name, value in whole)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return str(value).encode("latin-1", "replace")
