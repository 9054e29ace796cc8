"""``results.json``: the whole run as data, in the form that ``results.schema.json`` describes."""

import json
from pathlib import Path
from typing import Any

from asgi_conformance.verdict import Verdict

from .run import Environment, Run

SCHEMA_VERSION = 1
SCHEMA = Path(__file__).with_name("results.schema.json")


def to_json(run: Run) -> dict[str, Any]:
    """The run as plain data."""
    return {
        "schema": SCHEMA_VERSION,
        "environment": dict(run.environment),
        "verdicts": [verdict.to_json() for verdict in run.verdicts],
    }


def render(run: Run) -> str:
    """The run as text: ASCII, because a transcript may hold what no encoding takes."""
    return json.dumps(to_json(run), indent=1, sort_keys=False) + "\n"


def read(text: str) -> tuple[Environment, tuple[Verdict, ...]]:
    """What `render` wrote: the environment and the verdicts.

    Raises:
        ValueError: the text is not JSON, or not of this schema.
    """
    record = json.loads(text)
    if not isinstance(record, dict) or record.get("schema") != SCHEMA_VERSION:
        raise ValueError(f"this is not a results.json of schema {SCHEMA_VERSION}")
    try:
        environment: Environment = record["environment"]
        return environment, tuple(Verdict.from_json(verdict) for verdict in record["verdicts"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"this results.json is damaged: {type(error).__name__}: {error}") from error
