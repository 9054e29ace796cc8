"""A step: one thing that was seen at the outside of one layer."""

from dataclasses import dataclass, field
from enum import StrEnum

from asgi_conformance.protocol.types import Message, Scope


class Passing(StrEnum):
    """What was seen at the outside of a layer."""

    ENTERED = "entered"
    WAITS = "waits"  # calls receive
    RECEIVED = "received"
    SENDS = "sends"
    SENT = "sent"  # send came back
    REFUSED = "refused"  # send raised
    RETURNED = "returned"
    RAISED = "raised"
    CANCELLED = "cancelled"
    WORKS = "works"  # a background task begins inside it
    WORKED = "worked"  # it is done, or has raised


LEFT = frozenset({Passing.RETURNED, Passing.RAISED, Passing.CANCELLED})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was seen at the outside of one layer; layer 0 is the outermost.

    `call` counts the calls of the whole application; it is None where a layer let go of the context. `scope` is
    a shallow copy of the layer's scope, taken when it was entered and again when it was left. `reached` is the
    innermost layer whose context variables can be seen here; `work` names a background task.
    """

    at: float
    call: int | None
    layer: int
    what: Passing
    message: Message = field(default_factory=dict)
    error: BaseException | None = None
    scope: Scope = field(default_factory=dict)
    reached: int = 0
    work: str = ""

    @property
    def is_start(self) -> bool:
        """Whether the head of a response is sent."""
        return self.what is Passing.SENDS and self.message.get("type") == "http.response.start"

    @property
    def is_body(self) -> bool:
        """Whether a body message is sent, empty or not."""
        return self.what is Passing.SENDS and self.message.get("type") == "http.response.body"

    @property
    def is_piece(self) -> bool:
        """Whether a part of a body is sent."""
        return self.what is Passing.SENDS and bool(self.message.get("body"))

    @property
    def is_end(self) -> bool:
        """Whether the last part of a body is sent."""
        return self.is_body and not self.message.get("more_body")
