"""A layer by itself: one middleware around an application that is known to be right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from asgi_conformance.protocol.types import ASGIApp


@dataclass(frozen=True, slots=True)
class Layer:
    """One middleware, and how it is put around an application.

    Args:
        name: what its users call it.
        distribution: what it is installed with.
        wrap: puts it around an application, with options that let requests through; imports what it needs.
        about: what it does on purpose, in a few words.
        scope: gives keys that it looks for in each scope.
    """

    name: str
    distribution: str
    wrap: Callable[[ASGIApp], ASGIApp]
    about: str = ""
    scope: Callable[[], Mapping[str, Any]] = field(default=dict)
