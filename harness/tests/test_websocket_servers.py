"""The page about websocket servers knows every rule, and what the fixture app declares about uvicorn."""

import importlib.util
import re
from pathlib import Path

from asgi_conformance import catalogue

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "websocket-servers.md").read_text(encoding="utf-8")
DECLARED = set(catalogue.load_patterns()["server.websocket"].pattern.deviations)


def command():
    path = ROOT / "harness" / "benchmarks" / "websocket_servers.py"
    spec = importlib.util.spec_from_file_location("websocket_servers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_has_every_rule() -> None:
    """Stale? python harness/benchmarks/websocket_servers.py writes it anew."""
    assert sorted(re.findall(r"^\| `(server\.websocket-[^`]+)`", PAGE, re.MULTILINE)) == sorted(command().rules())


def test_page_tells_every_deviation_and_its_script() -> None:
    assert set(re.findall(r"^### `([^`]+)`", PAGE, re.MULTILINE)) == DECLARED
    assert set(command().SCRIPTS) == DECLARED
    for script in re.findall(r"\]\((reproductions/[^)]+)\)", PAGE):
        assert (ROOT / "docs" / script).is_file()
