"""A picture of a benchmark comparison: a box for the middle half of each variant's times, a line at the median."""

from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup

from .benchmarks import BenchmarkRow, Benchmarks
from .text import visible

ROW, AXIS, TOP = 46, 30, 6  # pixels
LABEL = 40  # characters: what a telephone has room for
LEFT, SPAN = 1.0, 92.0  # percent: the width follows the page, and letters keep their size


@dataclass(frozen=True, slots=True)
class _Scale:
    """From microseconds to percent of the width, starting at nought, so that lengths compare like the times."""

    top: float
    step: float

    def __call__(self, value: float) -> str:
        return f"{LEFT + SPAN * value / self.top:.2f}%"


def boxplot(benchmarks: Benchmarks) -> Markup:
    """Inline SVG without size in letters: colours come from the page's style, numbers from the table beside it."""
    scale = _scale(max(max(row.q3_us, row.median_us) for row in benchmarks.rows))
    bottom = TOP + ROW * len(benchmarks.rows)
    told = "; ".join(f"{row.label} {row.median_us:,.1f} µs" for row in benchmarks.rows)
    parts = [
        Markup('<svg class="plot" role="img" width="100%" height="{}" aria-label="{}">').format(
            bottom + AXIS, visible(f"Medians: {told}. The table has the numbers.")
        )
    ]
    parts += [_tick(scale, index * scale.step, bottom) for index in range(round(scale.top / scale.step) + 1)]
    parts += [_row(scale, row, TOP + ROW * index, benchmarks.ratio(row)) for index, row in enumerate(benchmarks.rows)]
    return Markup("\n").join([*parts, Markup("</svg>")])


def _row(scale: _Scale, row: BenchmarkRow, y: int, ratio: float) -> Markup:
    return Markup(
        '<text class="name" x="1%" y="{text}">{label}<tspan class="value" dx="10">{beside}</tspan></text>'
        '<rect class="bar" x="{zero}" y="{bar}" width="{length}" height="14"/>'
        '<rect class="box" x="{q1}" y="{box}" width="{width}" height="18"/>'
        '<line class="median" x1="{median}" x2="{median}" y1="{box}" y2="{end}"/>'
    ).format(
        text=y + 14,
        bar=y + 22,
        box=y + 20,
        end=y + 38,
        label=visible(row.label if len(row.label) <= LABEL else f"{row.label[: LABEL - 1]}…"),
        beside=f"{ratio:.2f}\N{MULTIPLICATION SIGN}",
        zero=scale(0),
        length=f"{SPAN * row.median_us / scale.top:.2f}%",
        q1=scale(row.q1_us),
        width=f"{max(SPAN * row.iqr_us / scale.top, 0.3):.2f}%",
        median=scale(row.median_us),
    )


def _tick(scale: _Scale, value: float, bottom: int) -> Markup:
    return Markup(
        '<line class="tick" x1="{x}" x2="{x}" y1="0" y2="{bottom}"/><text class="tick" x="{x}" y="{y}">{label}</text>'
    ).format(x=scale(value), bottom=bottom, y=bottom + 18, label=f"{value:,g} µs" if value else "0")


def _scale(longest: float) -> _Scale:
    """At most five ticks at round numbers."""
    if not longest > 0:
        return _Scale(1.0, 1.0)
    rough = longest / 4
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return _Scale(ceil(longest / step) * step, step)
