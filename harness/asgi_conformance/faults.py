"""What the driver does to an application on purpose: failing sends, silent sends, cancellations."""

from collections.abc import Callable
from dataclasses import dataclass


class ClientDisconnected(OSError):
    """What `send` raises once the client is gone, as servers of spec_version 2.4 and later do."""


@dataclass(frozen=True, slots=True)
class Faults:
    """When the driver misbehaves, counted from zero within one call of the application.

    Args:
        fail_send_from: from this send on, `send` raises.
        silent_from: from this send on, `send` does nothing, and tells nobody.
        block_send_from: from this send on, `send` never comes back.
        leave_at: the client leaves when the application makes this call of `receive` or `send`, counted together.
        cancel_at: cancel the application at its n-th suspension, wherever that is.
        error: makes the exception that a failing send raises.
        after_disconnect: what `send` does once the client is gone. ``auto``: raise from spec_version 2.4 on,
            do nothing below it (ASGI HTTP 2.5, "Disconnected Client - send exception").
    """

    fail_send_from: int | None = None
    silent_from: int | None = None
    block_send_from: int | None = None
    leave_at: int | None = None
    cancel_at: int | None = None
    error: Callable[[], BaseException] = ClientDisconnected
    after_disconnect: str = "auto"  # auto, raise, ignore


NO_FAULTS = Faults()
