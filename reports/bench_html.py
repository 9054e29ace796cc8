"""The benchmark report as one HTML page: no script, no network, for a screen, a telephone and paper."""

from collections.abc import Sequence
from math import log
from typing import Any

from markupsafe import Markup

from .bench_charts import chunk_bars, controls, cost_by_layers, drift, forest, ladder_bars, stacked
from .bench_record import (
    Record,
    layers_of,
    microseconds,
    named,
    other_groups,
    share,
    style_costs,
    style_groups,
    style_name,
    times,
    variant_name,
)
from .html import TEMPLATES, templates

COUNTS = ("opcodes", "calls", "handles", "iterations", "tasks", "events")
PARTS = ("client", "application", "framework", "layers")
STACKED_LAYERS = 5
HEAT = 6  # shades


def render(record: Record) -> str:
    """The record as a page."""
    styles = style_groups(record)
    first = styles[0] if styles else None
    return (
        templates()
        .get_template("bench.html.j2")
        .render(
            record=record,
            environment=record["environment"],
            styles=styles,
            first=first,
            costs=style_costs(first) if first else [],
            others=[group for group in other_groups(record) if not group["name"].startswith("ladder")],
            ladder=named(record, "ladder"),
            layers_of=layers_of,
            heat=heat,
            cell=cell,
            count_rows=count_rows(record),
            counts=COUNTS,
            stack=_stack(record),
            parts=PARTS,
            twins=[(group, twin) for group in styles for twin in group["twins"]],
            alike=alike,
            charts={
                "cost_by_layers": cost_by_layers,
                "forest": forest,
                "controls": controls,
                "drift": drift,
                "chunk_bars": chunk_bars,
                "ladder_bars": ladder_bars,
                "stacked": stacked,
            },
            say={
                "us": microseconds,
                "times": times,
                "share": share,
                "style": style_name,
                "variant": variant_name,
            },
            style=Markup(  # noqa: S704 - our own files
                (TEMPLATES / "report.css").read_text("utf-8") + (TEMPLATES / "bench.css").read_text("utf-8")
            ),
        )
    )


def alike(group: Record, style: str) -> list[str]:
    """The styles of which one layer could not be told from one layer of this style, in the same rounds."""
    wanted = f"{style} × 1"
    found = []
    for twin in group["twins"]:
        pair = (twin["variant"], twin["against"])
        if wanted in pair and twin["verdict"] in {"equal", "inconclusive"}:
            found.append(style_name(pair[1 - pair.index(wanted)].partition(" × ")[0]))
    return found


def cell(group: Record, style: str, layers: int) -> Record | None:
    """The variant of that style and number of layers."""
    matching = (v for v in group["variants"] if v["style"] == style and v["layers"] == layers)
    return next(matching, None)


def heat(ratio: float) -> int:
    """A shade for a ratio: equal steps of the logarithm, the last for ten times and more."""
    return min(HEAT, max(0, round(log(max(ratio, 1.0)) / log(10) * HEAT)))


def count_rows(record: Record) -> list[dict[str, Any]]:
    """The cost vectors with their layers, each with the opcodes in multiples of the first of the same request."""
    rows: list[dict[str, Any]] = []
    bases: dict[str, int] = {}
    for name, vector in record["vectors"].items():
        request = name.rpartition(" · ")[0]
        opcodes = vector["counts"]["opcodes"]
        base = bases.setdefault(request, opcodes)
        rows.append(
            {
                "name": name.rpartition(" · ")[2],
                "request": request,
                "vector": vector,
                "ratio": opcodes / base if base else 1.0,
            }
        )
    return rows


def _stack(record: Record) -> list[tuple[str, Sequence[tuple[str, float]]]]:
    """What a plain request to the framework is made of, through our own client, behind some layers of each style."""
    frameworks, ladder = named(record, "frameworks · plain"), named(record, "ladder")
    group = named(record, "fastapi · plain · asyncio")
    if frameworks is None or ladder is None or group is None or not group["slopes"]:
        return []
    bare = ladder["variants"][0]["us"]
    client = next((v["us"] - bare for v in ladder["variants"] if v["name"] == "InProcess"), 0.0)
    raw = frameworks["variants"][0]["us"]
    framework = next((v["us"] - raw for v in frameworks["variants"] if v["name"] == "fastapi"), 0.0)
    common = [("client", max(client, 0.0)), ("application", raw), ("framework", max(framework, 0.0))]
    rows: list[tuple[str, Sequence[tuple[str, float]]]] = [("no layer", common)]
    for slope in group["slopes"]:
        layers = max(slope["us_per_layer"], 0.0) * STACKED_LAYERS
        rows.append((f"{style_name(slope['style'])} × {STACKED_LAYERS}", [*common, ("layers", layers)]))
    return rows
