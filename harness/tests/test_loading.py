"""Every way to name an application wrongly is told in a line or two."""

import sys

import pytest

from asgi_conformance.loading import AppRef, LoadError, forget_fresh, load

SOURCE = """
import sys
async def app(scope, receive, send): ...
def create_app(): return app
def broken_factory(): raise ValueError("no settings")
async def async_factory(): return app
number = 3
class Holder: inner = app
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "shop_under_test.py").write_text(SOURCE)
    (tmp_path / "raises_on_import.py").write_text("x = 1\nraise KeyError('DATABASE_URL')\n")
    (tmp_path / "imports_what_is_missing.py").write_text("import module_that_nobody_has\n")
    (tmp_path / "ends_the_program.py").write_text("import sys\nsys.exit(4)\n")
    (tmp_path / "wrong_syntax.py").write_text("def app(:\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (AppRef("shop_under_test"), "write MODULE:ATTRIBUTE"),
        (AppRef(":app"), "write MODULE:ATTRIBUTE"),
        (AppRef("nowhere_to_be_found:app"), "there is no module 'nowhere_to_be_found'"),
        (AppRef("shop_under_test.sub:app"), "there is no module 'shop_under_test.sub'"),
        (AppRef("shop_under_test:application"), "has no attribute 'application'; it has: app, create_app"),
        (AppRef("shop_under_test:number"), "is not an ASGI application: it is an object of type int"),
        (AppRef("shop_under_test:sys"), "it is a module, which cannot be called"),
        (AppRef("shop_under_test:number", factory=True), "is not callable, so it is no factory"),
        (AppRef("shop_under_test:broken_factory", factory=True), "raised ValueError: no settings"),
        (AppRef("shop_under_test:async_factory", factory=True), "has to be an ordinary function"),
        (AppRef("raises_on_import:app"), "importing 'raises_on_import' raised KeyError: 'DATABASE_URL'"),
        (AppRef("raises_on_import:app"), "raises_on_import.py:2"),
        (AppRef("imports_what_is_missing:app"), "No module named 'module_that_nobody_has'"),
        (AppRef("ends_the_program:app"), "ended the program with sys.exit(4)"),
        (AppRef("wrong_syntax:app"), "raised SyntaxError"),
    ],
)
def test_what_is_wrong_is_said_in_the_users_terms(place, ref, words):
    with pytest.raises(LoadError) as error:
        load(ref)
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) <= 3


def test_attributes_factories_and_wrappers_are_found(place):
    app = load(AppRef("shop_under_test:app"))
    assert load(AppRef("shop_under_test:Holder.inner")) is app
    assert load(AppRef("shop_under_test:create_app", factory=True)) is app
    assert load(AppRef("shop_under_test:app", wrap="builtins:id")) == id(app)


def test_a_fresh_load_shares_nothing_with_an_earlier_one(place):
    first, second = load(AppRef("shop_under_test:app", fresh=True)), load(AppRef("shop_under_test:app", fresh=True))
    assert first is not second
    assert first.__globals__ is not second.__globals__
    before = sys.modules["shop_under_test"]
    forget_fresh()
    assert sys.modules.get("shop_under_test") is not before
    assert not first.__globals__
