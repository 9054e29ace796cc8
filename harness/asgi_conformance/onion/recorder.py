"""The onion: the layers of an application, and what passes each of them on the way in and out."""

import asyncio
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Self

from asgi_conformance.onion.background import watch_background
from asgi_conformance.onion.link import Branch, Link, branches, layer_name, link
from asgi_conformance.onion.step import Passing, Step
from asgi_conformance.protocol.types import ASGIApp, Message, Receive, Scope, Send

DEEPEST = 100  # layers in a row; more means that the chain bites its tail
MOST = 2000  # layers of all routes together

_CALL: ContextVar[int] = ContextVar("asgi_conformance_onion_call")
_REACHED: ContextVar[int] = ContextVar("asgi_conformance_onion_reached")  # set on the way in, and never taken back
_WITHIN: ContextVar[int] = ContextVar("asgi_conformance_onion_within")


class Onion:
    """The layers of `app` from the outside in, and the steps that were seen.

    Args:
        app: an ASGI application; what is patched in it is put back when the block is left.
        clock: gives seconds; by default the running loop's.
        pause: seconds to hold the innermost layer up after each part of a body, so that what a layer keeps
            back can be told from what has only just been sent.
        linger: the same after the last part.
        deep: also look behind routers, at the layers of single routes and of mounted applications down to the
            endpoints, and note the background tasks that run inside them.

    Inside the block call :attr:`app`, which is the same application with the recorders in it. The layers of the
    application itself come first in :attr:`names`; `parents` says for each layer which one it lies in.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        clock: Callable[[], float] | None = None,
        pause: float = 0.0,
        linger: float = 0.0,
        deep: bool = False,
    ) -> None:
        self._whole = app
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._pause = pause
        self._linger = linger
        self._deep = deep
        self._undo: list[Callable[[], object]] = []
        self._calls = 0
        self._seen: set[int] = set()
        self.app: ASGIApp = app
        self.names: list[str] = []
        self.inside: list[ASGIApp] = []  # the layers themselves, unrecorded but for what is further in
        self.parents: list[int | None] = []
        self.via: list[str] = []  # the route that leads to a layer; empty for those of the application itself
        self.steps: list[Step] = []
        self.scopes: dict[int, Scope] = {}  # of the last call, the scope itself that each layer was given
        self.innermost = 0  # the number of the last of the application's own layers

    def __enter__(self) -> Self:
        self.app = self._add(self._whole, None, "")
        self._follow(0)
        self.innermost = len(self.names) - 1
        if self._deep:
            self._look_behind(self.innermost)
            self._undo.append(watch_background(self._working))
        return self

    def __exit__(self, *exc_info: object) -> None:
        while self._undo:
            self._undo.pop()()

    def _add(self, layer: ASGIApp, parent: int | None, via: str, name: str = "") -> "Recorder":
        recorder = Recorder(self, len(self.names), layer)
        self.names.append(name or layer_name(layer))
        self.inside.append(layer)
        self.parents.append(parent)
        self.via.append(via)
        self._seen.add(id(layer))
        return recorder

    def _follow(self, layer: int, endpoint: str = "") -> int:
        """Put recorders into the chain that begins with this layer; the number of the last one."""
        for _ in range(DEEPEST):
            found = link(self.inside[layer])
            if found is None or not self._put(found, layer, self.via[layer]):
                break
            layer = len(self.names) - 1
        if endpoint:
            self.names[layer] = endpoint
        return layer

    def _put(self, found: Link, parent: int, via: str) -> bool:
        if id(found.value) in self._seen or len(self.names) >= MOST:
            return False
        before = len(self.names)
        if found.put(self._add(found.value, parent, via)):
            self._undo.append(functools.partial(found.put, found.before))
            return True
        for kept in (self.names, self.inside, self.parents, self.via):
            del kept[before:]
        return False

    def _look_behind(self, router: int) -> None:
        """Put recorders into what the routes of this layer lead to, and behind the routers among that."""
        found: list[Branch] = list(branches(self.inside[router]))
        for branch in found:
            if self._put(branch.link, router, branch.via):
                last = self._follow(len(self.names) - 1, branch.endpoint)
                self._look_behind(last)

    def _working(self, what: Passing, work: str) -> None:
        self.note(_CALL.get(None), _WITHIN.get(0), what, work=work)

    # What the recorders use.

    def note(self, call: int | None, layer: int, what: Passing, **facts: Any) -> None:
        """Add a step."""
        self.steps.append(Step(self._clock(), call, layer, what, **facts))

    def new_call(self) -> int:
        """The number of a call that begins."""
        self._calls += 1
        return self._calls

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
        return " > ".join(self.names[: self.innermost + 1])

    def story(self) -> Iterator[str]:
        """What was seen, a line for each step, indented by depth."""
        begun = self.steps[0].at if self.steps else 0.0
        for step in self.steps:
            about = step.message.get("type") or (f"{type(step.error).__name__}: {step.error}" if step.error else "")
            if step.message.get("type") == "http.response.body":
                more = "" if step.message.get("more_body") else ", the last"
                about += f" of {len(step.message.get('body', b''))} bytes{more}"
            indent = "  " * self.depth(step.layer)
            name = self.names[step.layer]
            yield f"{step.at - begun:8.3f} s  {indent}{name} {step.what} {about}{step.work}".rstrip()

    def depth(self, layer: int) -> int:
        """How many layers there are around this one."""
        depth, parent = 0, self.parents[layer]
        while parent is not None:
            depth, parent = depth + 1, self.parents[parent]
        return depth


class Recorder:
    """Pure ASGI around one layer: notes what passes, changes nothing, and shows the layer's own attributes."""

    is_onion_recorder = True

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
            kept = _copied(message)
            note(Passing.SENDS, message=kept)
            try:
                await send(message)
            except BaseException as error:
                note(Passing.REFUSED, message=kept, error=error)
                raise
            note(Passing.SENT, message=kept)
            await self.onion.after_piece(self.layer, kept)

        note(Passing.ENTERED, scope=dict(scope))
        self.onion.scopes[self.layer] = scope
        _REACHED.set(self.layer)
        around = _WITHIN.get(0)
        _WITHIN.set(self.layer)
        try:
            await self.inner(scope, receiving, sending)
        except asyncio.CancelledError as error:
            note(Passing.CANCELLED, error=error, scope=dict(scope), reached=_REACHED.get())
            raise
        except BaseException as error:
            note(Passing.RAISED, error=error, scope=dict(scope), reached=_REACHED.get())
            raise
        finally:
            # No token: a call that is never ended is closed by the collector, in whatever context that runs.
            _WITHIN.set(around)
        note(Passing.RETURNED, scope=dict(scope), reached=_REACHED.get())


def _copied(message: Message) -> Message:
    """The message as it is now: layers further out may change its headers in place."""
    headers = message.get("headers")
    return {**message, "headers": [*headers]} if isinstance(headers, list | tuple) else dict(message)
