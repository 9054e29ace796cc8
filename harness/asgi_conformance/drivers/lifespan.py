"""The lifespan of an application in process, with the driver in the server's place."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from asgi_conformance.drivers.base import PATIENCE, Ending
from asgi_conformance.drivers.call import Call
from asgi_conformance.drivers.http import type_of
from asgi_conformance.faults import NO_FAULTS, Faults
from asgi_conformance.protocol.types import ASGIApp, Message
from asgi_conformance.transcript import Transcript

SPEC_VERSION = "2.0"


RUNNING = Ending("running")


class Answer(Enum):
    """What the application made of startup or shutdown."""

    COMPLETE = "complete"
    FAILED = "failed"  # it said so, with a message
    RAISED = "raised"  # without having answered; on startup this means "no lifespan" to a server
    RETURNED = "returned"  # without having answered
    CANCELLED = "cancelled"
    SILENT = "silent"  # still running, and nothing was said within the bound


@dataclass(frozen=True, slots=True)
class Phase:
    """The outcome of startup or shutdown."""

    answer: Answer
    message: str = ""
    ending: Ending = RUNNING

    @property
    def complete(self) -> bool:
        """Whether the application said ``….complete``."""
        return self.answer is Answer.COMPLETE


class LifespanRun:
    """One lifespan call: start it, use the application, shut it down.

    `state` is the namespace that requests get copies of; None when the server offers none.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        state: dict[str, Any] | None = None,
        faults: Faults = NO_FAULTS,
        transcript: Transcript | None = None,
    ) -> None:
        self.state = state
        scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": SPEC_VERSION}}
        if state is not None:
            scope["state"] = state
        self.call = Call(app, scope, faults=faults, transcript=transcript)

    @property
    def messages(self) -> list[Message]:
        """What the application has sent so far."""
        return self.call.sent

    async def startup(self, within: float = PATIENCE) -> Phase:
        """Begin the call and deliver ``lifespan.startup``."""
        self.call.start()
        return await self._phase("startup", within)

    async def shutdown(self, within: float = PATIENCE) -> Phase:
        """Deliver ``lifespan.shutdown``."""
        return await self._phase("shutdown", within)

    async def ending(self, within: float = PATIENCE) -> Ending:
        """Wait for the call to end, and say how it ended."""
        return await self.call.ending(within)

    async def _phase(self, name: str, within: float) -> Phase:
        already = len(self.call.sent)
        self.call.put({"type": f"lifespan.{name}"})
        kinds = {f"lifespan.{name}.complete": Answer.COMPLETE, f"lifespan.{name}.failed": Answer.FAILED}

        def answer() -> Message | None:
            return next((m for m in self.call.sent[already:] if type_of(m) in kinds), None)

        await self.call.until(lambda: answer() is not None, within)
        message, ended = answer(), self.call.ended()
        if message is not None:
            return Phase(kinds[message["type"]], str(message.get("message", "")), ended)
        silent = {"raised": Answer.RAISED, "returned": Answer.RETURNED, "cancelled": Answer.CANCELLED}
        return Phase(silent.get(ended.how, Answer.SILENT), ended.error, ended)
