"""Sound servers in other styles, which no case may accuse: what RFC 6455 allows differs from server to server."""

import zlib

import pytest

from asgi_conformance.fixtures.mutants.rfc6455._peer import FaultError, Peer, RefusalError, values
from asgi_conformance.fixtures.mutants.rfc6455._serve import serving
from asgi_conformance.verdict import Outcome
from asgi_conformance.websocket.frames import (
    CLOSE,
    CONT,
    PING,
    PONG,
    RSV1,
    TEXT,
    Frame,
    close_payload,
    encode,
    is_utf8,
)

from .test_cases import CHECKS, MIRROR, TOLD, judged, some, told


class WithoutCompression(Peer):
    """Takes no offer."""

    def negotiated(self, offers: str) -> str | None:
        super().negotiated(offers)
        self.deflates = False
        return None


class Compresses(Peer):
    """Compresses everything, also what came plain, in fragments."""

    def echo(self, opcode: int, payload: bytes, *, compressed: bool) -> bytes:
        if not self.deflates:
            return super().echo(opcode, payload, compressed=False)
        packed = self.deflate(payload)
        first = encode(opcode, packed[:3], fin=False, rsv=RSV1, key=None)
        return first + encode(CONT, packed[3:], key=None)


class Fragments(Peer):
    """Sends each message in fragments, an empty one among them."""

    def echo(self, opcode: int, payload: bytes, *, compressed: bool) -> bytes:
        half = len(payload) // 2
        parts = (encode(opcode, payload[:half], fin=False, key=None), encode(CONT, b"", fin=False, key=None))
        return b"".join((*parts, encode(CONT, payload[half:], key=None)))


class HasAHeartbeat(Peer):
    """Sends pings, and pongs that nobody asked for, before each answer."""

    def echo(self, opcode: int, payload: bytes, *, compressed: bool) -> bytes:
        beat = self.send(PING, b"still there?") + self.send(PONG, b"heartbeat")
        return beat + super().echo(opcode, payload, compressed=compressed)


class AnswersLastPing(Peer):
    """Answers the last of the pings that came together."""

    waiting: bytes | None = None

    def control(self, frame: Frame) -> bytes:
        if frame.opcode != PING:
            return super().control(frame)
        self.waiting = frame.payload
        return b""

    def received(self, data: bytes) -> bytes:
        answer = super().received(data)
        waiting, self.waiting = self.waiting, None
        return answer if waiting is None or self.over else answer + self.send(PONG, waiting)


class FailsAtOnce(Peer):
    """Fails before what came earlier is answered, and as soon as a text cannot be one any more."""

    def received(self, data: bytes) -> bytes:
        answer = super().received(data)
        if self.over and not self.closing and answer[-4:-3] == bytes([0x80 | CLOSE]):
            return answer[-4:]
        return answer

    def data(self, frame: Frame) -> bytes:
        first = self.first or frame
        so_far = b"".join([*self.parts, frame.payload])
        whole = next((n for n in range(4) if is_utf8(so_far[: len(so_far) - n])), None)
        if first.opcode == TEXT and not first.rsv and whole is None:
            raise FaultError(1007)
        return super().data(frame)


class IsTerse(Peer):
    """Answers each close with 1000, and drops the connection at a code or length that it does not like."""

    def closed(self, payload: bytes) -> bytes:
        super().closed(payload)
        return self.send(CLOSE, close_payload(1000))

    def check_code(self, payload: bytes, code: int) -> None:
        if len(payload) == 1:
            raise FaultError(1002)
        if code >= 5000 or code in {1012, 1013, 1014}:
            raise FaultError(1002)
        super().check_code(payload, code)


class IsSmall(Peer):
    """Takes messages of 50,000 bytes at most."""

    def data(self, frame: Frame) -> bytes:
        if sum(map(len, self.parts)) + len(frame.payload) > 50_000:
            raise FaultError(1009)
        return super().data(frame)

    def inflate(self, data: bytes) -> bytes:
        inflated = super().inflate(data)
        if len(inflated) > 50_000:
            raise FaultError(1009)
        return inflated


class IsStrict(Peer):
    """Refuses what a server may refuse: foreign origins, odd keys, lists, long forms, more window than agreed."""

    def check_request(self, method: str, version: str, headers: list[tuple[str, str]]) -> None:
        super().check_request(method, version, headers)
        if values(headers, "origin") or values(headers, "upgrade") == ["h2c, websocket"]:
            raise RefusalError(403)
        if len(values(headers, "sec-websocket-key")[0]) != 24 or "content-length" in dict(headers):
            raise RefusalError(400)
        if any(" " in item or not item for value in values(headers, "sec-websocket-protocol")
               for item in (part.strip() for part in value.split(","))):  # fmt: skip
            raise RefusalError(400)

    def take(self, frame: Frame) -> bytes:
        if not frame.minimal:
            raise FaultError(1002)
        return super().take(frame)


class Chooses(Peer):
    """Chooses the last subprotocol that the client offers, and asks for a smaller context of its own accord."""

    def subprotocol(self, offered: list[str]) -> str | None:
        return super().subprotocol(offered) if self.told else (offered or [None])[-1]

    def agree(self, parameters: dict[str, str | None]) -> str:
        answer = super().agree(parameters)
        more = [f"{side}_no_context_takeover" for side in ("server", "client")]
        self.server_keeps = self.client_keeps = False
        answer += "".join(f"; {flag}" for flag in more if flag not in answer)
        if "server_max_window_bits" not in answer:
            self.server_window = 10
            answer += "; server_max_window_bits=10"
        return answer

    def inflate(self, data: bytes) -> bytes:
        self.inflater = zlib.decompressobj(-15)
        return super().inflate(data)


class LeavesReasonsOut(Peer):
    """Closes without a code where the client gives none, and tells each fault with a reason."""

    def fail(self, code: int) -> bytes:
        self.over = True
        return self.send(CLOSE, close_payload(code, b"we are sorry"))

    def closed(self, payload: bytes) -> bytes:
        super().closed(payload)
        return self.send(CLOSE, payload[:2])


STYLES = [
    WithoutCompression, Compresses, Fragments, HasAHeartbeat, AnswersLastPing, FailsAtOnce, IsTerse, IsSmall, IsStrict,
    Chooses, LeavesReasonsOut,
]  # fmt: skip


@pytest.mark.sampled(4)
@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_sound_server_is_not_accused(style: type[Peer], pytestconfig: pytest.Config) -> None:
    checks = some(CHECKS, 5 if pytestconfig.option.full else 40)
    with serving(style) as port:
        verdicts = judged(checks, f"ws://127.0.0.1:{port}", MIRROR, TOLD)
    assert told(verdicts, Outcome.FAILED, Outcome.WARNED, Outcome.COULD_NOT_RUN) == {}
    assert sum(verdict.outcome is Outcome.PASSED for verdict in verdicts.values()) > len(verdicts) // 2
