"""Find an application by its import string, and say in the user's terms why it cannot be found."""

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from asgi_conformance.protocol.types import ASGIApp


class LoadError(Exception):
    """The application cannot be loaded; the text is one to three plain lines for the person who named it."""


@dataclass(frozen=True, slots=True)
class AppRef:
    """An application by name, so that any process can load it.

    Args:
        app: ``module:attribute``; the attribute may be dotted.
        factory: call the attribute to get the application.
        app_dir: a directory put in front of ``sys.path``.
        wrap: an import string of a function from app to app (a mutation), applied last.
        fresh: execute the module anew, so that nothing is shared with an earlier load in this process.
    """

    app: str
    factory: bool = False
    app_dir: str | None = None
    wrap: str | None = None
    fresh: bool = False

    def to_json(self) -> dict[str, Any]:
        """For :meth:`from_json` in another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "AppRef":
        """The reference that `to_json` described."""
        return cls(**record)


def load(ref: AppRef) -> ASGIApp:
    """The application that `ref` names.

    Raises LoadError when there is no such module or attribute, when importing or calling it raises, or
    when what is found cannot be called.
    """
    if ref.app_dir is not None and ref.app_dir not in sys.path:
        sys.path.insert(0, ref.app_dir)
    found = _attribute(ref.app, fresh=ref.fresh)
    if ref.factory:
        if not callable(found):
            raise LoadError(f"{ref.app!r} is not callable, so it is no factory: it is {_kind(found)}")
        found = _guarded(found, f"calling the factory {ref.app!r}")
    if inspect.iscoroutine(found):
        found.close()
        raise LoadError(f"{ref.app!r} gave a coroutine; a factory has to be an ordinary function")
    if not callable(found):
        raise LoadError(f"{ref.app!r} is not an ASGI application: it is {_kind(found)}, which cannot be called")
    if ref.wrap is not None:
        wrap = _attribute(ref.wrap, fresh=False)
        found = wrap(found)
    return found  # type: ignore[no-any-return]


def _attribute(import_string: str, *, fresh: bool) -> Any:
    module_name, colon, attributes = import_string.partition(":")
    if not colon or not module_name or not attributes:
        raise LoadError(f"{import_string!r} does not name an application: write MODULE:ATTRIBUTE, such as main:app")
    module = _module(module_name, fresh=fresh)
    found: Any = module
    for name in attributes.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            names = _candidates(found)
            has = f"; it has: {', '.join(names)}" if names else ""
            raise LoadError(f"module {module_name!r} has no attribute {attributes!r}{has}") from None
    return found


def _module(name: str, *, fresh: bool) -> ModuleType:
    try:
        if fresh:
            return _execute_anew(name)
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (error.name == name or name.startswith(f"{error.name}.")):
            raise LoadError(f"there is no module {error.name!r} (looked in {_places()})") from None
        raise LoadError(_inside(name, error)) from error
    except Exception as error:
        raise LoadError(_inside(name, error)) from error
    except SystemExit as error:
        raise LoadError(f"importing {name!r} ended the program with sys.exit({error.code!r})") from error


_FRESH: list[tuple[ModuleType, ModuleType | None]] = []


def _execute_anew(name: str) -> ModuleType:
    """A new module object made from the same source; it takes the place of an earlier one in ``sys.modules``."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no module named {name!r}", name=name)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses, pydantic models and type hints look their module up by name while it executes and later.
    before = sys.modules.get(name)
    _FRESH.append((module, before))
    sys.modules[name] = module
    try:
        if type(spec.loader) is SourceFileLoader and spec.origin is not None:
            changed = Path(spec.origin).stat()
            exec(_code(spec.loader, name, changed.st_mtime_ns, changed.st_size), vars(module))  # noqa: S102 - an import
        else:
            spec.loader.exec_module(module)
    except BaseException:
        forget_fresh()
        raise
    return module


@lru_cache(maxsize=1024)
def _code(loader: SourceFileLoader, name: str, _changed: int, _size: int) -> CodeType:
    """What the source compiles to, kept as long as the file stays as it is: it is executed for each check."""
    code = loader.get_code(name)
    if code is None:
        raise ImportError(f"there is no code for {name!r}", name=name)
    return code


def forget_fresh() -> None:
    """Let go of every module that was loaded anew; earlier ones are back in ``sys.modules``.

    Frameworks keep endpoint functions in caches of their own, and with a function goes its module: emptied, it
    no longer holds the whole application.
    """
    while _FRESH:
        module, before = _FRESH.pop()
        if before is not None:
            sys.modules[module.__name__] = before
        else:
            sys.modules.pop(module.__name__, None)
        vars(module).clear()


def _guarded(factory: Any, doing: str) -> Any:
    try:
        return factory()
    except Exception as error:
        raise LoadError(f"{doing} raised {_told(error)}") from error


def _inside(name: str, error: BaseException) -> str:
    return f"importing {name!r} raised {_told(error)}"


def _told(error: BaseException) -> str:
    """The exception and the innermost place in the user's code where it came from."""
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    own = [frame for frame in places if frame.filename != __file__]
    at = f"\n  at {_short(own[-1].filename)}:{own[-1].lineno}  {own[-1].line or ''}" if own else ""
    return f"{type(error).__name__}: {error}{at}"


def _short(filename: str) -> str:
    try:
        return os.path.relpath(filename)
    except ValueError:  # another drive
        return filename


def _places() -> str:
    cwd = str(Path.cwd())
    first = sys.path[0] or cwd
    return first if first == cwd else f"{first} and the installed packages"


def _candidates(module: object) -> list[str]:
    """Names in a module that a person may have meant: callables that were made there."""
    names = []
    for name, value in vars(module).items() if hasattr(module, "__dict__") else ():
        if name.startswith("_") or inspect.ismodule(value) or not callable(value):
            continue
        home = getattr(value, "__module__", None)
        if not inspect.isclass(value) and (home == getattr(module, "__name__", None) or not inspect.isfunction(value)):
            names.append(name)
    return names[:8]


def _kind(found: object) -> str:
    return "a module" if inspect.ismodule(found) else f"an object of type {type(found).__name__}"
