"""Calls are put together from events, and matched with the requests that caused them."""

from typing import Any

from asgi_conformance.drivers.base import Ending
from asgi_conformance.drivers.server.calls import CallBook


class Application:
    """Makes the events of an application in a server process."""

    def __init__(self, book: CallBook) -> None:
        self.book = book
        self.number = 0

    def called(self, port: int | None, path: str = "/", kind: str = "http") -> int:
        self.number += 1
        scope: dict[str, Any] = {"type": kind, "path": path}
        if kind != "lifespan":
            scope["client"] = None if port is None else ["127.0.0.1", port]
        self.book.take({"event": "call", "pid": 1, "call": self.number, "at": 0.0, "scope": scope})
        return self.number

    def told(self, call: int, event: str, **facts: Any) -> None:
        self.book.take({"event": event, "pid": 1, "call": call, "at": 0.0, **facts})


def test_a_call_collects_its_own_events():
    book = CallBook()
    application = Application(book)
    one, two = application.called(1), application.called(2)
    application.told(one, "received", message={"type": "http.request"})
    application.told(two, "send", message={"type": "http.response.start"})
    application.told(two, "send-failed", error={"type": "OSError", "text": "", "kinds": []})
    application.told(one, "end", how="returned", value=None)
    application.told(two, "end", how="raised", error={"type": "OSError", "text": "gone", "kinds": []})

    first, second = book
    assert first.received == [{"type": "http.request"}]
    assert (first.sent, first.failures, first.ending) == ([], [], Ending("returned"))
    assert second.sent == [{"type": "http.response.start"}]
    assert [failure["type"] for failure in second.failures] == ["OSError"]
    assert second.ending == Ending("raised", "OSError: gone")


def test_processes_may_use_the_same_numbers():
    book = CallBook()
    for pid in (1, 2):
        book.take({"event": "call", "pid": pid, "call": 1, "at": 0.0, "scope": {"type": "http"}})
    assert [call.pid for call in book] == [1, 2]


def test_a_request_is_matched_by_its_port_whatever_the_order():
    book = CallBook()
    application = Application(book)
    one, two = book.expect(1001, "http", "/"), book.expect(1002, "http", "/")
    application.called(1002)
    application.called(1001)
    assert (one.call.port, two.call.port) == (1001, 1002)


def test_requests_on_one_connection_are_matched_in_order():
    book = CallBook()
    application = Application(book)
    one, two = book.expect(1001, "http", "/a"), book.expect(1001, "http", "/b")
    application.called(1001, "/a")
    assert two.call is None
    application.called(1001, "/b")
    assert (one.call.scope["path"], two.call.scope["path"]) == ("/a", "/b")


def test_without_a_port_the_order_of_the_same_requests_counts():
    book = CallBook()
    application = Application(book)
    socket = book.expect(1001, "websocket", "/a")
    one, two, other = (book.expect(1002 + i, "http", path) for i, path in enumerate(("/a", "/a", "/b")))
    application.called(None, "/b")
    application.called(0, "/a")
    assert (other.call.number, one.call.number, two.call, socket.call) == (1, 2, None, None)


def test_bytes_on_a_connection_of_ours_are_nobody_elses_request():
    book = CallBook()
    application = Application(book)
    expected = book.expect(1001, "http", "/")
    book.opened(1002)
    application.called(1002)
    assert expected.call is None
    application.called(1001)
    assert expected.call is not None


def test_what_an_earlier_check_left_behind_is_not_this_ones():
    book = CallBook()
    application = Application(book)
    application.called(None, kind="lifespan")
    book.expect(1001, "http", "/")
    going_on = application.called(1001)
    book.opened(1002)  # a request was sent and the check left; the application is called only later
    book.prune()
    late = application.called(1002)
    for call in (going_on, late):
        application.told(call, "send", message={})
        application.told(call, "end", how="returned")
    assert [call.type for call in book] == ["lifespan"]

    book.opened(1002)  # the port is used again
    application.called(1002)
    assert [call.type for call in book] == ["lifespan", "http"]


def test_an_event_of_an_unknown_call_is_passed_over():
    assert CallBook().take({"event": "sent", "pid": 1, "call": 9, "at": 0.0}) is None
