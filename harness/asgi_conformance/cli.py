"""The command line: ``asgi-conformance run | list | explain | bench | diff | serve``."""

import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click

from asgi_conformance import __version__, catalogue, documents
from asgi_conformance.bench.styles import measure
from asgi_conformance.bench_command import bench_command, diff_command
from asgi_conformance.config import Options, UsageError, combine, from_file, named
from asgi_conformance.loading import LoadError
from asgi_conformance.onion_command import layers, onion
from asgi_conformance.progress import Progress
from asgi_conformance.session import renderer, write_reports
from asgi_conformance.supervisor import Begun, Fatal, Supervisor, open_log
from asgi_conformance.verdict import Verdict

INCOMPLETE = 3


class Stop(click.ClickException):
    """Ends the command with a line for the user and the given exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = exit_code  # click declares it for the class, and reads it from the instance

    def show(self, file: IO[Any] | None = None) -> None:
        """Plain lines, on standard error."""
        click.echo(f"asgi-conformance: {self.message}", file=file or sys.stderr)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="asgi-conformance")
def main() -> None:
    """Tell whether an ASGI application, and the server under it, behave as the specifications say."""


def _several(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


@main.command()
@click.argument("app", required=False, metavar="[MODULE:ATTR]")
@click.option("--url", help="Judge what answers at this address.")
@click.option("--factory", is_flag=True, default=None, help="MODULE:ATTR is a function that makes the application.")
@click.option("--app-dir", metavar="DIR", help="Where MODULE is imported from (default: here).")
@click.option(
    "--server", "servers", callback=_several, metavar="NAME[,NAME]", help="in-process, uvicorn, uvicorn-h11, …"
)
@click.option("--sse", multiple=True, metavar='"[METHOD ]PATH"', help="An event stream. Repeatable.")
@click.option("--websocket", multiple=True, metavar="PATH", help="A websocket. Repeatable.")
@click.option("--http", multiple=True, metavar='"[METHOD ]PATH"', help="An ordinary route. Repeatable.")
@click.option("--suite", "suites", callback=_several, metavar="NAME[,NAME]", help="Run these areas only.")
@click.option("--check", "checks", multiple=True, metavar="ID", help="Run this check only; * matches. Repeatable.")
@click.option("--pattern", "patterns", multiple=True, metavar="NAME", help="Judge this fixture app only. Repeatable.")
@click.option("--fail-on", callback=_several, metavar="LEVEL[,LEVEL]", help="Default: must,practice.")
@click.option("--baseline", metavar="FILE", help="Known failures; entries that hold again fail the run.")
@click.option("--isolation", metavar="fork|none", help="none: all checks in process share one instance.")
@click.option("--report-dir", metavar="DIR", help="Default: conformance-report.")
def run(**given: Any) -> None:
    """Judge an application (or, without one, the fixture catalogue), and write a report."""
    try:
        options = combine(from_file(Path.cwd()), given)
    except UsageError as error:
        raise Stop(str(error), 2) from None
    if options.report_dir is None:
        raise Stop("--report-dir needs a directory", 2)
    folder = Path(options.report_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(f"--report-dir {folder}: {error.strerror}", 2) from None
    sys.exit(_run(options, folder))


def _run(options: Options, folder: Path) -> int:
    begun = time.monotonic()
    verdicts: list[Verdict] = []
    environment: dict[str, Any] = {}
    fatal: Fatal | None = None
    records = renderer("records")
    # A killed terminal or CI job ends the run as Ctrl-C does: in order, with what was found.
    signal.signal(signal.SIGTERM, _interrupt)
    with (
        open_log(folder) as log,
        (folder / "results.jsonl").open("w", encoding="utf-8") as journal,
        Supervisor(options, log) as supervisor,
        Progress(sys.stdout) as progress,
    ):
        try:
            for event in supervisor:
                if isinstance(event, Verdict):
                    verdicts.append(event)
                    records.append(journal, event)
                    progress.verdict(event)
                elif isinstance(event, Begun):
                    environment = event.environment
                    progress.begin(event.cases, renderer("terminal").heading(environment, width=_width()), event.notes)
                else:
                    fatal = event
        except KeyboardInterrupt:
            fatal = Fatal("interrupted", INCOMPLETE)
    if fatal is not None and not verdicts:
        raise Stop(fatal.text, fatal.exit_code)
    environment |= _facts(begun)
    if fatal is not None:
        environment["interrupted"] = fatal.text
    return _report(options, folder, environment, verdicts)


def _report(options: Options, folder: Path, environment: dict[str, Any], verdicts: list[Verdict]) -> int:
    module = renderer("run")
    environment["repeat"] = {verdict.target: _repeat(options, verdict.target) for verdict in verdicts}
    rules = module.rules_of(catalogue.load_checks())
    result = module.Run(environment, tuple(verdicts), rules, options.levels())
    write_reports(folder, result, _benchmarks(options, environment))
    click.echo(renderer("terminal").render(result, width=_width(), color=_color()))
    click.echo(f"report  {folder / 'index.html'}   results  {folder / 'results.json'}")
    code: int = result.exit_code()
    return code


def _benchmarks(options: Options, environment: dict[str, Any]) -> Any:
    """What one layer of each style costs, for a report on the whole catalogue."""
    part = options.app or options.url or options.suites or options.checks or options.patterns
    if part or "interrupted" in environment:
        return None
    record = measure()
    found = None if record is None else renderer("benchmarks").comparison(record)
    if found is None:
        click.echo("note    no benchmarks: they need pip install 'asgi-conformance[bench,patterns]'")
    return found


def _repeat(options: Options, target: str) -> str:
    """The command that judges one target of this run again, as a shell reads it."""
    if options.url:
        words = ["--url", options.url, *_routes(options)]
    elif options.app:
        place = ["--app-dir", options.app_dir] if options.app_dir else []
        words = [options.app, *(["--factory"] if options.factory else []), *place, *_routes(options)]
    else:
        words = ["--pattern", target]
    return shlex.join(["asgi-conformance", "run", *words])


def _routes(options: Options) -> list[str]:
    kinds = ("sse", "websocket", "http")
    return [word for kind in kinds for path in getattr(options, kind) for word in (f"--{kind}", path)]


def _facts(begun: float) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "duration_s": round(time.monotonic() - begun, 1),
        "command": shlex.join(["asgi-conformance", *sys.argv[1:]]),
    }


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _width() -> int:
    return max(60, min(120, shutil.get_terminal_size((100, 24)).columns))


def _color() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


# What there is.


def _checks() -> list[tuple[str, str]]:
    return [(check.id, f"{check.level.value:<8}  {check.title}") for check in catalogue.load_checks()]


def _patterns() -> list[tuple[str, str]]:
    targets = catalogue.load_patterns()
    return [(name, ", ".join(str(route) for route in target.routes)) for name, target in targets.items()]


def _mutants() -> list[tuple[str, str]]:
    return [(mutant.name, ", ".join(sorted(mutant.killed_by))) for mutant in catalogue.load_mutants()]


def _claims() -> list[tuple[str, str]]:
    return [(claim.id, claim.claim) for claim in documents.load_claims().values()]


def _suites() -> list[tuple[str, str]]:
    checks = catalogue.load_checks()
    return [(name, f"{sum(check.suite == name for check in checks)} checks") for name in catalogue.suite_names()]


def _servers() -> list[tuple[str, str]]:
    from asgi_conformance.drivers.server import adapters  # noqa: PLC0415 - imports servers

    rows = [("in-process", "no server: the application is called directly, on virtual time")]
    for name in adapters.known_servers():
        variant = adapters.find_variant(name)
        words = ", ".join(sorted(variant.adapter.words))
        rows.append((name, variant.missing or f"installed; variants by adding any of: {words}"))
    return rows


LISTS: dict[str, Callable[[], list[tuple[str, str]]]] = {
    "checks": _checks,
    "patterns": _patterns,
    "mutants": _mutants,
    "claims": _claims,
    "suites": _suites,
    "servers": _servers,
}


@main.command("list")
@click.argument("what", required=False, default="checks", metavar="[checks|patterns|claims|mutants|suites|servers]")
def list_(what: str) -> None:
    """List what there is: checks, patterns (the fixture apps), claims, mutants, suites, servers."""
    try:
        rows = LISTS[named("list of", what, LISTS)]()
    except (UsageError, LoadError) as error:
        raise Stop(str(error), 2) from None
    width = max((len(name) for name, _ in rows), default=0)
    for name, about in rows:
        click.echo(f"{name:<{width}}  {about}".rstrip())


@main.command()
@click.argument("check_id", metavar="ID")
def explain(check_id: str) -> None:
    """Tell what a check is about: the rule, why it matters, the usual cause and mend."""
    checks = {check.id: check for check in catalogue.load_checks()}
    former = {check.formerly: check.id for check in checks.values() if check.formerly}
    try:
        check = checks[named("check", former.get(check_id, check_id), checks)]
    except UsageError as error:
        raise Stop(str(error), 2) from None
    click.echo(f"{check.id}  {check.level.value}\n\n{check.title}\n")
    if check.explanation:
        click.echo(f"{check.explanation}\n")
    click.echo(f"clause  {check.clause}\n        {check.clause.url}")
    click.echo(f"needs   {', '.join(sorted(check.needs)) or 'nothing'}")


@main.command()
@click.argument("pattern")
@click.option("--port", default=8000, show_default=True, help="0 picks a free one.")
def serve(pattern: str, port: int) -> None:
    """Serve one fixture app with uvicorn on 127.0.0.1, to try it by hand."""
    import uvicorn  # noqa: PLC0415 - only this command needs it in this process

    try:
        targets = catalogue.load_patterns()
        target = targets[named("pattern", pattern, targets)]
    except (UsageError, LoadError) as error:
        raise Stop(str(error), 2) from None
    for route in target.routes:
        click.echo(f"{route}")
    if target.app is not None:
        uvicorn.run(target.app.app, host="127.0.0.1", port=port)


main.add_command(layers)
main.add_command(onion)
main.add_command(bench_command)
main.add_command(diff_command)

if __name__ == "__main__":
    main()
