"""uvicorn, run by its own `Config` and `Server`."""

import contextlib
import ssl
import sys

from asgi_conformance.drivers.server.adapters import Adapter, CommandLine, Launch, Word

STARTUP_FAILURE = 3  # what uvicorn's own command line exits with when it has never served


def run(launch: Launch) -> None:
    """Serve until a signal, a failed startup or an exception ends it, with the exit code of ``python -m uvicorn``."""
    import uvicorn  # noqa: PLC0415 - it may not be installed, and the adapter is asked about that

    async def first_tick() -> None:
        launch.started()

    options = launch.options
    chosen = {
        "timeout_graceful_shutdown": options.grace,
        "ws_max_size": options.websocket_max_size,
        "ws_ping_interval": options.websocket_ping_interval,
        "ws_ping_timeout": options.websocket_ping_timeout,
        "ssl_certfile": options.certificate,
        "ssl_ca_certs": options.client_authority,
        "ssl_cert_reqs": None if options.client_authority is None else ssl.CERT_OPTIONAL,
    }
    config = uvicorn.Config(
        launch.app,
        lifespan="auto",
        root_path=options.root_path,
        log_level="info",
        access_log=False,
        use_colors=False,
        # The main loop calls this in its first tick, which is after the startup, and then hardly ever.
        callback_notify=first_tick,
        timeout_notify=3600,
        **launch.choices,  # type: ignore[arg-type]
        **{name: value for name, value in chosen.items() if value is not None},  # type: ignore[arg-type]
    )
    server = uvicorn.Server(config)
    # Raised again by uvicorn after a graceful end; its command line takes it the same way.
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=list(launch.sockets))
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def command(line: CommandLine) -> tuple[str, ...]:
    """The module and its arguments for ``python -m``."""
    workers = ("--workers", str(line.workers)) if line.workers > 1 else ()
    quiet = ("--no-access-log", "--no-use-colors")
    return ("uvicorn", line.app, "--fd", str(line.descriptor), "--interface", line.interface, *workers, *quiet)


ADAPTER = Adapter(
    name="uvicorn",
    module="uvicorn",
    run=run,
    command=command,
    words={
        "h11": Word("http", "h11", "h11"),
        "httptools": Word("http", "httptools", "httptools"),
        "asyncio": Word("loop", "asyncio"),
        "uvloop": Word("loop", "uvloop", "uvloop"),
        "websockets": Word("ws", "websockets", "websockets"),
        "websockets-sansio": Word("ws", "websockets-sansio", "websockets"),
        "wsproto": Word("ws", "wsproto", "wsproto"),
    },
    supports=frozenset(
        {
            "grace",
            "root_path",
            "websocket_max_size",
            "websocket_ping_interval",
            "websocket_ping_timeout",
            "certificate",
            "client_authority",
        }
    ),
    preload=(
        "uvicorn",
        "uvicorn.server",
        "uvicorn.lifespan.on",
        "uvicorn.loops.auto",
        "uvicorn.protocols.http.auto",
        "uvicorn.protocols.http.h11_impl",
        "uvicorn.protocols.websockets.auto",
        "uvicorn.protocols.websockets.websockets_impl",
        "uvicorn.protocols.websockets.wsproto_impl",
    ),
)
