"""Names of servers and their variants."""

import pytest

from asgi_conformance.drivers.base import Unreachable
from asgi_conformance.drivers.server.adapters import (
    Adapter,
    NotInstalled,
    UnknownServer,
    Variant,
    Word,
    find_variant,
    known_servers,
)
from asgi_conformance.drivers.server.process import ServerProcess
from asgi_conformance.loading import AppRef


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("uvicorn", {}),
        ("uvicorn-h11", {"http": "h11"}),
        ("uvicorn-websockets", {"ws": "websockets"}),
        ("uvicorn-websockets-sansio", {"ws": "websockets-sansio"}),
        ("uvicorn-h11-asyncio-wsproto", {"http": "h11", "loop": "asyncio", "ws": "wsproto"}),
        (
            "uvicorn-websockets-sansio-uvloop-httptools",
            {"http": "httptools", "loop": "uvloop", "ws": "websockets-sansio"},
        ),
        ("uvicorn-websockets-h11", {"http": "h11", "ws": "websockets"}),
    ],
)
def test_words_choose_parts_in_any_order(name: str, choices: dict[str, str]):
    assert find_variant(name).choices == choices


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nginx", "unknown server 'nginx'; known: uvicorn"),
        ("", "unknown server ''; known: uvicorn"),
        (
            "uvicorn-h12",
            "unknown word 'h12' in 'uvicorn-h12'; uvicorn has: asyncio, h11, httptools, uvloop, websockets",
        ),
        ("uvicorn-", "unknown word '' in 'uvicorn-'"),
        ("uvicorn-h11-", "unknown word '' in 'uvicorn-h11-'"),
        ("uvicorn-h11x", "unknown word 'h11x'"),
        ("uvicorn-h11-httptools", "'uvicorn-h11-httptools' names both 'h11' and 'httptools', which exclude each other"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(name: str, told: str):
    with pytest.raises(UnknownServer) as caught:
        find_variant(name)
    assert told in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_every_adapter_is_named_like_its_module():
    for name in known_servers():
        assert find_variant(name).adapter.name == name


def test_what_is_missing_is_said_in_a_sentence():
    adapter = Adapter("sirius", "sirius_server", lambda launch: None, words={"fast": Word("speed", "fast", "no_such")})
    assert Variant("sirius-fast", adapter, ("fast",)).missing == (
        "the server sirius-fast needs sirius_server and no_such: pip install sirius_server no_such"
    )
    assert find_variant("uvicorn-h11").missing is None


def test_a_server_that_is_not_installed_is_not_started(monkeypatch: pytest.MonkeyPatch):
    process = ServerProcess("uvicorn", AppRef("served:app"))
    adapter = Adapter("uvicorn", "no_such_module", lambda launch: None)
    monkeypatch.setattr(process, "_variant", Variant("uvicorn", adapter))
    with pytest.raises(NotInstalled, match="pip install no_such_module") as caught:
        process.begin()
    assert isinstance(caught.value, Unreachable)
