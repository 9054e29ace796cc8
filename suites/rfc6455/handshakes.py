"""Opening handshakes as data: a correct one, changed in one place, and what may come of it."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from asgi_conformance import MUST, Blocked, Probe, Violation
from asgi_conformance.spec import Clause
from asgi_conformance.verdict import Level

from .engine import segments
from .registering import MIRROR, TOLD, Judge, define
from .wire import Heads, Wire, accept_of, fresh_key

OPEN, REFUSED, DROPPED = "open", "refused", "dropped"
EITHER = frozenset({OPEN, REFUSED})
REFUSAL = frozenset({REFUSED})
ANYTHING = frozenset({OPEN, REFUSED, DROPPED})
WORDS = {
    OPEN: "an open connection that echoes",
    REFUSED: "an HTTP response that refuses",
    DROPPED: "a dropped connection",
}

Look = Callable[[Heads], str | None]  # what is wrong with an answer, as a noun phrase


@dataclass(frozen=True, slots=True)
class Ask:
    """One handshake and the answers that are acceptable.

    Args:
        name: the last part of the check's id.
        shows: the rule as a sentence.
        clause: where it is from.
        accepts: ``open``, ``refused`` (any other status than 101), ``dropped`` (the connection ends without one).
        level: how strongly the rule binds.
        method: of the request.
        version: of HTTP, as the request line has it.
        target: with ``{host}`` and ``{path}`` to be filled in.
        without: headers of the correct handshake that are left out, in lower case.
        headers: what is sent instead of those of the same name, and besides; ``{host}`` and ``{key}`` are filled in.
        key: what ``sec-websocket-key`` says; a fresh one by default.
        behind: bytes in the same segment.
        told: a query for the application that does as it is told; the case needs it then.
        octets: send it octet by octet.
        look: at the answer.
        accept: whether the accept value has to be the key's.
        echoes: whether an open connection is asked for an echo.
    """

    name: str
    shows: str
    clause: Clause
    accepts: frozenset[str] = frozenset({OPEN})
    level: Level = MUST
    method: str = "GET"
    version: str = "HTTP/1.1"
    target: str = "{path}"
    without: frozenset[str] = frozenset()
    headers: tuple[tuple[str, str], ...] = ()
    key: bytes | None = None
    behind: bytes = b""
    told: str | None = None
    octets: bool = False
    look: Look | None = None
    accept: bool = True
    echoes: bool = True


def register_handshakes(module: str, category: str, about: str, asks: Iterable[Ask]) -> None:
    """Define the checks of a category of handshakes in the module of that name."""
    for ask in asks:
        needs = MIRROR if ask.told is None else TOLD
        document = f"{ask.shows}\n\n{about}"
        define(module, f"{category}.{ask.name}", (ask.level, ask.clause, needs), document, judge_of(ask))


def judge_of(ask: Ask) -> Judge:
    """The judge of one handshake."""

    async def judge(probe: Probe) -> None:
        async with Wire(probe) as wire:
            key = fresh_key() if ask.key is None else ask.key
            request = request_of(ask, wire, key, probe.route.headers)
            for data in segments([request], "octets" if ask.octets else "whole"):
                await wire.send(data, f"{data[:60]!r}")
            expected = " or ".join(WORDS[kind] for kind in (OPEN, REFUSED, DROPPED) if kind in ask.accepts)
            try:
                how = OPEN if await wire.answered() and wire.head.status == 101 else REFUSED
            except Blocked as silence:
                raise Violation(expected=expected, observed=str(silence)) from None
            if how == REFUSED and not wire.head.status:
                how = DROPPED
            if how not in ask.accepts:
                status = f" with status {wire.head.status}" if wire.head.status else ""
                raise Violation(expected=expected, observed=f"{WORDS[how]}{status}")
            if how == OPEN and ask.accept and wire.head.all(b"sec-websocket-accept") != [accept_of(key.strip())]:
                accepts = ", ".join(wire.head.all(b"sec-websocket-accept")) or "none"
                raise Violation(expected="the accept value of the key", observed=accepts)
            if ask.look is not None and (fault := ask.look(wire.head)):
                raise Violation(expected=ask.shows.rstrip("."), observed=fault)
            if how == OPEN and ask.echoes and not await wire.hello():
                raise Violation(expected="an echo on the open connection", observed=wire.seen.breach or "none")

    return judge


def request_of(ask: Ask, wire: Wire, key: bytes, extra: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The bytes of the handshake."""
    host, path = wire.place(ask.told)
    correct = {
        "Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key.decode("latin-1"),
        "Sec-WebSocket-Version": "13",
    }  # fmt: skip
    given = {name.lower() for name, _ in ask.headers}
    filled = [
        (name, value.replace("{host}", host).replace("{key}", key.decode("latin-1"))) for name, value in ask.headers
    ]
    headers = [(name, value) for name, value in correct.items() if name.lower() not in given | ask.without] + filled
    headers += [(name.decode(), value.decode("latin-1")) for name, value in extra]
    lines = [f"{ask.method} {ask.target.format(host=host, path=path)} {ask.version}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + ask.behind


# What to look for in an answer.


def names_versions(head: Heads) -> str | None:
    """A refusal of the version names those that are understood."""
    offered = ", ".join(head.all(b"sec-websocket-version"))
    return (
        None if head.status == 101 or "13" in offered.replace(" ", "").split(",") else f"versions: {offered or 'none'}"
    )


def chosen_from(*offered: str) -> Look:
    """No subprotocol, or one of these."""

    def look(head: Heads) -> str | None:
        chosen = head.all(b"sec-websocket-protocol")
        good = not chosen or (len(chosen) == 1 and chosen[0] in offered)
        return None if good else f"the subprotocol {', '.join(chosen)!r}"

    return look


def chose(name: str) -> Look:
    """This subprotocol."""

    def look(head: Heads) -> str | None:
        chosen = head.all(b"sec-websocket-protocol")
        return None if chosen == [name] else f"the subprotocol {', '.join(chosen) or 'none'}"

    return look


def no_extension(head: Heads) -> str | None:
    """No extension was taken."""
    taken = head.all(b"sec-websocket-extensions")
    return f"the extension {', '.join(taken)!r}" if taken else None


def decoded(size: int) -> bytes:
    """A key of so many bytes before base64."""
    return base64.b64encode(b"0123456789abcdefghijklmnopqrstuv"[:size])
