"""The client's side of one websocket connection in process."""

from collections.abc import Sequence
from typing import Any, Literal

from asgi_conformance.drivers.base import PATIENCE, Closed, Ending, Handshake, Unanswered
from asgi_conformance.drivers.call import Call, describe
from asgi_conformance.drivers.http import pairs, type_of
from asgi_conformance.protocol.types import Message

ANSWERS = {"websocket.accept", "websocket.close", "websocket.http.response.start"}


class InProcessWebSocketExchange:
    """Plays the peer of one call; see :class:`asgi_conformance.drivers.base.WebSocketExchange`."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._next = 0
        self._closed: Closed | None = None
        call.on_sent = self._heed

    @property
    def messages(self) -> Sequence[Message]:
        """What the application has sent so far."""
        return self.call.sent

    async def opened(self, within: float = PATIENCE) -> Handshake:
        """Accepted or refused; a denial response is read to its end."""
        await self.call.until(lambda: self._answer() is not None, within)
        answer = self._answer()
        if answer is None:
            ended = self.call.ended()
            words = f"within {within:g} s" if ended.how == "running" else f"before the application {describe(ended)}"
            raise Unanswered(f"no answer to the handshake {words}")
        if answer["type"] == "websocket.accept":
            subprotocol = answer.get("subprotocol")
            chosen = None if subprotocol is None else str(subprotocol)
            return Handshake(True, 101, chosen, pairs(answer.get("headers")))
        if answer["type"] == "websocket.close":
            return Handshake(False, 403)
        await self.call.until(self._denied, within)
        status, headers = answer.get("status"), pairs(answer.get("headers"))
        return Handshake(False, status if isinstance(status, int) else 0, None, headers, self._denial_body())

    async def send(self, data: str | bytes) -> None:
        """Put one ``websocket.receive`` into the inbox, with the key of its kind only."""
        key = "text" if isinstance(data, str) else "bytes"
        self.call.put({"type": "websocket.receive", key: data})

    async def receive(self, within: float = PATIENCE) -> str | bytes | Closed:
        """The next message, or how the connection ended."""
        if self.call.gone and self._closed is not None:
            return self._closed
        while True:
            await self.call.until(lambda: len(self.call.sent) > self._next, within)
            if len(self.call.sent) <= self._next:
                return self._no_more(within)
            message = self.call.sent[self._next]
            self._next += 1
            self.call.read(self._next)
            if type_of(message) == "websocket.close" and self._closed is not None:
                self._next -= 1  # nothing comes after it, and it is told again
                return self._closed
            if type_of(message) == "websocket.send":
                return data_of(message)

    def _no_more(self, within: float) -> Closed:
        if self.call.done:
            # A server closes for an application that is gone without a close; how is the server's affair.
            self._over(Closed(1006), 1006)
            return Closed(1006)
        raise Unanswered(f"no message within {within:g} s")

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """The closing handshake as the application sees it: one disconnect with the code and the reason."""
        self._gone(Closed(1005 if code is None else code, reason))

    async def disconnect(self, how: Literal["close", "reset"] = "reset") -> None:
        """Lose the connection; the application sees code 1006 and no reason."""
        self._gone(Closed(1006))

    async def ending(self, within: float = PATIENCE) -> Ending:
        """How the application's call ended. What is unread is read and dropped, so that it can end."""
        self.call.read(1 << 60)
        return await self.call.ending(within)

    def _gone(self, closed: Closed) -> None:
        if self._closed is None:
            self._closed = closed
            self.call.farewell = {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}
        self.call.leave()

    def _heed(self, message: Message) -> None:
        """The peer's part in the application's close: the application hears the code that it chose, at once."""
        kind = type_of(message)
        if kind == "websocket.close":
            accepted = any(type_of(sent) == "websocket.accept" for sent in self.call.sent)
            code = _code(message)
            self._over(Closed(code, str(message.get("reason") or "")) if accepted else Closed(1006), code)
        elif kind == "websocket.http.response.body" and not message.get("more_body"):
            self._over(Closed(1006), 1006)

    def _over(self, closed: Closed, code: int) -> None:
        if self._closed is None:
            self._closed = closed
            self.call.farewell = {"type": "websocket.disconnect", "code": code, "reason": closed.reason}
        self.call.finish()

    def _answer(self) -> Message | None:
        return next((message for message in self.call.sent if type_of(message) in ANSWERS), None)

    def _denied(self) -> bool:
        return any(type_of(m) == "websocket.http.response.body" and not m.get("more_body") for m in self.call.sent)

    def _denial_body(self) -> bytes:
        bodies = (m.get("body", b"") for m in self.call.sent if type_of(m) == "websocket.http.response.body")
        return b"".join(bytes(body) for body in bodies if isinstance(body, bytes | bytearray | memoryview))


def _code(message: Message) -> int:
    """The code of a close; 1000 where there is none, and where it is no number."""
    code = message.get("code")
    return code if isinstance(code, int) and code else 1000


def data_of(message: Any) -> str | bytes:
    """The payload of a ``websocket.send``; bytes where both are there, empty bytes where neither is."""
    data = message.get("bytes")
    if data is None:
        data = message.get("text")
    if isinstance(data, bytearray | memoryview):
        return bytes(data)
    return data if isinstance(data, str | bytes) else b""
