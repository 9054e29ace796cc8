"""Views: what a client sees of an application's answers, in a form in which two of them can be compared."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from asgi_conformance.clock import VirtualLoop
from asgi_conformance.drivers.base import Request, Response, Unanswered, Unreachable
from asgi_conformance.drivers.exchange import Sample, read_response
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.onion import Onion
from asgi_conformance.pattern import Route
from asgi_conformance.protocol.types import ASGIApp
from asgi_conformance.runner import close_loop
from asgi_conformance.watchdog import guard

WITHIN = 60.0  # virtual seconds
SAMPLE = Sample(3, 10.0)
NOWHERE = "/asgi-conformance/no-such-path"
STRANGER = b"https://stranger.invalid"
FORGED = b"forged.invalid"
# Values that change from request to request wherever they come from; that they are there is still compared.
VOLATILE = frozenset({"age", "date", "expires", "last-modified", "set-cookie", "server-timing"})
UNORDERED = frozenset({"allow", "vary"})
SHORT = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the battery, and what it is in words."""

    words: str
    request: Request


@dataclass(frozen=True, slots=True)
class View:
    """What a client saw of one request; `reached`: whether the innermost application was called."""

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    complete: bool = True
    error: str = ""
    reached: bool = True


def battery(app: ASGIApp, routes: Iterable[Route]) -> tuple[Asked, ...]:
    """Requests that layers answer, refuse, mark or rewrite: with an origin, a forged host, an encoding, and without.

    An origin and a host that the application lets in are read from the options of its layers, where they are kept.
    """
    options = [getattr(entry, "kwargs", {}) for entry in getattr(app, "user_middleware", ())]
    origin = _first(options, "allow_origins", "https://example.com").encode()
    host = _first(options, "allowed_hosts", "").removeprefix("*.").encode()
    asked: list[Asked] = []
    usable = [route for route in routes if "websocket" not in route.capabilities]
    for route in usable or [Route("GET", "/")]:
        own = tuple(pair for pair in route.headers if pair[0] != b"host" or not host)
        base = (*own, *(((b"host", host),) if host else ()))
        whole = Request(route.method, route.path, base, route.body)
        forged = tuple(pair for pair in base if pair[0] != b"host")
        asks = (b"access-control-request-method", route.method.encode())
        for words, method, headers in (
            ("", route.method, base),
            (" from another origin", route.method, (*base, (b"origin", origin))),
            (" from an origin that is not allowed", route.method, (*base, (b"origin", STRANGER))),
            (" with gzip", route.method, (*base, (b"accept-encoding", b"gzip"))),
            (" with a forged host", route.method, (*forged, (b"host", FORGED))),
            (" with a forged host, from another origin", route.method,
             (*forged, (b"host", FORGED), (b"origin", origin))),
            (" preflight", "OPTIONS", (*base, (b"origin", origin), asks)),
            (" preflight with a forged host", "OPTIONS", (*forged, (b"host", FORGED), (b"origin", origin), asks)),
        ):  # fmt: skip
            asked.append(Asked(f"{route}{words}", Request(method, whole.path, headers, whole.body)))
    first = asked[0].request.headers
    asked.append(Asked(f"GET {NOWHERE} from another origin", Request("GET", NOWHERE, (*first, (b"origin", origin)))))
    return tuple(asked)


def _first(options: Iterable[Any], name: str, default: str) -> str:
    """The first value of an option that names something definite."""
    for kept in options:
        for value in kept.get(name, ()) if isinstance(kept, dict) else ():
            if isinstance(value, str) and value != "*":
                return value
    return default


def view(app: ASGIApp, asked: Sequence[Asked]) -> tuple[View, ...]:
    """What a client sees of each request, on virtual time. An application that does not start is seen as such."""
    loop = VirtualLoop()
    try:
        with guard(loop) as watched:
            return loop.run_until_complete(_view(app, asked))
    finally:
        close_loop(loop)
        del watched


async def _view(app: ASGIApp, asked: Sequence[Asked]) -> tuple[View, ...]:
    with Onion(app) as onion:
        try:
            async with InProcess(onion.app, raise_app_exceptions=False) as client:
                return tuple([await _one(client, onion, each.request) for each in asked])
        except Unreachable as error:
            return tuple(View(None, error=str(error)) for _ in asked)
        except Exception as error:  # the stack is the user's, and may not be possible in this order
            return tuple(View(None, error=f"{type(error).__name__}: {error}") for _ in asked)


async def _one(client: InProcess, onion: Onion, request: Request) -> View:
    onion.steps.clear()
    exchange = await client.http(request)
    try:
        response = await read_response(exchange, within=WITHIN, sample=SAMPLE)
    except Unanswered as reason:
        return View(None, error=str(reason), reached=_reached(onion))
    finally:
        await exchange.disconnect()
        await exchange.ending(WITHIN)
        await asyncio.sleep(0)
    return View(
        response.status,
        tuple(sorted(_pair(name, value) for name, value in response.headers)),
        _digest(response),
        response.complete or response.left,
        response.ending.error,
        _reached(onion),
    )


def _pair(name: bytes, value: bytes) -> tuple[str, str]:
    """A header as text; the members of a list whose order means nothing are put in order."""
    told = name.decode("latin-1").lower(), value.decode("latin-1")
    return (told[0], ", ".join(sorted(part.strip() for part in told[1].split(",")))) if told[0] in UNORDERED else told


def _reached(onion: Onion) -> bool:
    return bool(onion.at(onion.innermost))


def _digest(response: Response) -> str:
    about = hashlib.sha256(response.body).hexdigest()[:8] if not response.left else "stream"
    return f"{len(response.body)} bytes ({about})" if not response.left else about


@dataclass(frozen=True, slots=True)
class Mask:
    """What is not compared: values of headers, and whole bodies, that change between two equal requests."""

    names: tuple[str, ...]
    bodies: frozenset[int] = frozenset()

    def difference(self, one: View, other: View) -> tuple[str, str]:
        """What is different, in words for each of the two; two empty texts where nothing is."""
        a, b = dict(self._facts(one)), dict(self._facts(other))
        keys = [key for key in {**a, **b} if a.get(key) != b.get(key)]
        return tuple(", ".join(_told(key, facts.get(key)) for key in keys) for facts in (a, b))  # type: ignore[return-value]

    def _facts(self, seen: View) -> Iterable[tuple[str, str]]:
        yield "status", str(seen.status) if seen.status is not None else seen.error or "no response"
        yield "the application", "is called" if seen.reached else "is not called"
        if not seen.complete:
            yield "the response", "is not complete"
        if seen.error and seen.status is not None:
            yield "the server", f"gets {seen.error}"
        for name, value in seen.headers:
            yield name, "present" if name in self.names else value
        if not {"body"} & set(self.names):
            yield "body", seen.body


def _told(key: str, value: str | None) -> str:
    value = "none" if value is None else value
    return f"{key} {value if len(value) <= SHORT else value[:SHORT] + '…'}"


def mask(runs: Sequence[Sequence[View]]) -> Mask:
    """What differs between runs that should be equal."""
    names = set(VOLATILE)
    for views in zip(*runs, strict=True):
        headers = [dict(seen.headers) for seen in views]
        names |= {name for one in headers for name in one if len({kept.get(name) for kept in headers}) > 1}
        if len({seen.body for seen in views}) > 1:
            names |= {"body", "content-length", "etag"}
    return Mask(tuple(sorted(names)))
