"""The commands ``asgi-conformance bench`` and ``diff``: what a request costs, and what changed between two reports."""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from asgi_conformance import __version__
from asgi_conformance.bench import gate as gates
from asgi_conformance.bench.analysis import Rules
from asgi_conformance.bench.processes import SamplingFailed
from asgi_conformance.bench.run import Done, Work, bench, planned, versions
from asgi_conformance.bench.scenarios import (
    FRAMEWORKS,
    LAYERS,
    LOOPS,
    SPEC_VERSION,
    STYLES,
    WORKLOADS,
    Group,
    app_groups,
    style_groups,
)
from asgi_conformance.config import METHODS, Options, UsageError, named
from asgi_conformance.discovery import OutOfReach, discover
from asgi_conformance.drivers.base import Unreachable
from asgi_conformance.loading import AppRef, LoadError
from asgi_conformance.session import renderer

INCOMPLETE, REGRESSION = 3, 4
SECONDS_OF_STYLES, SECONDS_OF_APPS = 36.0, 15.0
ROUTES = 2  # that are visited unasked
MOST_LAYERS = 50
REPORT = "bench.json"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    apps: tuple[str, ...]
    factory: bool
    app_dir: str | None
    http: tuple[str, ...]
    styles: tuple[str, ...]
    frameworks: tuple[str, ...]
    workloads: tuple[str, ...]
    layers: tuple[str, ...]
    loops: tuple[str, ...]
    spec_versions: tuple[str, ...]
    seconds: float | None
    processes: int
    threshold: float
    confidence: float
    tolerance: float
    seed: int
    gate: str | None
    save: str | None
    report_dir: str


def _several(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


def _list(flag: str, name: str, default: Iterable[object], about: str) -> Callable[[Any], Any]:
    told = ",".join(map(str, default))
    return click.option(flag, name, default=told, show_default=True, callback=_several, metavar="X[,X]", help=about)


@click.command("bench")
@click.argument("apps", nargs=-1, metavar="[MODULE:ATTR]...")
@click.option("--factory", is_flag=True, help="MODULE:ATTR is a function that makes the application.")
@click.option("--app-dir", metavar="DIR", help="Where MODULE is imported from (default: here).")
@click.option("--http", multiple=True, metavar='"[METHOD ]PATH"', help="A route of MODULE:ATTR. Repeatable.")
@_list("--styles", "styles", STYLES, "Styles of middleware.")
@_list("--frameworks", "frameworks", ("fastapi",), f"Of {', '.join(FRAMEWORKS)}.")
@_list("--workloads", "workloads", ("plain", "stream"), f"Of {', '.join(WORKLOADS)}.")
@_list("--layers", "layers", LAYERS, "Numbers of layers.")
@click.option("--loops", callback=_several, metavar="X[,X]", help="Default: asyncio,uvloop; of MODULE:ATTR: asyncio.")
@_list("--spec-versions", "spec_versions", (SPEC_VERSION,), "ASGI spec_version that the scope announces.")
@click.option("--seconds", type=click.FloatRange(0), help="Of measuring. 0 times nothing. Default: 0 with --gate.")
@click.option("--processes", type=click.IntRange(2, 100), default=6, show_default=True, help="Fresh processes.")
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.0025, show_default=True, help="Of no importance.")
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.99, show_default=True, help="Of intervals.")
@click.option(
    "--tolerance", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Growth the gate allows."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the order of the variants.")
@click.option("--gate", metavar="FILE", help="Compare cost vectors with those of FILE; exit code 4 when one has grown.")
@click.option("--save", metavar="FILE", help="Save cost vectors for --gate.")
@click.option("--report-dir", metavar="DIR", default="conformance-report", show_default=True)
def bench_command(**given: Any) -> None:
    """Measure what each middleware style costs; or what a request to MODULE:ATTR costs, and to others beside it.

    The first MODULE:ATTR is what the others are compared with.
    """
    asked = Asked(**given)
    signal.signal(signal.SIGTERM, _interrupt)  # a killed CI job ends the measuring processes, too
    try:
        sys.exit(_run(asked))
    except (UsageError, LoadError, Unreachable, gates.NoBaseline) as error:
        _stop(str(error), 2)
    except (OutOfReach, SamplingFailed) as error:
        _stop(str(error), INCOMPLETE)
    except KeyboardInterrupt:
        _stop("interrupted", INCOMPLETE)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _run(asked: Asked) -> int:
    baseline = gates.read(Path(asked.gate)) if asked.gate else None
    folder = Path(asked.report_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--report-dir {folder}: {error.strerror}") from None
    done = bench(_work(asked), lambda line: click.echo(f"  {line}", err=True))
    record, code = done.record, 0
    record["environment"] |= {
        "version": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "asgi-conformance " + " ".join(sys.argv[1:]),
    }
    if baseline is not None:
        judgement = gates.judge(done.vectors, baseline, versions(), tolerance=asked.tolerance)
        record["gate"] = gates.as_record(judgement)
        if judgement.regressions:
            code = REGRESSION
        elif judgement.missing or not judgement.compared:
            code = INCOMPLETE
    elif not record["reliable"]:
        code = INCOMPLETE
    if asked.save:
        _save(Path(asked.save), done)
    _write(folder, record)
    click.echo(renderer("bench_terminal").render(record), nl=False)
    click.echo(f"report  {folder / 'bench.html'}   record  {folder / REPORT}")
    return code


def _work(asked: Asked) -> Work:
    timed = asked.seconds
    if timed is None:
        timed = 0.0 if asked.gate or asked.save else SECONDS_OF_APPS if asked.apps else SECONDS_OF_STYLES
    groups = _app_groups(asked) if asked.apps else _style_groups(asked)
    return Work(
        groups=tuple(groups),
        about=" beside ".join(asked.apps) if asked.apps else "What each middleware style costs",
        seconds=timed,
        sampling=planned(timed, processes=asked.processes, seed=asked.seed),
        rules=Rules(confidence=asked.confidence, threshold=asked.threshold),
        surroundings=not asked.apps,
    )


def _style_groups(asked: Asked) -> list[Group]:
    if asked.http or asked.factory:
        raise UsageError("--http and --factory are about an application: name it, as MODULE:ATTR")
    known: dict[str, tuple[Iterable[str], tuple[str, ...]]] = {
        "style": ((*STYLES, "no-op"), asked.styles),
        "framework": (FRAMEWORKS, asked.frameworks),
        "workload": (WORKLOADS, asked.workloads),
        "loop": (LOOPS, asked.loops),
    }
    for what, (names, chosen) in known.items():
        for name in chosen:
            named(what, name, names)
    return style_groups(
        frameworks=asked.frameworks,
        styles=asked.styles,
        layers=_layers(asked.layers),
        workloads=asked.workloads,
        loops=asked.loops or LOOPS,
        spec_versions=asked.spec_versions,
    )


def _layers(given: tuple[str, ...]) -> tuple[int, ...]:
    if not all(text.isdecimal() and int(text) <= MOST_LAYERS for text in given):
        raise UsageError(f"--layers {','.join(given)}: numbers up to {MOST_LAYERS} with commas, such as 0,1,5")
    return tuple(sorted({0, *map(int, given)}))


def _app_groups(asked: Asked) -> list[Group]:
    app_dir = asked.app_dir or str(Path.cwd())
    refs = [AppRef(app, asked.factory, app_dir) for app in asked.apps]
    for name in asked.loops:
        named("loop", name, LOOPS)
    routes = [_route(text) for text in asked.http] or _discovered(asked, app_dir)
    return app_groups(refs, routes, asked.loops or ("asyncio",), asked.spec_versions)


def _route(text: str) -> tuple[str, str]:
    method, space, path = text.strip().partition(" ")
    if not space:
        method, path = "GET", text.strip()
    if method.upper() not in METHODS or not path.strip().startswith("/"):
        raise UsageError(f'--http {text!r}: write it as "/path" or "GET /path"')
    return method.upper(), path.strip()


def _discovered(asked: Asked, app_dir: str) -> list[tuple[str, str]]:
    found = discover(replace(Options(), app=asked.apps[0], factory=asked.factory, app_dir=app_dir)).target.routes
    special = {"sse", "websocket"}
    plain = [
        (route.method, route.path) for route in found if route.method == "GET" and not route.capabilities & special
    ]
    if not plain:
        raise UsageError(f'{asked.apps[0]} shows no ordinary GET route: name one with --http "GET /path"')
    return plain[:ROUTES]


def _save(path: Path, done: Done) -> None:
    try:
        gates.save(path, done.vectors, versions())
    except OSError as error:
        raise UsageError(f"--save {path}: {error.strerror}") from None


def _write(folder: Path, record: dict[str, Any]) -> None:
    files = {REPORT: "bench_json", "bench.md": "bench_markdown", "bench.html": "bench_html"}
    for name, module in files.items():
        temporary = folder / f".{name}.{os.getpid()}"
        temporary.write_text(renderer(module).render(record), encoding="utf-8")
        temporary.replace(folder / name)


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
def diff_command(before: str, after: str) -> None:
    """Tell what changed from report A to report B: two bench.json, two results.json, or the folders they are in."""
    module = renderer("diff")
    try:
        click.echo(module.render(*_texts(Path(before), Path(after))), nl=False)
    except (UsageError, module.NotComparable) as error:
        _stop(str(error), 2)


def _texts(before: Path, after: Path) -> list[str]:
    """The texts of two reports; of two folders, those of the kind that both have."""
    paths = [before, after]
    if before.is_dir() and after.is_dir():
        both = [name for name in ("results.json", REPORT) if (before / name).is_file() and (after / name).is_file()]
        if not both:
            raise UsageError(f"{before} and {after} have no report of one kind")
        paths = [before / both[0], after / both[0]]
    try:
        return [path.read_text(encoding="utf-8") for path in paths]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"a report cannot be read: {error}") from None


def _stop(message: str, code: int) -> None:
    click.echo(f"asgi-conformance: {message}", err=True)
    sys.exit(code)
