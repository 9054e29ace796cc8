"""The cost vector: what the interpreter and the loop do for one request, counted, not timed.

Counts do not depend on how busy the machine is; two runs of the same code on the same interpreter give the same
numbers. So any change is a change of code. They are not time: they rank, and understate what waits or calls into
the kernel.
"""

import asyncio
import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import CodeType, FrameType, TracebackType
from typing import Any, Self

from asgi_conformance.bench.floor import receiver, scope_of
from asgi_conformance.bench.scenarios import SPEC_VERSION, Workload
from asgi_conformance.onion.link import layer_name, link
from asgi_conformance.protocol.types import ASGIApp, Message, Receive, Scope, Send

COUNTS = ("opcodes", "calls", "handles", "iterations", "tasks", "events")
LOOP = "event loop"
WARM_UP = 100  # requests before one is counted: caches are full, late imports done
REPEATS = 3
DEEPEST = 100
SETTLING = 100  # iterations of the loop between requests, at most

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class LayerCost:
    """What one layer (or the event loop) did itself: without what is further in, and without what is around it."""

    name: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class CostVector:
    """What one request cost.

    Args:
        counts: by the names of COUNTS.
        layers: the same, layer by layer from the outside in, and the event loop at the end; their sum is `counts`.
        functions: opcodes by ``module:function``.
        peak_bytes: of memory during the request; shown, and no part of a comparison, as it is not exact.
        unstable: the names of counts that were not the same each time.
    """

    counts: Counts
    layers: tuple[LayerCost, ...]
    functions: dict[str, int]
    peak_bytes: int
    unstable: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For :meth:`from_json`, and for reports."""
        return {
            "counts": self.counts,
            "layers": [{"name": layer.name, "counts": layer.counts} for layer in self.layers],
            "functions": self.functions,
            "peak_bytes": self.peak_bytes,
            "unstable": list(self.unstable),
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "CostVector":
        """The vector that `to_json` described. Raises KeyError or TypeError for anything else."""
        layers = tuple(LayerCost(layer["name"], dict(layer["counts"])) for layer in record["layers"])
        counts, functions = dict(record["counts"]), dict(record["functions"])
        return cls(counts, layers, functions, record["peak_bytes"], tuple(record["unstable"]))


def cost_vector(
    app: ASGIApp,
    workload: Workload,
    *,
    spec_version: str = SPEC_VERSION,
    state: dict[str, Any] | None = None,
    warm_up: int = WARM_UP,
) -> CostVector:
    """The cost of one warm request of an application whose lifespan, if it has one, needs no loop of its own."""
    with Counting() as counting:
        vector: CostVector = counting.run(
            counting.vector(app, workload, spec_version=spec_version, state=state, warm_up=warm_up)
        )
    return vector


class Counting:
    """A loop that counts, for as long as the block lasts; applications are started and called on it."""

    def __init__(self) -> None:
        self._loop = _CountingLoop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run that on the loop."""
        return self._loop.run_until_complete(coroutine)

    async def vector(
        self,
        app: ASGIApp,
        workload: Workload,
        *,
        spec_version: str = SPEC_VERSION,
        state: dict[str, Any] | None = None,
        warm_up: int = WARM_UP,
    ) -> CostVector:
        """Warm up, count a few times, and say which counts were not the same each time."""
        request = _Request(workload, spec_version, state)
        with _Borders(app) as borders:
            for _ in range(warm_up):
                await request.call(borders.app)
            peak = await _peak(request, borders.app)
            seen = [await self._once(request, borders) for _ in range(REPEATS)]
        first = seen[0]
        unstable = tuple(name for name in COUNTS if any(one.counts[name] != first.counts[name] for one in seen))
        return CostVector(first.counts, first.layers, first.functions, peak, unstable)

    async def _once(self, request: "_Request", borders: "_Borders") -> CostVector:
        accounts = _Accounts(borders.names)
        await self._loop.settled()
        gc.disable()  # a collection would call finalizers of whatever it finds
        self._loop.accounts = accounts
        try:
            await request.call(borders.app, accounts)
        finally:
            self._loop.accounts = None
            gc.enable()
        return accounts.vector()


class _Request:
    """One request, made again and again."""

    def __init__(self, workload: Workload, spec_version: str, state: dict[str, Any] | None) -> None:
        self._scope = scope_of(workload, spec_version)
        self._state = state
        last = len(workload.body) - 1
        self._messages: list[Message] = [
            {"type": "http.request", "body": part, "more_body": index < last}
            for index, part in enumerate(workload.body)
        ]

    async def call(self, app: ASGIApp, accounts: "_Accounts | None" = None) -> None:
        scope = self._scope.copy()
        if self._state is not None:
            scope["state"] = self._state.copy()
        give, events = receiver(self._messages), Counter[str]()

        async def receive() -> Message:
            events["receive"] += 1
            return await give()

        async def send(message: Message) -> None:
            events["send"] += 1

        if accounts is None:
            await app(scope, receive, send)
            return
        sys.settrace(accounts.called)
        sys.setprofile(accounts.profiled)
        try:
            await app(scope, receive, send)
        finally:
            sys.setprofile(None)
            sys.settrace(None)
        accounts.counts[0]["events"] += events.total()


async def _peak(request: _Request, app: ASGIApp) -> int:
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        await request.call(app)  # the tracer's own tables grow with the first
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        await request.call(app)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
        gc.enable()


# Layers.


class _Border:
    """Between a layer and what is further in: a mark on the stack, and nothing else.

    `inside` and `outside` are account numbers; frames that are found below one of its functions belong to them.
    """

    is_onion_recorder = True  # it can be called like an application; nobody need look into it

    def __init__(self, app: ASGIApp, outside: int) -> None:
        self._app = app
        self._outside = outside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outside = self._outside

        async def receive_outside() -> Message:
            account = outside  # noqa: F841 - read from the frame
            return await receive()

        async def send_outside(message: Message) -> None:
            account = outside  # noqa: F841 - read from the frame
            await send(message)

        account = outside + 1  # noqa: F841 - read from the frame
        await self._app(scope, receive_outside, send_outside)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)


class _Borders:
    """Puts a border between any two layers that can be seen, and takes them out again."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.names = [layer_name(app)]
        self._undo: list[Callable[[], object]] = []

    def __enter__(self) -> Self:
        layer: Any = self.app
        seen = {id(layer)}
        while len(self.names) < DEEPEST:
            found = link(layer)
            if found is None or id(found.value) in seen:
                break
            if not found.put(_Border(found.value, len(self.names) - 1)):
                break
            self._undo.append(_putting_back(found.put, found.before))
            self.names.append(layer_name(found.value))
            layer = found.value
            seen.add(id(layer))
        return self

    def __exit__(self, *exc_info: object) -> None:
        while self._undo:
            self._undo.pop()()


def _putting_back(put: Callable[[Any], bool], before: Any) -> Callable[[], object]:
    return lambda: put(before)


# Counting.


class _Accounts:
    """Counts by layer. Every frame belongs to one: that of its caller, or of whoever made its task.

    The borders say where one layer's part of the stack ends. Frames of this file are never counted.
    """

    def __init__(self, names: list[str]) -> None:
        self.names = [*names, LOOP]
        self.counts: list[Counter[str]] = [Counter() for _ in self.names]
        self._opcodes: Counter[CodeType] = Counter()
        self._modules: dict[CodeType, str] = {}
        self._of: dict[int, int] = {}  # running frames, by identity
        self._roots: dict[int, tuple[object, int]] = {}  # first frames of tasks; kept, so that identities stay

    def called(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The trace function: a frame begins, or goes on."""
        code = frame.f_code
        if code.co_filename == __file__:
            return None
        account = self._account(frame)
        self._of[id(frame)] = account
        counts, opcodes = self.counts[account], self._opcodes
        counts["calls"] += 1
        if code not in self._modules:
            self._modules[code] = str(frame.f_globals.get("__name__", "?"))
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False

        def local(frame: FrameType, event: str, arg: Any) -> Any:
            if event == "opcode":
                counts["opcodes"] += 1
                opcodes[code] += 1
            elif event == "return":
                self._of.pop(id(frame), None)
            return local

        return local

    def profiled(self, frame: FrameType, event: str, arg: Any) -> None:
        """The profile function: calls of what is not written in Python."""
        if event == "c_call" and frame.f_code.co_filename != __file__:
            account = self._of.get(id(frame))
            if account is not None:
                self.counts[account]["calls"] += 1

    def _account(self, frame: FrameType) -> int:
        root = self._roots.get(id(frame))
        return root[1] if root is not None else self.current(frame.f_back)

    def current(self, frame: FrameType | None) -> int:
        """The account of the innermost frame, from this one outwards, that has one."""
        while frame is not None:
            known = self._of.get(id(frame))
            if known is not None:
                return known
            if frame.f_code in _BORDER_CODES:
                return int(frame.f_locals["account"])
            if frame.f_code is _CALL_CODE:
                return 0
            frame = frame.f_back
        return len(self.names) - 1

    def count(self, what: str) -> None:
        """One more of what the loop was asked for, in the account of whoever asked."""
        self.counts[self.current(sys._getframe(2))][what] += 1  # noqa: SLF001 - the documented way to one's caller

    def task(self, coroutine: Any) -> None:
        """A task is made; what it runs belongs to whoever made it."""
        account = self.current(sys._getframe(2))  # noqa: SLF001
        self.counts[account]["tasks"] += 1
        first = getattr(coroutine, "cr_frame", None)
        if first is not None:
            self._roots[id(first)] = (first, account)

    def vector(self) -> CostVector:
        """What was counted."""
        layers = tuple(
            LayerCost(name, {count: found[count] for count in COUNTS})
            for name, found in zip(self.names, self.counts, strict=True)
        )
        functions: Counter[str] = Counter()
        for code, number in self._opcodes.items():
            functions[f"{self._modules[code]}:{code.co_qualname.partition('.<locals>')[0]}"] += number
        total = {count: sum(layer.counts[count] for layer in layers) for count in COUNTS}
        return CostVector(total, layers, dict(sorted(functions.items())), 0)


class _CountingLoop(asyncio.SelectorEventLoop):
    """Counts handles, iterations and tasks while there are accounts."""

    accounts: _Accounts | None = None

    def __init__(self) -> None:
        super().__init__()
        self.set_task_factory(_make_task)

    async def settled(self) -> None:
        """Let what an earlier request left behind come to its end."""
        for _ in range(SETTLING):
            await asyncio.sleep(0)
            if not self._ready:  # type: ignore[attr-defined]
                return

    def _run_once(self) -> None:
        if self.accounts is not None:
            self.accounts.counts[-1]["iterations"] += 1
        super()._run_once()  # type: ignore[misc]

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        if self.accounts is not None:
            self.accounts.count("handles")
        return super().call_soon(callback, *args, context=context)

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        if self.accounts is not None:
            self.accounts.count("handles")
        return super().call_soon_threadsafe(callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        if self.accounts is not None:
            self.accounts.count("handles")
        return super().call_at(when, callback, *args, context=context)


def _make_task(loop: Any, coroutine: Any, **options: Any) -> Any:
    if loop.accounts is not None:
        loop.accounts.task(coroutine)
    return asyncio.Task(coroutine, loop=loop, **options)


def _nested_codes(function: Any) -> set[CodeType]:
    code: CodeType = function.__code__
    return {code, *(constant for constant in code.co_consts if isinstance(constant, CodeType))}


_BORDER_CODES = _nested_codes(_Border.__call__)
_CALL_CODE = _Request.call.__code__
