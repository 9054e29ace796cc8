"""Finds, by name and at run time, what the suites and fixture folders hold: checks, patterns, mutants."""

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from asgi_conformance import _paths
from asgi_conformance.check import REGISTRY, Check
from asgi_conformance.layer import Layer
from asgi_conformance.loading import LoadError
from asgi_conformance.mutant import MUTANTS, Mutant
from asgi_conformance.pattern import Pattern
from asgi_conformance.target import Target

EXTRA = "the fixture catalogue needs FastAPI and its companions: pip install 'asgi-conformance[patterns]'"


def suite_names() -> list[str]:
    """The areas: the folders under ``suites/`` that hold checks."""
    return sorted({path.parent.name for path in _modules(_paths.SUITES, "test_*.py")})


def load_checks() -> list[Check]:
    """Every check of the suites, by suite and file, in the order of the file."""
    order = {}
    for number, path in enumerate(_modules(_paths.SUITES, "test_*.py")):
        name = module_name("suites", _paths.SUITES, path)
        importlib.import_module(name)
        order[name] = number
    return sorted(
        (check for check in REGISTRY if check.function.__module__ in order),
        key=lambda check: order[check.function.__module__],
    )


def load_patterns() -> dict[str, Target]:
    """The fixture apps by pattern name, as targets. Raises LoadError where their frameworks are missing."""
    targets: dict[str, Target] = {}
    later = _imported_later()
    for path in _modules(_paths.FIXTURES, "*.py"):
        if "mutants" in path.relative_to(_paths.FIXTURES).parts or path in later:
            continue
        name = module_name("fixtures", _paths.FIXTURES, path)
        try:
            # A documented form may use what is deprecated today; that is for its checks to say.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise LoadError(f"{EXTRA} (there is no module {error.name!r})") from None
        for module_of_app, pattern in _declared(module):
            if pattern.name in targets:
                raise ValueError(f"two fixture apps are called {pattern.name}")
            targets[pattern.name] = Target.of_pattern(pattern, module_of_app)
    return targets


def _declared(module: ModuleType) -> Iterator[tuple[str, Pattern]]:
    """The patterns of a module, each with the name of the module that holds its app.

    ``PATTERN`` is about the app beside it. ``PATTERNS``, in a file ``patterns.py``, is about apps in the files of
    its folder, by file name: they need libraries that are slow to import or may be missing, and are imported when
    they are judged.
    """
    pattern = getattr(module, "PATTERN", None)
    if isinstance(pattern, Pattern):
        yield module.__name__, pattern
    package = module.__name__.rpartition(".")[0]
    for file, declared in getattr(module, "PATTERNS", {}).items():
        yield f"{package}.{file}", declared


def _imported_later() -> frozenset[Path]:
    """Files of apps that are declared elsewhere; whatever else lies in their folder is imported at once."""
    found = set()
    for declaring in _modules(_paths.FIXTURES, "patterns.py"):
        module = importlib.import_module(module_name("fixtures", _paths.FIXTURES, declaring))
        found |= {declaring.with_name(f"{file}.py") for file in module.PATTERNS}
    return frozenset(found)


def load_layers() -> list[Layer]:
    """The middleware of others that is judged by itself; what is not installed says so when it is used."""
    return list(importlib.import_module("asgi_conformance.fixtures.layers.layers").LAYERS)


def load_mutants() -> list[Mutant]:
    """Every mutant, by file, in the order of the file."""
    folder = _paths.FIXTURES / "mutants"
    for path in _modules(folder, "*.py"):
        importlib.import_module(module_name("fixtures.mutants", folder, path))
    return list(MUTANTS)


def module_name(package: str, folder: Path, path: Path) -> str:
    """The one name under which a file of the suites or fixtures is imported, wherever the folder lies."""
    return ".".join(["asgi_conformance", package, *path.relative_to(folder).with_suffix("").parts])


def _modules(folder: Path, pattern: str) -> Iterator[Path]:
    for path in sorted(folder.rglob(pattern)):
        if not path.name.startswith("_") and "__pycache__" not in path.parts:
            yield path
