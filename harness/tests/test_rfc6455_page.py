"""The page about the WebSocket protocol has every category and every declared deviation."""

import re
from collections import Counter
from pathlib import Path

from asgi_conformance import catalogue
from asgi_conformance.fixtures.rfc6455.websockets_echo import DEVIATIONS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "rfc6455.md").read_text(encoding="utf-8")
IDS = [check.id for check in catalogue.load_checks() if check.suite == "rfc6455"]
UVICORN = catalogue.load_patterns()["websocket.mirror"].pattern.deviations


def test_page_has_every_case() -> None:
    """Stale? python harness/benchmarks/rfc6455.py writes it anew."""
    counted = Counter(name.split(".")[1] for name in IDS if not name.endswith("-close"))
    for section in PAGE.split("\n## ")[1:-1]:
        rows = {name: int(count) for name, count in re.findall(r"^\| ([a-z0-9-]+) \| (\d+) \|", section, re.MULTILINE)}
        assert rows == counted


def test_page_tells_every_deviation_and_its_script() -> None:
    told = {f"rfc6455.{name}" for name in re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)}
    assert told == set(UVICORN) | set(DEVIATIONS)
    assert set(UVICORN) | set(DEVIATIONS) <= set(IDS)
    for script in re.findall(r"\]\((reproductions/[^)]+)\)", PAGE):
        assert (ROOT / "docs" / script).is_file()
