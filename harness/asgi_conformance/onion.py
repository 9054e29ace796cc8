"""The onion: the layers of an application, and what passes each of them on the way in and out.

``with Onion(app) as onion`` puts a recorder around every layer that can be found, and takes them all out again
at the end. No framework is imported: a layer is whatever holds the next application in an attribute or in a
closure, which is how ASGI middleware is written; an application that builds its stack late (Starlette,
FastAPI) is asked to build it.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from types import CellType
from typing import Any, Self

from asgi_conformance.protocol.types import ASGIApp, Message, Receive, Scope, Send

# Under which names layers keep the application inside; the first that holds one counts.
NAMES = ("app", "_app", "application", "_application", "asgi_app", "inner", "_inner", "wrapped", "asgi", "next")
DEEPEST = 100  # layers; more means that the chain bites its tail

_CALL: ContextVar[int] = ContextVar("asgi_conformance_onion_call")


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


LEFT = frozenset({Passing.RETURNED, Passing.RAISED, Passing.CANCELLED})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was seen at the outside of one layer; layer 0 is the outermost.

    `call` counts the calls of the whole application; it is None where a layer let go of the context.
    """

    at: float
    call: int | None
    layer: int
    what: Passing
    message: Message = field(default_factory=dict)
    error: BaseException | None = None
    scope: Scope = field(default_factory=dict)

    @property
    def is_start(self) -> bool:
        """Whether the head of a response is sent."""
        return self.what is Passing.SENDS and self.message.get("type") == "http.response.start"

    @property
    def is_piece(self) -> bool:
        """Whether a part of a body is sent."""
        return self.what is Passing.SENDS and bool(self.message.get("body"))

    @property
    def is_end(self) -> bool:
        """Whether the last part of a body is sent."""
        last = self.message.get("type") == "http.response.body" and not self.message.get("more_body")
        return self.what is Passing.SENDS and last


class Onion:
    """The layers of `app` from the outside in, and the steps that were seen.

    Args:
        app: an ASGI application; what is patched in it is put back when the block is left.
        clock: gives seconds; by default the running loop's.
        pause: seconds to hold the innermost layer up after each part of a body, so that what a layer keeps
            back can be told from what has only just been sent.
        linger: the same after the last part.

    Inside the block call :attr:`app`, which is the same application with the recorders in it.
    """

    def __init__(
        self, app: ASGIApp, *, clock: Callable[[], float] | None = None, pause: float = 0.0, linger: float = 0.0
    ) -> None:
        self._whole = app
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._pause = pause
        self._linger = linger
        self._undo: list[Callable[[], object]] = []
        self._calls = 0
        self.app: ASGIApp = app
        self.names: list[str] = []
        self.inside: list[ASGIApp] = []  # the layers themselves, unrecorded but for what is further in
        self.steps: list[Step] = []

    def __enter__(self) -> Self:
        layer: Any = self._whole
        self.app = self._recorder(layer)
        seen = {id(layer)}
        while len(self.names) < DEEPEST:
            link = _link(layer)
            if link is None or id(link.value) in seen or not link.put(recorder := self._recorder(link.value)):
                break
            self._added(recorder)
            self._undo.append(functools.partial(link.put, link.before))
            layer = link.value
            seen.add(id(layer))
        return self

    def __exit__(self, *exc_info: object) -> None:
        while self._undo:
            self._undo.pop()()

    def _recorder(self, layer: ASGIApp) -> "Recorder":
        recorder = Recorder(self, len(self.names), layer)
        if not self.names:
            self._added(recorder)
        return recorder

    def _added(self, recorder: "Recorder") -> None:
        self.names.append(layer_name(recorder.inner))
        self.inside.append(recorder.inner)

    # What the recorders use.

    def note(self, call: int | None, layer: int, what: Passing, **facts: Any) -> None:
        """Add a step."""
        self.steps.append(Step(self._clock(), call, layer, what, **facts))

    def new_call(self) -> int:
        """The number of a call that begins."""
        self._calls += 1
        return self._calls

    @property
    def innermost(self) -> int:
        """The number of the last layer that was found."""
        return len(self.names) - 1

    async def after_piece(self, layer: int, message: Message) -> None:
        """Hold the innermost application up for a while after a part of its body."""
        if layer != self.innermost or message.get("type") != "http.response.body":
            return
        seconds = self._linger if not message.get("more_body") else self._pause if message.get("body") else 0.0
        if seconds:
            await asyncio.sleep(seconds)

    # Reading it.

    def at(self, layer: int, *what: Passing) -> list[Step]:
        """The steps at the outside of one layer, in order; of these kinds only, where kinds are given."""
        return [step for step in self.steps if step.layer == layer and (not what or step.what in what)]

    def entered(self) -> list[str]:
        """The names of the layers in the order in which the last call went in."""
        last = max((step.call or 0 for step in self.steps), default=0)
        return [self.names[s.layer] for s in self.steps if s.what is Passing.ENTERED and s.call in {last, None}]

    def picture(self) -> str:
        """The stack in one line, the outermost layer first."""
        return " > ".join(self.names)

    def story(self) -> Iterator[str]:
        """What was seen, a line for each step, indented by depth."""
        begun = self.steps[0].at if self.steps else 0.0
        for step in self.steps:
            about = step.message.get("type") or (f"{type(step.error).__name__}: {step.error}" if step.error else "")
            if step.message.get("type") == "http.response.body":
                more = "" if step.message.get("more_body") else ", the last"
                about += f" of {len(step.message.get('body', b''))} bytes{more}"
            yield f"{step.at - begun:8.3f} s  {'  ' * step.layer}{self.names[step.layer]} {step.what} {about}".rstrip()


class Recorder:
    """Pure ASGI around one layer: notes what passes, changes nothing, and shows the layer's own attributes."""

    def __init__(self, onion: Onion, layer: int, inner: ASGIApp) -> None:
        self.onion = onion
        self.layer = layer
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the layer and note what passes."""
        if self.layer == 0:
            _CALL.set(self.onion.new_call())
        note = functools.partial(self.onion.note, _CALL.get(None), self.layer)

        async def receiving() -> Message:
            note(Passing.WAITS)
            message = await receive()
            note(Passing.RECEIVED, message=dict(message))
            return message

        async def sending(message: Message) -> None:
            kept = dict(message)
            note(Passing.SENDS, message=kept)
            try:
                await send(message)
            except BaseException as error:
                note(Passing.REFUSED, message=kept, error=error)
                raise
            note(Passing.SENT, message=kept)
            await self.onion.after_piece(self.layer, kept)

        note(Passing.ENTERED, scope=scope)
        try:
            await self.inner(scope, receiving, sending)
        except asyncio.CancelledError as error:
            note(Passing.CANCELLED, error=error)
            raise
        except BaseException as error:
            note(Passing.RAISED, error=error)
            raise
        note(Passing.RETURNED)


def layer_name(layer: Any) -> str:
    """What a person calls the layer: its class, its function, or the function that a base class runs."""
    dispatch = getattr(layer, "dispatch_func", None)
    if dispatch is not None and inspect.isfunction(dispatch):
        return f"{type(layer).__name__}({dispatch.__name__})"
    if isinstance(layer, functools.partial):
        return layer_name(layer.func)
    if inspect.isroutine(layer):
        return layer.__qualname__.partition(".<locals>")[0]
    return type(layer).__name__


# Finding the application inside a layer.


@dataclass(frozen=True, slots=True)
class _Link:
    """Where a layer keeps the application inside: `value`; `before` is what goes back in the end."""

    value: Any
    before: Any
    put: Callable[[Any], bool]


def _link(layer: Any) -> _Link | None:
    if callable(getattr(layer, "build_middleware_stack", None)) and "middleware_stack" in _own(layer):
        before = layer.middleware_stack
        value = layer.build_middleware_stack() if before is None else before
        return _Link(value, before, functools.partial(_set_attribute, layer, "middleware_stack"))
    if inspect.isfunction(layer):
        return _closure_link(layer)
    own = _own(layer)
    for name in (*NAMES, "middleware_stack"):
        value = own.get(name)
        if value is not None and _is_application(value) and getattr(value, "__self__", None) is not layer:
            return _Link(value, value, functools.partial(_set_attribute, layer, name))
    return None


def _closure_link(function: Any) -> _Link | None:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
    for name in NAMES:
        cell = cells.get(name)
        if cell is not None and _filled(cell) and _is_application(cell.cell_contents):
            return _Link(cell.cell_contents, cell.cell_contents, functools.partial(_set_cell, cell))
    return None


def _own(layer: Any) -> dict[str, Any]:
    """The attributes that an instance holds itself, in its dict or in slots."""
    found: dict[str, Any] = {}
    for kind in type(layer).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(layer, name):
                found[name] = getattr(layer, name)
    return found | getattr(layer, "__dict__", {})


def _is_application(value: Any) -> bool:
    """Whether the value can be called like an ASGI 3 application."""
    if not callable(value) or inspect.isclass(value):
        return False
    if isinstance(value, Recorder):
        return True
    try:
        inspect.signature(value).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True


def _filled(cell: CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _set_attribute(layer: Any, name: str, value: Any) -> bool:
    try:
        object.__setattr__(layer, name, value)  # a frozen dataclass is a layer too
    except (AttributeError, TypeError):
        return False
    return True


def _set_cell(cell: CellType, value: Any) -> bool:
    cell.cell_contents = value
    return True
