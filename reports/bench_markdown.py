"""A benchmark summary in Markdown, for a pull request: which style costs what, and how sure that is."""

from collections.abc import Iterator

from .bench_record import Record, layers_of, microseconds, share, style_costs, style_groups, style_name, times
from .markdown import plain
from .text import seconds

LINES = 30  # of the gate


def render(record: Record) -> str:
    """The record in Markdown of GitHub's flavour."""
    return "\n\n".join(filter(None, _parts(record))) + "\n"


def _parts(record: Record) -> Iterator[str]:
    sign = "✅" if record["reliable"] and not record.get("gate", {}).get("regressions") else "❌"
    yield f"## {sign} {plain(record['about'])}"
    yield plain(record["reason"])
    yield _gate(record)
    for group in style_groups(record):
        yield _styles(group)
    for group in record["groups"]:
        if not group["slopes"]:
            yield _variants(group)
    yield _chunks(record)
    yield _facts(record)


def _gate(record: Record) -> str:
    if "gate" not in record:
        return ""
    gate = record["gate"]
    lines = gate["lines"][:LINES]
    told = f"**Gate**: {gate['compared']} cost vectors compared, {len(gate['regressions'])} grown."
    return told if not lines else f"{told}\n\n```\n" + "\n".join(line.replace("`", "'") for line in lines) + "\n```"


def _styles(group: Record) -> str:
    layers = [number for number in layers_of(group) if number]
    head = f"| {plain(group['name'])} | a layer | " + " | ".join(f"× {number}" for number in layers) + " |"
    rows = [head, "|---|---:|" + "---:|" * len(layers)]
    for cost in style_costs(group):
        found = {v["layers"]: v for v in group["variants"] if v["style"] == cost.style and v["layers"]}
        cells = [times(found[number]["cpu"]["ratio"]) if number in found else "" for number in layers]
        interval = f"{microseconds(cost.us)} ({microseconds(cost.low)} – {microseconds(cost.high)})"
        rows.append(f"| {plain(style_name(cost.style))} | {interval} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _variants(group: Record) -> str:
    rows = [f"| {plain(group['name'])} | CPU | ratio | interval | verdict |", "|---|---:|---:|---:|---|"]
    for one in group["variants"]:
        cpu = one.get("cpu")
        ratio = times(cpu["ratio"]) if cpu else "1"
        interval = f"{times(cpu['low'])} – {times(cpu['high'])}" if cpu else ""
        rows.append(f"| {plain(one['name'])} | {microseconds(one['us'])} | {ratio} | {interval} | {one['verdict']} |")
    rows.append(f"\nDifferences below {share(group['control']['smallest'])} could not have been seen here.")
    return "\n".join(rows)


def _chunks(record: Record) -> str:
    if not record["chunks"]:
        return ""
    rows = ["| a layer, for each chunk of a stream | loop | cost |", "|---|---|---:|"]
    rows += [
        f"| {plain(style_name(one['style']))} | {plain(one['loop'])} | {microseconds(one['us_per_layer_and_chunk'])} |"
        for one in record["chunks"]
    ]
    return "\n".join(rows)


def _facts(record: Record) -> str:
    env = record["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(env["versions"].items()))
    return (
        f"<sub>{env['processes']} processes of {env['seconds_each']} s in {seconds(env['duration_s'])}; "
        f"Python {plain(env['python'])}, {plain(versions)}; {env['cores']} cores, "
        f"load {env['load_before']} before, {env['load_after']} after. Times are CPU times; read ratios.</sub>"
    )
