"""Real servers: an application in a process of its own, under a server that production might use."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgi_conformance.drivers.server.adapters import NotInstalled, ServerOptions, UnknownServer
    from asgi_conformance.drivers.server.driver import ServerDriver
    from asgi_conformance.drivers.server.process import ServerProcess
    from asgi_conformance.drivers.server.snapshot import Snapshot

__all__ = ["NotInstalled", "ServerDriver", "ServerOptions", "ServerProcess", "Snapshot", "UnknownServer"]

_HOMES = {
    "NotInstalled": "adapters",
    "ServerDriver": "driver",
    "ServerOptions": "adapters",
    "ServerProcess": "process",
    "Snapshot": "snapshot",
    "UnknownServer": "adapters",
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is asked for: server processes are to carry no more of us than they need."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - it would be a public name of the package

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
