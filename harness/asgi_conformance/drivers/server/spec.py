"""What a server process is told when it begins."""

from dataclasses import asdict, dataclass, field
from typing import Any

from asgi_conformance.drivers.server.adapters import ServerOptions
from asgi_conformance.loading import AppRef

# Where a server that is started by its own command line finds which application is meant, as JSON.
APP_VARIABLE = "ASGI_CONFORMANCE_APP"


@dataclass(frozen=True, slots=True)
class Descriptors:
    """The file descriptors that a server process is given, in the order in which they are handed over.

    Args:
        listener: the listening socket.
        log: takes what the process prints.
        events: the event log, opened for appending.
        bell: the writing end of the pipe that says that there are events.
        control: the reading end of the pipe with the runner's commands; its end is the end of the runner.
    """

    listener: int
    log: int
    events: int
    bell: int
    control: int


@dataclass(frozen=True, slots=True)
class Spec:
    """One server process: which server, which application, in which surroundings.

    `env` is the whole environment; empty where the process has the right one already. `parent` is the process
    whose death is to be the end of this one, or 0 when only the control pipe tells.
    """

    server: str
    app: AppRef
    options: ServerOptions
    cwd: str
    sys_path: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    parent: int = 0
    descriptors: Descriptors = Descriptors(-1, -1, -1, -1, -1)

    def to_json(self) -> dict[str, Any]:
        """For :meth:`from_json` in another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Spec":
        """The specification that `to_json` described."""
        return cls(
            **{
                **record,
                "app": AppRef.from_json(record["app"]),
                "options": ServerOptions(**record["options"]),
                "sys_path": tuple(record["sys_path"]),
                "descriptors": Descriptors(**record["descriptors"]),
            }
        )
