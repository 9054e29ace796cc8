"""Calls of the application in a server process, put together from the observer's events."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from asgi_conformance.drivers.base import Ending
from asgi_conformance.protocol.types import Message


@dataclass(slots=True, eq=False)
class Call:
    """One call of the application, as far as it has got.

    `scope` and the messages are copies: objects without a form outside the server's process are
    :class:`~asgi_conformance.drivers.server.codec.Foreign`. `events` are the observer's, with their times on the
    system's monotonic clock, which the runner shares.
    """

    number: int
    pid: int
    at: float
    scope: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)
    ending: Ending | None = None

    @property
    def type(self) -> str:
        """The scope's type."""
        return str(self.scope.get("type"))

    @property
    def port(self) -> int | None:
        """The client's port, where the scope has one."""
        client = self.scope.get("client")
        return client[1] if isinstance(client, list | tuple) and len(client) == 2 else None

    @property
    def sent(self) -> list[Message]:
        """The messages that the application has sent, whether or not the server took them."""
        return [event["message"] for event in self.events if event["event"] == "send"]

    @property
    def received(self) -> list[Message]:
        """The messages that the application was given."""
        return [event["message"] for event in self.events if event["event"] == "received"]

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The errors that `send` raised, as :func:`asgi_conformance.observer.describe` tells them."""
        return [event["error"] for event in self.events if event["event"] == "send-failed"]

    def take(self, event: dict[str, Any]) -> None:
        """Note what has happened in this call."""
        self.events.append(event)
        if event["event"] == "end":
            error = event.get("error")
            self.ending = Ending(event["how"], f"{error['type']}: {error['text']}" if error else "")


@dataclass(slots=True, eq=False)
class Expectation:
    """A request that is about to be sent; `call` is set when the application is called for it."""

    port: int
    type: str
    path: str
    call: Call | None = None


class CallBook:
    """Every call of the application in one server process, in the order of their beginnings.

    Calls are matched with requests by the client's port. A server that does not tell it, or tells another one
    (because of a proxy's header), leaves the order of requests of the same type and path.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[int, int], Call] = {}
        # What an earlier check has left behind: calls that go on, and ports from which one may still come.
        self._former: set[tuple[int, int]] = set()
        self._former_ports: set[int] = set()
        self._ports: set[int] = set()
        self._expected: list[Expectation] = []

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def opened(self, port: int) -> None:
        """Announce a connection from this port."""
        self._ports.add(port)
        self._former_ports.discard(port)

    def expect(self, port: int, scope_type: str, path: str) -> Expectation:
        """Announce a request before it is sent; `path` is decoded, without the query."""
        self.opened(port)
        expectation = Expectation(port, scope_type, path)
        self._expected.append(expectation)
        return expectation

    def take(self, event: dict[str, Any]) -> Call | None:
        """Note an event of the observer; the call that it belongs to, unless an earlier check has left it behind."""
        key = (event["pid"], event["call"])
        if key in self._former:
            if event["event"] == "end":
                self._former.remove(key)
            return None
        if event["event"] == "call":
            call = Call(event["call"], event["pid"], event["at"], event.get("scope", {}))
            if call.port in self._former_ports:
                self._former.add(key)
                return None
            self._calls[key] = call
            self._match(call)
            return call
        known = self._calls.get(key)
        if known is not None:
            known.take(event)
        return known

    def lifespan(self) -> Call | None:
        """The first lifespan call, if there was one."""
        return next((call for call in self if call.type == "lifespan"), None)

    def prune(self) -> None:
        """Forget everything but the lifespan: what comes next is another check's."""
        self._expected.clear()
        requests = {key: call for key, call in self._calls.items() if call.type != "lifespan"}
        self._former |= {key for key, call in requests.items() if call.ending is None}
        self._calls = {key: call for key, call in self._calls.items() if key not in requests}
        self._former_ports |= self._ports
        self._ports.clear()

    def _match(self, call: Call) -> None:
        waiting = [expectation for expectation in self._expected if expectation.type == call.type]
        by_port = [expectation for expectation in waiting if expectation.port == call.port]
        if not by_port and call.port in self._ports:
            return  # one of our connections, but nothing that was announced on it: raw bytes
        by_order = [expectation for expectation in waiting if expectation.path == call.scope.get("path")]
        for expectation in by_port or by_order:
            expectation.call = call
            self._expected.remove(expectation)
            return
