"""``bench.json``: the record of a benchmark run as it is, for other programs and for a later comparison."""

import json

from .bench_record import Record


def render(record: Record) -> str:
    """JSON with one line for each part, and numbers no longer than they are good for."""
    return json.dumps(_rounded(record), indent=1, ensure_ascii=False) + "\n"


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
