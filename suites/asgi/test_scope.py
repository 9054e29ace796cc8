"""ASGI: what an application does with its scope."""

import copy
from typing import Any

from asgi_conformance import SHOULD, Probe, Violation, check, waits
from asgi_conformance.judging import ended, http_call
from asgi_conformance.protocol.problem import show
from asgi_conformance.spec import ASGI
from asgi_conformance.waits import Limit

# Routers move the mount point, and older ones the path, in the dict that they were given; `state` is there to be
# changed. Nobody was ever hurt by either, and an application's author cannot do anything about it.
FREE = {"root_path", "path", "raw_path", "state"}


@check("asgi.unknown-scope.raises", level=SHOULD, clause=ASGI["protocol-specifications"], needs={"script"})
async def test_unknown_scope_type_raises(probe: Probe) -> None:
    """An application should raise when it is called with a scope type that it does not know.

    That is how a server learns that a protocol is not supported. It takes a quiet return for success, and waits
    on a call that hangs.

    Usual cause: `if scope["type"] == "http": …` without an `else`; middleware that returns for everything that
    it does not care about, the lifespan included.
    Usual mend: raise in the `else`; middleware passes on what it does not handle.
    """
    scope = {"type": "conformance", "asgi": {"version": "3.0", "spec_version": "1.0"}}
    call = await probe.call(scope)
    ending = await waits.ending(call, Limit(60.0, 5.0))
    if ending.how == "returned":
        raise Violation(expected="an exception", observed="a call that returned")
    if ending.how == "running":
        raise Violation(expected="an exception", observed="a call that waits for messages")


@check("asgi.scope.not-mutated", level=SHOULD, clause=ASGI["middleware"], needs={"http", "script"})
async def test_scope_is_left_alone(probe: Probe) -> None:
    """Whoever changes what the scope says should change a copy of it.

    The dict belongs to the caller: to the server, which logs the client and the path after the call, or to the
    layer outside. Keys that are added are not reported, nor is `root_path`, which routers set in place.

    Usual cause: middleware that appends to `scope["headers"]`, or replaces `scope["client"]` or
    `scope["scheme"]`, in the dict that it was given.
    Usual mend: `scope = {**scope, "headers": [*scope["headers"], (b"x-header", b"value")]}`, and pass that on.
    """
    call = await http_call(probe, farewell={"type": "http.disconnect"}, scope={"state": ...})
    before = _plain(call.scope)
    await waits.until(call, lambda: ended(call.sent) or len(call.sent) > 100, Limit(60.0, 2.0))
    call.leave()
    await waits.ending(call, Limit(60.0, 5.0))
    after = _plain(call.scope)
    for key, value in before.items():
        if key not in after:
            raise Violation(expected=f"the scope's {key!r} as it was", observed="no such key")
        if key not in FREE and after[key] != value:
            raise Violation(expected=f"the scope's {key!r} as it was", observed=f"{show(after[key])}")


def _plain(value: Any) -> Any:
    """A deep copy in which lists and tuples are the same: replacing one by the other changes nothing."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | bytes | int | float | None) else copy.copy(value)
