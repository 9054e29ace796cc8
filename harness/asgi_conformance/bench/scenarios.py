"""What is timed: applications, workloads, and which of them are compared with which. Plain data; nothing runs here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asgi_conformance.loading import AppRef

STACKS = "asgi_conformance.fixtures.throughput.stacks:build"  # found at run time: the library knows no fixture app
STYLES = ("pure-asgi", "decorator", "base-http")
FRAMEWORKS = ("fastapi", "starlette", "raw")
LOOPS = ("asyncio", "uvloop")
LAYERS = (0, 1, 2, 3, 5, 10)
SPEC_VERSION = "2.3"  # what uvicorn announces; a framework may stream in another way from 2.4 on
FLOOR = "asgi_conformance.bench.floor:Floor"


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of request.

    Args:
        name: how options and reports call it.
        method: of the request.
        path: of the request.
        body: the messages that the request comes in.
        chunks: how many parts the response has, where that is what it is about; else 0.
        concurrency: how many requests are under way at a time, each in a task of its own.
        answer: the size of the response body in bytes, where it is known.
    """

    name: str
    method: str = "GET"
    path: str = "/"
    body: tuple[bytes, ...] = (b"",)
    chunks: int = 0
    concurrency: int = 1
    answer: int | None = None


PIECE = b"\0" * 65_536
WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("plain", answer=19),
        Workload("stream", path="/stream", chunks=20, answer=2_000),
        Workload("events", path="/events", chunks=20, answer=2_000),
        Workload("upload", method="POST", path="/upload", body=(PIECE,) * 16, answer=20),
        Workload("concurrent-1", path="/wait", concurrency=1, answer=19),
        Workload("concurrent-16", path="/wait", concurrency=16, answer=19),
        Workload("concurrent-64", path="/wait", concurrency=64, answer=19),
    )
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One complete application that is timed.

    Args:
        name: unique in its group.
        app: where it comes from.
        arguments: what the thing at `app` is called with to make the application; None if it is one.
        style: how its layers are written.
        layers: how many there are.
        caller: the import string of what calls it; by default the floor.
    """

    name: str
    app: AppRef
    arguments: Mapping[str, Any] | None = None
    style: str = ""
    layers: int = 0
    caller: str = FLOOR


@dataclass(frozen=True, slots=True)
class Group:
    """Variants that are compared with the first of them, in the same rounds, under the same conditions.

    The second is the control: the first once more. `clock` is whose CPU time counts: that of the loop's thread, or
    of the whole process, for clients that call the application in another thread.
    """

    name: str
    variants: tuple[Variant, ...]
    workload: Workload = WORKLOADS["plain"]
    loop: str = "asyncio"
    spec_version: str = SPEC_VERSION
    framework: str = ""
    clock: str = "thread"
    share: float = 1.0  # of the time, beside other groups

    def to_json(self) -> dict[str, Any]:
        """For :meth:`from_json` in another process."""
        record = asdict(self)
        record["workload"]["body"] = [len(part) for part in self.workload.body]
        return record

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Group":
        """The group that `to_json` described; the bytes of a request body do not matter."""
        workload = dict(record["workload"], body=tuple(bytes(size) for size in record["workload"]["body"]))
        variants = tuple(Variant(**dict(one, app=AppRef.from_json(one["app"]))) for one in record["variants"])
        return cls(**dict(record, workload=Workload(**workload), variants=variants))


def stack(framework: str, style: str, layers: int, name: str | None = None) -> Variant:
    """The fixture routes behind that many layers of that style."""
    arguments = {"framework": framework, "style": style if layers else "none", "layers": layers}
    label = f"{style} × {layers}" if layers else "none"
    return Variant(name or label, AppRef(STACKS), arguments, style if layers else "none", layers)


def style_groups(
    *,
    frameworks: Sequence[str] = ("fastapi",),
    styles: Sequence[str] = STYLES,
    layers: Sequence[int] = LAYERS,
    workloads: Sequence[str] = ("plain", "stream"),
    loops: Sequence[str] = LOOPS,
    spec_versions: Sequence[str] = (SPEC_VERSION,),
) -> list[Group]:
    """Every style and number of layers against no layer, for each framework, workload, loop and spec_version."""
    return [
        Group(
            " · ".join((framework, workload, loop, f"spec {version}")),
            (
                stack(framework, "none", 0),
                stack(framework, "none", 0, "none, again"),
                *(stack(framework, style, number) for style in styles for number in layers if number),
            ),
            WORKLOADS[workload],
            loop,
            version,
            framework,
        )
        for framework in frameworks
        for workload in workloads
        for loop in loops
        for version in spec_versions
    ]


def framework_group(loop: str = "asyncio", workload: str = "plain") -> Group:
    """No layer in each framework, against a raw application: the frameworks' own share."""
    return Group(
        f"frameworks · {workload} · {loop}",
        (
            stack("raw", "none", 0, "raw"),
            stack("raw", "none", 0, "raw, again"),
            stack("starlette", "none", 0, "starlette"),
            stack("fastapi", "none", 0, "fastapi"),
        ),
        WORKLOADS[workload],
        loop,
        share=0.5,
    )


def ladder_group(loop: str = "asyncio") -> Group:
    """A raw application called by the floor, by the floor with a task a request, and by clients that people use."""
    callers = {
        "floor": FLOOR,
        "floor, again": FLOOR,
        "a task for each request": "asgi_conformance.bench.callers:TaskCaller",
        "InProcess": "asgi_conformance.bench.callers:InProcessCaller",
        "httpx transport": "asgi_conformance.bench.callers:HttpxTransportCaller",
    }
    arguments = {"framework": "raw", "style": "none", "layers": 0}
    variants = tuple(Variant(name, AppRef(STACKS), arguments, caller=caller) for name, caller in callers.items())
    return Group(f"ladder · plain · {loop}", variants, loop=loop, clock="process", share=0.5)


def app_groups(
    refs: Sequence[AppRef], routes: Sequence[tuple[str, str]], loops: Sequence[str], spec_versions: Sequence[str]
) -> list[Group]:
    """A user's applications: the first is what the others are compared with, on each route."""
    named = [Variant(ref.app, ref) for ref in refs]
    control = Variant(f"{refs[0].app}, again", refs[0])
    return [
        Group(
            " · ".join((f"{method} {path}", loop, f"spec {version}")),
            (named[0], control, *named[1:]),
            Workload(f"{method} {path}", method, path),
            loop,
            version,
        )
        for method, path in routes
        for loop in loops
        for version in spec_versions
    ]
