"""Charts of a benchmark record as inline SVG: colours come from the page's style, the numbers from its tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log, log10

from markupsafe import Markup

from .bench_record import Record, microseconds, share, style_name, times, variant_name
from .text import visible

WIDTH = 720
TEXT = 15  # pixels between a line's baseline and the middle of what it names
STYLE_CLASSES = {"none": "s0", "pure-asgi": "s1", "decorator": "s2", "base-http": "s3"}


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to pixels, with ticks at round numbers."""

    start: float
    end: float
    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value; what lies outside is put at the end."""
        kept = min(max(value, self.low), self.high)
        if self.logarithmic:
            part = (log(kept) - log(self.low)) / (log(self.high) - log(self.low))
        else:
            part = (kept - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 1)


def linear(start: float, end: float, low: float, high: float, *, wanted: int = 4) -> Axis:
    """An axis from `low` to a round number at or above `high`."""
    span = max(high - low, 1e-9)
    power = 10.0 ** floor(log10(span / wanted))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= span / wanted)
    first, last = floor(low / step), ceil(high / step)
    ticks = tuple(round(number * step, 12) for number in range(first, last + 1))
    return Axis(start, end, ticks[0], ticks[-1], ticks)


def logarithmic(start: float, end: float, low: float, high: float) -> Axis:
    """An axis whose equal distances are equal ratios."""
    steps = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200)
    inside = [step for step in steps if low <= step <= high]
    spaced: list[float] = []
    room = log(high / low) / 8
    for step in sorted(inside, key=lambda value: abs(log(value))):
        if all(abs(log(step / other)) > room for other in spaced):
            spaced.append(step)
    return Axis(start, end, low, high, tuple(sorted(spaced)), logarithmic=True)


# Cost against the number of layers.


def cost_by_layers(group: Record) -> Markup:
    """One line a style, with the band of its interval; the axis begins at nought."""
    height, left, right, top, bottom = 330, 64, 190, 12, 44
    bare = group["variants"][0]["us"]
    series = {slope["style"]: _points(group, slope["style"]) for slope in group["slopes"]}
    highest = max(high for points in series.values() for *_, high in points)
    most = max(layer for points in series.values() for layer, *_ in points)
    y = linear(height - bottom, top, 0, highest)
    x = Axis(left, WIDTH - right, 0, most, tuple(sorted({p[0] for points in series.values() for p in points})))
    told = "; ".join(f"{style_name(s['style'])} {microseconds(s['us_per_layer'])} a layer" for s in group["slopes"])
    parts = [_open(height, f"Time for a request by number of layers, {microseconds(bare)} without any: {told}.")]
    parts += [_across(y, tick, left, WIDTH - right, f"{tick:,g} µs" if tick else "0") for tick in y.ticks]
    parts += [_below(x, tick, height - bottom, f"{tick:g}") for tick in x.ticks]
    parts.append(_text("axis", (left + WIDTH - right) / 2, height - 6, "layers", "middle"))
    labels = _apart([(y(points[-1][1]), style) for style, points in series.items()], 34)
    for style, points in series.items():
        css = STYLE_CLASSES.get(style, "s1")
        band = [(x(p[0]), y(p[3])) for p in points] + [(x(p[0]), y(p[2])) for p in reversed(points)]
        parts.append(Markup('<polygon class="band {}" points="{}"/>').format(css, _pairs(band)))
        parts.append(
            Markup('<polyline class="line {}" points="{}"/>').format(css, _pairs([(x(p[0]), y(p[1])) for p in points]))
        )
        parts += [
            Markup('<circle class="dot {}" cx="{}" cy="{}" r="3"/>').format(css, x(p[0]), y(p[1])) for p in points
        ]
        slope = next(one for one in group["slopes"] if one["style"] == style)
        parts.append(_text(f"name {css}", WIDTH - right + 12, labels[style], style_name(style)))
        parts.append(
            _text("value", WIDTH - right + 12, labels[style] + 16, f"+{microseconds(slope['us_per_layer'])} a layer")
        )
    return _close(parts)


def _points(group: Record, style: str) -> list[tuple[int, float, float, float]]:
    """Layers, time, and the ends of its interval."""
    bare = group["variants"][0]["us"]
    points = [(0, bare, bare, bare)]
    for variant in group["variants"]:
        if variant["style"] == style and variant["layers"]:
            added = variant["added_us"]
            points.append((variant["layers"], *(max(bare + added[end], 0.0) for end in ("value", "low", "high"))))
    return sorted(points)


def _apart(places: Sequence[tuple[float, str]], distance: float) -> dict[str, float]:
    """The places of labels, moved up or down until none is over another."""
    placed: dict[str, float] = {}
    last = -distance
    for at, name in sorted(places):
        last = max(at - 2, last + distance)
        placed[name] = last
    return placed


# Ratios with intervals.


def forest(group: Record, threshold: float) -> Markup:
    """Ratios to the reference on a logarithmic axis; behind them what is called equal, and the control's interval."""
    rows = [(variant_name(v), v["cpu"], v["verdict"], v["style"]) for v in group["variants"] if "cpu" in v]
    control = group["control"]
    row, left, right, top, bottom = 24, 210, 120, 8, 40
    height = top + row * (len(rows) + 1) + bottom
    low = min(0.97, control["low"], *(cpu["low"] for _, cpu, _, _ in rows))
    high = max(1.05, control["high"], *(cpu["high"] for _, cpu, _, _ in rows))
    x = logarithmic(left, WIDTH - right, low, high)
    told = "; ".join(f"{name} {times(cpu['ratio'])}" for name, cpu, _, _ in rows)
    parts = [_open(height, f"Ratios to {group['reference']}: {told}.")]
    foot = height - bottom
    parts.append(_rect("equal", x(1 / (1 + threshold)), top, x(1 + threshold) - x(1 / (1 + threshold)), foot - top))
    parts.append(_rect("noise", x(control["low"]), top, x(control["high"]) - x(control["low"]), foot - top))
    parts += [_below(x, tick, foot, f"{tick:g}×", top) for tick in x.ticks]
    parts += _interval(x, top + row // 2, "the same again", control, verdict="control", css="s0")
    for number, (name, cpu, verdict, style) in enumerate(rows, 1):
        css = STYLE_CLASSES.get(style, "s1")
        parts += _interval(x, top + row * number + row // 2, name, cpu, verdict=verdict, css=css)
    return _close(parts)


def _interval(x: Axis, y: float, name: str, found: Record, *, verdict: str, css: str) -> list[Markup]:
    return [
        _text("row", x.start - 12, y + 5, name, "end"),
        Markup('<line class="whisker {}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            css, x(found["low"]), x(found["high"]), y, y
        ),
        Markup('<rect class="dot {}" x="{}" y="{}" width="7" height="7"/>').format(
            css, x(found["ratio"]) - 3.5, y - 3.5
        ),
        _text("value", x.end + 12, y + 5, f"{times(found['ratio'])}×  {_short(verdict)}"),
    ]


def _short(verdict: str) -> str:
    return {"inconclusive": "unclear", "control": ""}.get(verdict, verdict)


def controls(groups: Sequence[Record]) -> Markup:
    """Identical code against itself, group by group: what the machine's noise looked like."""
    row, left, right, top, bottom = 24, 300, 120, 8, 40
    height = top + row * len(groups) + bottom
    x = logarithmic(
        left,
        WIDTH - right,
        min(0.99, *(group["control"]["low"] for group in groups)),
        max(1.01, *(group["control"]["high"] for group in groups)),
    )
    told = "; ".join(f"{group['name']} {times(group['control']['ratio'])}" for group in groups)
    parts = [_open(height, f"Identical code against itself: {told}.")]
    parts += [_below(x, tick, height - bottom, f"{tick:g}×", top) for tick in x.ticks]
    for number, group in enumerate(groups):
        control, y = group["control"], top + row * number + row // 2
        css = "s0" if control["passed"] else "bad"
        parts += [
            _text("row", left - 12, y + 5, group["name"], "end"),
            Markup('<line class="whisker {}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                css, x(control["low"]), x(control["high"]), y, y
            ),
            Markup('<rect class="dot {}" x="{}" y="{}" width="7" height="7"/>').format(
                css, x(control["ratio"]) - 3.5, y - 3.5
            ),
            _text("value", x.end + 12, y + 5, f"sees {share(control['smallest'])}"),
        ]
    return _close(parts)


def drift(group: Record) -> Markup:
    """The control over time: each mark is a stretch of one process, its middle and the middle half of the pairs."""
    points = group["control"]["drift"]
    height, left, right, top, bottom = 220, 64, 16, 12, 40
    # The middle half may be wide on a busy machine; the middles are what the estimate is made of.
    spread = max(max(abs(log(point["middle"])) for point in points) * 2.5, 0.01)
    y = logarithmic(height - bottom, top, 2.718281828**-spread, 2.718281828**spread)
    x = linear(left, WIDTH - right, 0, max(point["at_s"] for point in points) or 1.0, wanted=6)
    parts = [_open(height, "Identical code against itself over time, by process.")]
    parts += [_across(y, tick, left, WIDTH - right, f"{tick:g}×") for tick in y.ticks]
    parts += [_below(x, tick, height - bottom, f"{tick:g} s") for tick in x.ticks]
    for point in points:
        css = f"p{point['process'] % 4}"
        parts.append(
            Markup('<line class="spread {0}" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/>').format(
                css, x(point["at_s"]), y(point["low"]), y(point["high"])
            )
        )
        parts.append(
            Markup('<circle class="dot {}" cx="{}" cy="{}" r="3"/>').format(css, x(point["at_s"]), y(point["middle"]))
        )
    return _close(parts)


# Bars.


def chunk_bars(chunks: Sequence[Record]) -> Markup:
    """What a layer adds to each chunk of a stream."""
    rows = [(f"{style_name(c['style'])}, {c['loop']}", c) for c in chunks]
    return _bars(
        [
            (name, c["us_per_layer_and_chunk"], c["low"], c["high"], STYLE_CLASSES.get(c["style"], "s1"))
            for name, c in rows
        ],
        "What one layer adds to each chunk",
        microseconds,
    )


def ladder_bars(group: Record) -> Markup:
    """What a request costs through each client, the application being next to nothing."""
    bare = group["variants"][0]["us"]
    rows = [
        (v["name"], v["us"], v["us"], v["us"], "s1" if v["name"] == "InProcess" else "s0") for v in group["variants"]
    ]
    return _bars(rows, "Time for a request through each client", lambda us: f"{microseconds(us)} · {times(us / bare)}×")


def _bars(rows: Sequence[tuple[str, float, float, float, str]], about: str, say: Callable[[float], str]) -> Markup:
    row, left, right, top, bottom = 30, 250, 130, 6, 34
    height = top + row * len(rows) + bottom
    x = linear(left, WIDTH - right, 0, max(max(value, high) for _, value, _, high, _ in rows) or 1.0)
    told = "; ".join(f"{name} {say(value)}" for name, value, *_ in rows)
    parts = [_open(height, f"{about}: {told}.")]
    parts += [_below(x, tick, height - bottom, f"{tick:,g} µs" if tick else "0", top) for tick in x.ticks]
    for number, (name, value, low, high, css) in enumerate(rows):
        y = top + row * number + 6
        parts.append(_text("row", left - 12, y + 13, name, "end"))
        parts.append(_rect(f"bar {css}", left, y, max(x(value) - left, 1.0), 17))
        if high > low:
            parts.append(
                Markup('<line class="whisker ink" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                    x(low), x(high), y + 8.5, y + 8.5
                )
            )
        parts.append(_text("value", x(max(value, high)) + 8, y + 13, say(value)))
    return _close(parts)


def stacked(rows: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> Markup:
    """What a request is made of: one bar a row, one colour a part; the legend is the page's."""
    row, left, right, top, bottom = 34, 210, 90, 6, 34
    height = top + row * len(rows) + bottom
    x = linear(left, WIDTH - right, 0, max(sum(part for _, part in parts) for _, parts in rows))
    told = "; ".join(
        f"{name}: " + ", ".join(f"{what} {microseconds(us)}" for what, us in parts) for name, parts in rows
    )
    found = [_open(height, f"What a request is made of. {told}.")]
    found += [_below(x, tick, height - bottom, f"{tick:,g} µs" if tick else "0", top) for tick in x.ticks]
    for number, (name, parts) in enumerate(rows):
        y, at = top + row * number + 6, 0.0
        found.append(_text("row", left - 12, y + 16, name, "end"))
        for what, us in parts:
            found.append(_rect(f"part {what}", x(at), y, max(x(at + us) - x(at), 0.6), 21))
            at += us
        found.append(_text("value", x(at) + 8, y + 16, microseconds(at)))
    return _close(found)


# Pieces of SVG.


def _open(height: float, label: str) -> Markup:
    return Markup('<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">').format(
        WIDTH, height, visible(label)
    )


def _close(parts: Sequence[Markup]) -> Markup:
    return Markup("\n").join([*parts, Markup("</svg>")])


def _text(css: str, x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        css, x, y, anchor, visible(text)
    )


def _rect(css: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        css, x, y, max(width, 0.0), height
    )


def _across(y: Axis, tick: float, left: float, right: float, label: str) -> Markup:
    at = y(tick)
    return Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(left, right, at, at) + _text(
        "tick", left - 8, at + 5, label, "end"
    )


def _below(x: Axis, tick: float, foot: float, label: str, top: float | None = None) -> Markup:
    at = x(tick)
    line = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        at, at, foot if top is None else top, foot + 4
    )
    return line + _text("tick", at, foot + 19, label, "middle")


def _pairs(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
