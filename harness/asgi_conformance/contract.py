"""The contract of a layer: each one alone around the known application, judged by the checks of the suites."""

from collections.abc import Callable, Iterable
from importlib import metadata

from asgi_conformance import catalogue
from asgi_conformance.check import Check
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.known_app import CAPABILITIES, PROMISES, ROUTES, known_app
from asgi_conformance.layer import Layer
from asgi_conformance.layer_record import LayerRecord
from asgi_conformance.loading import AppRef, LoadError, load
from asgi_conformance.protocol.types import ASGIApp
from asgi_conformance.runner import IN_PROCESS, plan, run_case
from asgi_conformance.target import Target

SUITES = frozenset({"asgi", "http", "lifespan", "middleware", "websocket"})


def contract_checks() -> list[Check]:
    """The checks that a layer is held to: those that the known application gives something to look at."""
    return [check for check in catalogue.load_checks() if check.suite in SUITES]


def judge_layer(layer: Layer, checks: Iterable[Check]) -> LayerRecord:
    """The verdicts on one layer around the known application, in process; it is made anew for each of them."""
    version = version_of(layer.distribution)
    try:
        layer.wrap(known_app())
        scope = layer.scope()
    except ImportError as error:
        why = f"not installed: pip install {layer.distribution} (there is no module {error.name!r})"
        return LayerRecord(layer.name, layer.distribution, version, layer.about, missing=why)
    target = Target(layer.name, None, None, ROUTES, CAPABILITIES, PROMISES)

    def driver(_: object, transcript: object) -> InProcess:
        wrapped = layer.wrap(known_app())
        return InProcess(wrapped, raise_app_exceptions=False, transcript=transcript, scope=scope)  # type: ignore[arg-type]

    cases = [case for case in plan(list(checks), target, IN_PROCESS, InProcess.abilities) if not case.not_applicable]
    verdicts = tuple(run_case(case, driver) for case in cases)
    return LayerRecord(layer.name, layer.distribution, version, layer.about, verdicts)


def user_layer(import_string: str, app_dir: str) -> Layer:
    """A layer of the user's own, which needs no options. Raises LoadError."""
    found = load(AppRef(import_string, app_dir=app_dir))
    made: Callable[[ASGIApp], ASGIApp] = found  # type: ignore[assignment]
    try:
        made(known_app())
    except TypeError as error:
        raise LoadError(f"{import_string!r} cannot be put around an application without options: {error}") from None
    return Layer(import_string.rpartition(":")[2], import_string.partition(":")[0].partition(".")[0], made)


def version_of(distribution: str) -> str | None:
    """The installed version, if there is one."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
