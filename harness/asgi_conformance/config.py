"""What a run is asked to do: command-line options and ``[tool.asgi-conformance]``, as one record."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from asgi_conformance.pattern import Route
from asgi_conformance.verdict import Level

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CAPABILITIES = {
    "http": frozenset({"http"}),
    "sse": frozenset({"http", "http.stream", "sse"}),
    "websocket": frozenset({"websocket"}),
}


class UsageError(Exception):
    """The person asked for something that does not exist; the text says what, and what there is."""


@dataclass(frozen=True, slots=True)
class Options:
    """One run, as asked for.

    Without `app` and `url` the run is on the fixture catalogue. Lists that are empty mean "everything"
    (suites, checks) or "what discovery finds" (routes).
    """

    app: str | None = None
    factory: bool = False
    app_dir: str | None = None
    url: str | None = None
    servers: tuple[str, ...] = ("in-process", "uvicorn")
    sse: tuple[str, ...] = ()
    websocket: tuple[str, ...] = ()
    http: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = ("must", "practice")
    report_dir: str = "conformance-report"
    baseline: str | None = None
    promises: Mapping[str, str] = field(default_factory=dict)
    isolation: str = "fork"  # or "none": checks share one instance of the application in this process

    def routes(self) -> tuple[Route, ...]:
        """The routes that were named, with the capabilities of the option that named them."""
        return tuple(parse_route(text, kind) for kind in ("sse", "websocket", "http") for text in getattr(self, kind))

    def levels(self) -> frozenset[Level]:
        """The levels whose broken rules fail the run."""
        known = {level.value.lower(): level for level in Level}
        return frozenset(known[named("level", level.lower(), known)] for level in self.fail_on)


def parse_route(text: str, kind: str) -> Route:
    """``"[METHOD ]PATH"`` as a route with the capabilities of `kind` (http, sse, websocket)."""
    method, space, path = text.strip().partition(" ")
    if not space:
        method, path = "GET", text.strip()
    if method.upper() not in METHODS:
        raise UsageError(f"--{kind} {text!r}: {method!r} is no HTTP method")
    if kind == "websocket" and method.upper() != "GET":
        raise UsageError(f"--websocket {text!r}: a websocket handshake is a GET")
    if not path.strip().startswith("/"):
        raise UsageError(f"--{kind} {text!r}: the path has to begin with a slash")
    return Route(method.upper(), path.strip(), CAPABILITIES[kind])


def named(what: str, name: str, known: Iterable[str]) -> str:
    """The name itself, if it is known; UsageError with the nearest known ones otherwise."""
    names = list(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, 3, 0.5) or sorted(names)[:8]
    raise UsageError(f"there is no {what} {name!r}; there is: {', '.join(near)}")


def from_file(folder: Path) -> dict[str, Any]:
    """The table ``[tool.asgi-conformance]`` of the nearest ``pyproject.toml``, as keywords of Options."""
    for directory in (folder, *folder.parents):
        path = directory / "pyproject.toml"
        if path.is_file():
            return _table(path)
    return {}


def _table(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("asgi-conformance", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}") from None
    aliases = {"server": "servers", "suite": "suites", "check": "checks", "pattern": "patterns"}
    known = {f.name: f for f in fields(Options)}
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = aliases.get(key, key.replace("-", "_"))
        if name not in known:
            named("key in [tool.asgi-conformance]:", key, [n.replace("_", "-") for n in known])
        found[name] = _typed(key, value, known[name].default)
    return found


def _typed(key: str, value: Any, default: Any) -> Any:
    wrong = UsageError(f"[tool.asgi-conformance] {key} has a value of the wrong type: {value!r}")
    if isinstance(default, tuple):
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise wrong
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise wrong
        return value
    if key == "promises":
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise wrong
        return value
    if not isinstance(value, str):
        raise wrong
    return value


def combine(file: Mapping[str, Any], given: Mapping[str, Any]) -> Options:
    """Options from the file, overruled by what was given on the command line (None means: not given)."""
    options = replace(Options(), **file)
    if given.get("app") is not None or given.get("url") is not None:
        options = replace(options, app=None, url=None)
    options = replace(options, **{key: value for key, value in given.items() if value not in (None, ())})
    if options.app is not None and options.url is not None:
        raise UsageError("name an application or --url, not both")
    if options.url is not None and not options.url.startswith(("http://", "https://", "ws://", "wss://")):
        raise UsageError(f"--url {options.url!r}: it has to begin with http://, https://, ws:// or wss://")
    options.levels()
    options.routes()
    named("isolation", options.isolation, ("fork", "none"))
    return options
