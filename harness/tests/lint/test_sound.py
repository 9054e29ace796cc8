"""The linter is silent about what is right, and changes nothing, right or wrong."""

import warnings
from typing import Any

import pytest

from .faults import FAULTS, Fault
from .play import app_of, body, http, play, start
from .sound import SOUND, Sound


@pytest.mark.parametrize("sound", SOUND, ids=str)
def test_is_silent(sound: Sound) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = play(sound.app, sound.scope, sound.delivered, collect=False, raises=sound.raises)
    assert (type(result.error) if result.error else None) is sound.error, result.error


@pytest.mark.parametrize("sound", SOUND, ids=str)
def test_finds_nothing(sound: Sound) -> None:
    assert play(sound.app, sound.scope, sound.delivered, raises=sound.raises).findings == []


def sent(call: Sound | Fault, *, linted: bool) -> tuple[list[Any], type | None]:
    scope = call.scope() if callable(call.scope) else call.scope
    options = getattr(call, "options", {})
    result = play(call.app, scope, call.delivered, linted=linted, raises=call.raises, **options)
    return result.passed_on, type(result.error)


@pytest.mark.parametrize("call", [*SOUND, *(fault for fault in FAULTS if fault.afterwards is None)], ids=str)
def test_hands_on_what_it_gets(call: Sound | Fault) -> None:
    bare, linted = sent(call, linted=False), sent(call, linted=True)
    assert len(linted[0]) == len(bare[0])
    assert linted[1] is bare[1]
    for with_linter, without in zip(linted[0], bare[0], strict=True):
        assert with_linter is without or type(with_linter) is type(without)
        assert with_linter is without or list(with_linter) == list(without)  # made anew for each call


def test_uses_no_generator_up() -> None:
    pairs = iter([(b"Content-Type", b"text/plain")])
    result = play(app_of(start(200, pairs), body()), http())
    assert result.findings == []
    assert [*result.passed_on[0]["headers"]] == [(b"Content-Type", b"text/plain")]
