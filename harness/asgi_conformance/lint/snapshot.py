"""A snapshot of a scope, to tell afterwards whether it was changed."""

from collections.abc import Mapping
from typing import Any

from asgi_conformance.protocol.problem import NONE, Problem, Problems, show

# `state` belongs to the application, and is there to be changed.
FREE = frozenset({"state"})

_ABSENT = object()


def snapshot(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The scope with copies of the lists and dicts in it; everything else is kept as it is."""
    return {key: value if key in FREE else _copy(value) for key, value in scope.items()}


def changes(before: Mapping[str, Any], scope: Mapping[str, Any]) -> Problems:
    """What is different now, as one problem, or none."""
    names = [
        str(key)
        for key in {**before, **scope}
        if key not in FREE and not _same(before.get(key, _ABSENT), scope.get(key, _ABSENT))
    ]
    if not names:
        return NONE
    return [
        Problem(
            "call.scope.unchanged", "the scope as it was before the call", f"changes of {', '.join(map(show, names))}"
        )
    ]


def _copy(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    if type(value) is list:
        return [_copy(item) for item in value]
    return value


def _same(before: Any, now: Any) -> bool:
    if type(before) is not type(now):
        return False
    if type(now) is dict:
        return before.keys() == now.keys() and all(_same(before[key], now[key]) for key in now)
    if type(now) is list:
        return len(before) == len(now) and all(map(_same, before, now))
    if isinstance(now, (str, bytes, int, float, tuple)):
        return bool(before == now)
    return before is now
