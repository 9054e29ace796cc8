"""Server: the extensions that it offers for a response."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from asgi_conformance import MUST, SHOULD, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.base import Headers
from asgi_conformance.drivers.wire_http1 import Data, End, ResponseParser, Start
from asgi_conformance.spec import ASGI_EXTENSIONS

from .script import DRAIN, NEEDS, OK, PROMPTLY, Step, body, play, start

TRAILERS = ASGI_EXTENSIONS["http-trailers"]
CONTENT = b"the content of the file"
LENGTH = (b"content-length", str(len(CONTENT)).encode())
ANNOUNCED = start(200, [(b"trailer", b"x-sum")], trailers=True)


async def _offers(probe: Probe, extension: str) -> None:
    scope = (await (await play(probe, *OK)).record()).scope
    if extension not in (scope.get("extensions") or {}):
        raise NotApplicable(f"a scope that lists {extension}")


@contextmanager
def _file() -> Iterator[str]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(CONTENT)
        file.flush()
        yield file.name


def trailers(*pairs: tuple[bytes, bytes], more: bool = False) -> Step:
    """The step that sends trailers."""
    return ("send", {"type": "http.response.trailers", "headers": list(pairs), "more_trailers": more})


async def _trailed(probe: Probe, *steps: Step, headers: Headers) -> tuple[bytes, Headers, bool]:
    """Content and trailers of a response, and whether it is complete."""
    played = await play(probe, *steps, headers=headers)
    parser = ResponseParser()
    content: bytes = b""
    found: Headers = ()
    while not parser.over:
        read = await played.connection.read(PROMPTLY)
        events = parser.finish() if read is None else parser.feed(read.data)
        for event in events:
            match event:
                case Data(data):
                    content += data
                case End(pairs):
                    found = pairs
                case Start():
                    pass
        if read is None:
            break
    return content, found, parser.complete


@check("server.trailers.sent", level=MUST, clause=TRAILERS, needs=NEEDS)
async def test_announced_trailers_are_sent(probe: Probe) -> None:
    """A response with announced trailers must stay open behind its body until the last of them has come, and have them.

    To a client that has said `te: trailers`.
    """
    await _offers(probe, "http.response.trailers")
    steps = (ANNOUNCED, body(b"hello"), trailers((b"x-sum", b"1"), more=True), trailers((b"x-sum", b"2")))
    content, found, complete = await _trailed(probe, *steps, headers=((b"te", b"trailers"),))
    if not complete or content != b"hello":
        raise Violation(expected="a complete response", observed=repr(content))
    if [value for name, value in found if name.lower() == b"x-sum"] != [b"1", b"2"]:
        raise Violation(expected="both trailers", observed=repr(found))


@check("server.trailers.only-if-wanted", level=MUST, clause=TRAILERS, needs=NEEDS)
async def test_trailers_are_for_those_who_want_them(probe: Probe) -> None:
    """Trailers must only be sent to a client that has said `te: trailers`; the response is complete without them."""
    await _offers(probe, "http.response.trailers")
    content, found, complete = await _trailed(probe, ANNOUNCED, body(b"hello"), trailers((b"x-sum", b"1")), headers=())
    if not complete or content != b"hello" or found:
        raise Violation(expected="a complete response without trailers", observed=f"{content!r}, {found!r}")


@check("server.pathsend.content", level=SHOULD, clause=ASGI_EXTENSIONS["path-send"], needs=NEEDS)
async def test_named_file_is_sent(probe: Probe) -> None:
    """A file that is named by `http.response.pathsend` should be delivered as a body would be."""
    await _offers(probe, "http.response.pathsend")
    with _file() as path:
        played = await play(probe, start(200, [LENGTH]), ("send", {"type": "http.response.pathsend", "path": path}))
        response = await played.response()
    if response.body != CONTENT or response.end != "complete":
        raise Violation(expected="the content of the file", observed=f"{response.body!r}, {response.end}")


@check("server.zerocopysend.content", level=SHOULD, clause=ASGI_EXTENSIONS["zero-copy-send"], needs=NEEDS)
async def test_open_file_is_sent(probe: Probe) -> None:
    """A file that is given by `http.response.zerocopysend` should be delivered as a body would be, and left open.

    Closing it is the application's business.
    """
    await _offers(probe, "http.response.zerocopysend")
    with _file() as path:
        played = await play(probe, start(200, [LENGTH]), ("send-open-file", path))
        response = await played.response()
        told = await played.record()
    if response.body != CONTENT or response.end != "complete":
        raise Violation(expected="the content of the file", observed=f"{response.body!r}, {response.end}")
    if told.all("file") != [("open",)]:
        raise Violation(expected="a file that is still open", observed="one that the server has closed")


@check("server.early-hint.before-head", level=SHOULD, clause=ASGI_EXTENSIONS["early-hints"], needs=NEEDS)
async def test_hint_comes_before_the_response(probe: Probe) -> None:
    """An early hint should become a 103 before the final head, or be left out; it must not come later."""
    await _offers(probe, "http.response.early_hint")
    hint: Step = ("send", {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload; as=style"]})
    played = await play(probe, DRAIN, start(200, [(b"content-length", b"5")]), hint, body(b"hello"))
    response = await played.response()
    if (response.status, response.body, response.end) != (200, b"hello", "complete"):
        raise Violation(expected="the response", observed=f"{response.status}, {response.body!r}, {response.end}")
    if (await played.record()).raised:
        raise Violation(expected="a hint that is accepted", observed="a send() that raises")


@check("server.push.accepted", level=SHOULD, clause=ASGI_EXTENSIONS["http-2-server-push"], needs=NEEDS)
async def test_push_is_accepted(probe: Probe) -> None:
    """A server that offers server push should take `http.response.push`, and deliver the response in any case.

    Where the client's connection has no push, it is left out.
    """
    await _offers(probe, "http.response.push")
    push: Step = ("send", {"type": "http.response.push", "path": "/pushed", "headers": []})
    played = await play(probe, DRAIN, start(200, [(b"content-length", b"5")]), push, body(b"hello"))
    response = await played.response()
    if (await played.record()).raised or (response.body, response.end) != (b"hello", "complete"):
        raise Violation(expected="a push that is accepted, and the response", observed=f"{response.body!r}")
