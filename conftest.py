"""Loads the plugin, so that a checkout works without being installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "harness"))
pytest_plugins = ["asgi_conformance.plugin"]
