"""The commands about layers: ``onion`` follows requests through a stack, ``layers`` judges single middleware."""

import contextlib
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from asgi_conformance import catalogue
from asgi_conformance.config import Options, UsageError, combine, from_file, named
from asgi_conformance.contract import contract_checks, judge_layer, user_layer, version_of
from asgi_conformance.discovery import OutOfReach, discover
from asgi_conformance.drivers.base import Unreachable
from asgi_conformance.isolation import ChildEnded, can_fork, in_child
from asgi_conformance.loading import AppRef, LoadError, load
from asgi_conformance.orders import probe_orders
from asgi_conformance.pattern import Route
from asgi_conformance.session import DISTRIBUTIONS, renderer
from asgi_conformance.tracing import some, trace

T = TypeVar("T")

LONGEST = 300.0  # real seconds


@click.command()
@click.argument("app", metavar="MODULE:ATTR")
@click.option("--factory", is_flag=True, default=None, help="MODULE:ATTR is a function that makes the application.")
@click.option("--app-dir", metavar="DIR", help="Where MODULE is imported from (default: here).")
@click.option("--http", multiple=True, metavar='"[METHOD ]PATH"', help="A route to follow. Repeatable.")
@click.option("--sse", multiple=True, metavar='"[METHOD ]PATH"', help="An event stream to follow. Repeatable.")
@click.option("--websocket", multiple=True, metavar="PATH", help="A websocket to follow. Repeatable.")
@click.option("--header", "headers", multiple=True, metavar='"NAME: VALUE"', help="Sent with each request. Repeatable.")
@click.option("--orders/--no-orders", default=True, help="Put the layers in other orders, and tell what changes.")
def onion(headers: tuple[str, ...], orders: bool, **given: Any) -> None:
    """Show which layers a request to MODULE:ATTR passes, what each of them does, and which pairs depend on order."""
    try:
        options = combine(_promised(from_file(Path.cwd())), given)
        ref = AppRef(options.app or "", options.factory, options.app_dir or str(Path.cwd()))
        routes = _routes(options, ref, tuple(_header(text) for text in headers))
        width = _width()
        told = _apart(lambda: trace(load(ref), routes))
        click.echo(renderer("journey").render(told, width=width))
        if orders:
            app = load(ref)
            with _quiet():
                found = probe_orders(app, routes)
            click.echo(renderer("orders").render(found, width=width), nl=False)
    except (UsageError, LoadError, Unreachable) as error:
        _stop(str(error), 2)
    except (OutOfReach, ChildEnded) as error:
        _stop(str(error), 3)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME|MODULE:CLASS]...")
@click.option("--app-dir", metavar="DIR", help="Where MODULE is imported from (default: here).")
@click.option("--output", metavar="FILE", help="Write the page there instead of printing it.")
def layers(names: tuple[str, ...], app_dir: str | None, output: str | None) -> None:
    """Judge middleware by itself, around an application that is known to be right; without names, all at hand."""
    try:
        known = {layer.name: layer for layer in catalogue.load_layers()}
        chosen = [
            user_layer(name, app_dir or str(Path.cwd())) if ":" in name else known[named("layer", name, known)]
            for name in names
        ] or list(known.values())
    except (UsageError, LoadError) as error:
        _stop(str(error), 2)
        return
    checks = contract_checks()
    with _quiet():
        records = [judge_layer(layer, checks) for layer in chosen]
    titles = {check.id: check.title for check in checks}
    versions = {"Python": platform.python_version()} | {
        name: found for name in DISTRIBUTIONS if (found := version_of(name)) and name in {"fastapi", "starlette"}
    }
    page = renderer("layers").render(records, titles, versions)
    if output is None:
        click.echo(page)
    else:
        Path(output).write_text(page, encoding="utf-8")
        click.echo(f"wrote {output}")


def _promised(table: dict[str, Any]) -> dict[str, Any]:
    """The settings of the project that are about the application itself."""
    return {key: table[key] for key in ("factory", "app_dir") if key in table}


def _routes(options: Options, ref: AppRef, headers: tuple[tuple[bytes, bytes], ...]) -> list[Route]:
    """The routes that were named, or some that the application has: ordinary ones, and one of each special kind."""
    found = list(discover(Options(**_fields(options, ref))).target.routes)
    if not options.routes():
        found = some(found)
    return [Route(r.method, r.path, r.capabilities, r.headers + headers, r.body) for r in found]


def _fields(options: Options, ref: AppRef) -> dict[str, Any]:
    kept = {"http": options.http, "sse": options.sse, "websocket": options.websocket}
    return kept | {"app": ref.app, "factory": ref.factory, "app_dir": ref.app_dir}


def _header(text: str) -> tuple[bytes, bytes]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f'--header {text!r}: write it as "name: value"')
    return name.strip().lower().encode("latin-1"), value.strip().encode("latin-1")


def _apart(work: Callable[[], T]) -> T:
    """The result of the work, done in a child where there can be one, so that it leaves nothing behind."""

    def silently() -> T:
        with _quiet():
            return work()

    return in_child(silently, within=LONGEST) if can_fork() else silently()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the application prints and logs out of the picture."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for target, saved in zip((1, 2), kept, strict=True):
            os.dup2(saved, target)
            os.close(saved)
        os.close(nowhere)


def _width() -> int:
    try:
        return max(72, min(120, os.get_terminal_size().columns))
    except OSError:
        return 100


def _stop(message: str, code: int) -> None:
    click.echo(f"asgi-conformance: {message}", err=True)
    sys.exit(code)
