"""Server: several workers, and applications of other kinds, started by the server's own command line."""

import ast
from typing import Literal

from asgi_conformance import MUST, SHOULD, Blocked, NotApplicable, Probe, Unanswered, Violation, check
from asgi_conformance.drivers.server import ServerDriver
from asgi_conformance.drivers.server.command import NoCommandLine, ServerCommand
from asgi_conformance.drivers.wire import WireResponse, read_response
from asgi_conformance.drivers.wire_connection import connect
from asgi_conformance.spec import ASGI, ASGI_HTTP, ASGI_LIFESPAN

WITHIN = 30.0  # seconds; several interpreters have to start
WSGI = ASGI_HTTP["wsgi-compatibility"]


def _command(probe: Probe, *, workers: int = 1, interface: Literal["auto", "wsgi"] = "auto") -> ServerCommand:
    server = probe.driver_as(ServerDriver)
    try:
        return ServerCommand(server.name, server.process.app, workers=workers, interface=interface)
    except NoCommandLine as reason:
        raise NotApplicable(str(reason)) from None


async def _get(command: ServerCommand, target: str) -> WireResponse:
    connection = await connect(*command.address)
    try:
        request = f"GET {target} HTTP/1.1\r\nhost: conformance\r\nconnection: close\r\n\r\n"
        await connection.send(request.encode("ascii"))
        return await read_response(connection, within=WITHIN)
    finally:
        await connection.dispose()


@check(
    "server.workers.own-lifespan",
    level=SHOULD,
    clause=ASGI_LIFESPAN["lifespan-protocol"],
    needs={"server.script", "wire", "process"},
)
async def test_every_worker_has_its_lifespan(probe: Probe) -> None:
    """With several worker processes, each of them should run a lifespan of its own, startup and shutdown.

    What startup makes, a connection to the database for one, cannot be shared between processes.
    """
    async with _command(probe, workers=2) as command:

        def events(kind: str) -> int:
            # The workers write into one pipe: two of their lines may have become one.
            return "\n".join(command.lines).count(repr(("received", {"type": kind})))

        for kind in ("lifespan.startup", "lifespan.shutdown"):
            try:
                await command.until(lambda _lines, kind=kind: events(kind) == 2, WITHIN)  # type: ignore[misc]
            except Unanswered:
                raise Violation(expected=f"{kind} in both workers", observed=f"in {events(kind)} of them") from None
            if kind == "lifespan.startup":
                try:
                    await command.stop(WITHIN)
                except Unanswered as reason:
                    raise Violation(expected="the end of the process after SIGTERM", observed=str(reason)) from reason


@check(
    "server.interface.two-step",
    level=SHOULD,
    clause=ASGI["legacy-applications"],
    needs={"server.two-step", "wire", "process"},
)
async def test_two_step_application_is_served(probe: Probe) -> None:
    """A server should also serve applications of ASGI 2, which are called in two steps."""
    async with _command(probe) as command:
        response = await _get(command, "/")
    if (response.status, response.body) != (200, b"two-step"):
        raise Violation(expected="the response of the two-step application", observed=f"status {response.status}")


async def _environ(probe: Probe) -> dict[str, str]:
    async with _command(probe, interface="wsgi") as command:
        response = await _get(command, "/a%20b/%E2%9C%93?x=%20y")
        port = command.address[1]
    if response.status != 200:
        raise Blocked(f"the WSGI application is not served: status {response.status}")
    pairs = (line.partition("=") for line in response.body.decode("ascii").splitlines())
    return {key: ast.literal_eval(value) for key, _, value in pairs} | {"our port": str(port)}


NEEDS_WSGI = {"server.wsgi", "wire", "process"}


@check("server.wsgi.thread", level=MUST, clause=WSGI, needs=NEEDS_WSGI)
async def test_wsgi_runs_beside_the_loop(probe: Probe) -> None:
    """A WSGI application must run in a thread pool, off the event loop: it blocks by its nature."""
    if (await _environ(probe))["thread"] == "main":
        raise Violation(expected="a thread of a pool", observed="the main thread")


@check("server.wsgi.environ", level=MUST, clause=WSGI, needs=NEEDS_WSGI)
async def test_environ_follows_from_the_scope(probe: Probe) -> None:
    """The environ of a WSGI application must follow from the scope.

    PATH_INFO is the path without the mount point, its UTF-8 bytes as Latin-1; SCRIPT_NAME the mount point; QUERY_STRING
    the query; REQUEST_METHOD the method.
    """
    environ = await _environ(probe)
    expected = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/✓".encode().decode("latin-1"),
        "QUERY_STRING": "x=%20y",
    }
    for key, value in expected.items():
        if environ.get(key, "") != value:
            raise Violation(expected=f"{key} {value!r}", observed=repr(environ.get(key)))
