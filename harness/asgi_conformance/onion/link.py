"""Links: where a layer keeps the application inside of it, and where a router keeps those of its routes.

No framework is imported. A layer is whatever holds the next application in an attribute or in a closure, which
is how ASGI middleware is written; an application that builds its stack late (Starlette, FastAPI) is asked to
build it.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CellType, FunctionType
from typing import Any

# Under which names layers keep the application inside; the first that holds one counts.
NAMES = ("app", "_app", "application", "_application", "asgi_app", "inner", "_inner", "wrapped", "asgi", "next")


@dataclass(frozen=True, slots=True)
class Link:
    """Where an application is kept: `value`; `before` is what goes back in the end, and `put` puts."""

    value: Any
    before: Any
    put: Callable[[Any], bool]


def link(layer: Any) -> Link | None:
    """Where this layer keeps the application inside; None where none can be seen."""
    if callable(getattr(layer, "build_middleware_stack", None)) and "middleware_stack" in _own(layer):
        before = layer.middleware_stack
        value = layer.build_middleware_stack() if before is None else before
        return Link(value, before, functools.partial(_set_attribute, layer, "middleware_stack"))
    if inspect.isfunction(layer):
        return _closure_link(layer)
    own = _own(layer)
    for name in (*NAMES, "middleware_stack"):
        value = own.get(name)
        if value is not None and is_application(value) and getattr(value, "__self__", None) is not layer:
            return Link(value, value, functools.partial(_set_attribute, layer, name))
    return None


@dataclass(frozen=True, slots=True)
class Branch:
    """The application of one route: what leads to it, in words, the link, and what the endpoint is called."""

    via: str
    link: Link
    endpoint: str


def branches(layer: Any) -> Iterator[Branch]:
    """The applications that a router hands requests to, one for each of its routes."""
    router = getattr(layer, "__self__", layer)  # the innermost part of a Router with layers of its own is a method
    routes = getattr(router, "routes", None)
    if isinstance(routes, list | tuple):
        for route in routes:
            yield from _branches_of(route)


def _branches_of(route: Any) -> Iterator[Branch]:
    included = getattr(route, "effective_candidates", None)
    if callable(included):  # FastAPI keeps an included router as one route that knows its own
        for candidate in included():
            yield from _branches_of(candidate)
        return
    holder = getattr(route, "starlette_route", None) or route
    value = _own(holder).get("app")
    if value is None or not is_application(value):
        return
    endpoint = getattr(holder, "endpoint", None)
    made = Link(value, value, functools.partial(_set_attribute, holder, "app"))
    yield Branch(_via(holder, mounted=endpoint is None), made, "" if endpoint is None else f"{plain_name(endpoint)}()")


def _via(route: Any, *, mounted: bool) -> str:
    path = getattr(route, "path", None) or getattr(route, "host", None) or "/"
    methods = sorted(set(getattr(route, "methods", None) or ()) - {"HEAD"})
    if mounted:
        return f"mount {path}"
    return f"{'|'.join(methods)} {path}".strip()


def layer_name(layer: Any) -> str:
    """What a person calls the layer: its class, its function, or the function that a base class runs."""
    dispatch = getattr(layer, "dispatch_func", None)
    if dispatch is not None and inspect.isfunction(dispatch):
        return f"{type(layer).__name__}({dispatch.__name__})"
    if isinstance(layer, functools.partial):
        return layer_name(layer.func)
    if inspect.isclass(layer):
        return layer.__name__
    if inspect.isroutine(layer):
        return layer.__qualname__.partition(".<locals>")[0] if not inspect.ismethod(layer) else layer.__name__
    return type(layer).__name__


def plain_name(function: Any) -> str:
    """What a person calls an endpoint or a task: the name that it was defined with."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def is_application(value: Any) -> bool:
    """Whether the value can be called like an ASGI 3 application."""
    if not callable(value) or inspect.isclass(value):
        return False
    if getattr(type(value), "is_onion_recorder", False):
        return True
    function = value if inspect.isfunction(value) else type(value).__call__
    if inspect.isfunction(function):
        return _takes(function, 3 if function is value else 4)
    try:
        inspect.signature(value).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True


def _takes(function: FunctionType, number: int) -> bool:
    """Whether the function can be called with so many arguments; looking at its code is a lot faster than a bind."""
    code = function.__code__
    required = code.co_argcount - len(function.__defaults__ or ())
    most = number if code.co_flags & inspect.CO_VARARGS else code.co_argcount
    named = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return required <= number <= most and set(named) <= set(function.__kwdefaults__ or ())


def _closure_link(function: Any) -> Link | None:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
    for name in NAMES:
        cell = cells.get(name)
        if cell is not None and _filled(cell) and is_application(cell.cell_contents):
            return Link(cell.cell_contents, cell.cell_contents, functools.partial(_set_cell, cell))
    return None


def _own(layer: Any) -> dict[str, Any]:
    """The attributes that an instance holds itself, in its dict or in slots."""
    found: dict[str, Any] = {}
    for kind in type(layer).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(layer, name):
                found[name] = getattr(layer, name)
    return found | getattr(layer, "__dict__", {})


def _filled(cell: CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _set_attribute(layer: Any, name: str, value: Any) -> bool:
    try:
        object.__setattr__(layer, name, value)  # a frozen dataclass is a layer too
    except (AttributeError, TypeError):
        return False
    return True


def _set_cell(cell: CellType, value: Any) -> bool:
    cell.cell_contents = value
    return True
