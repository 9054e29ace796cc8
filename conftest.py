"""Loads the plugin, so that a checkout works without being installed."""

import sys
import zlib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "harness"))
pytest_plugins = ["asgi_conformance.plugin"]

# Folders whose every case needs a server process: of so many, one every day.
ONE_IN: dict[tuple[str, ...], int] = {("suites", "server"): 5}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is slow, and most of what is many, unless everything is asked for."""
    left_out = [] if config.option.full else [item for item in items if not _for_every_day(item)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def _for_every_day(item: pytest.Item) -> bool:
    sampled = item.get_closest_marker("sampled")
    one_in = sampled.args[0] if sampled is not None else ONE_IN.get(item.path.parent.parts[-2:], 1)
    many = zlib.crc32(item.name.encode()) % one_in
    return not many and item.get_closest_marker("slow") is None
