"""Statistics of paired batches: one estimate a process, an interval over processes, a verdict that may be none.

What is compared is the logarithm of the ratio of two batches of the same round. A process is one draw: the layout of
its memory and its hash seed shift ratios for as long as it lives. So the interval is over processes.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

REPLICATES = 1000
MOST_FREEDOM = 30  # beyond, Student's quantiles hardly change
POWER = 0.8  # "could have been seen" means: four times out of five


class Comparison(StrEnum):
    """What may be said about a difference."""

    FASTER = "faster"
    SLOWER = "slower"
    EQUAL = "equal"  # within the practical threshold
    INCONCLUSIVE = "inconclusive"  # the interval is too wide to say any of these
    REFUSED = "refused"  # the control of the same run failed


@dataclass(frozen=True, slots=True)
class Estimate:
    """A logarithm of a ratio, its standard error, and its interval.

    `half` is half the width of the interval; `smallest` is the smallest difference that would have been told from
    none four times out of five.
    """

    value: float
    error: float
    half: float
    smallest: float
    processes: int
    pairs: int

    @property
    def ratio(self) -> float:
        """The ratio itself."""
        return math.exp(self.value)

    @property
    def low(self) -> float:
        """The lower end of the interval of the ratio."""
        return math.exp(self.value - self.half)

    @property
    def high(self) -> float:
        """The upper end of the interval of the ratio."""
        return math.exp(self.value + self.half)

    @property
    def excludes_one(self) -> bool:
        """Whether the interval says that the two differ."""
        return abs(self.value) > self.half


def median(values: Sequence[float]) -> float:
    """The middle value, or the middle of the two."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def log_ratios(times: Sequence[float | None], reference: Sequence[float | None]) -> list[float]:
    """The logarithm of the ratio, for each round in which both had a turn."""
    pairs = zip(times, reference, strict=True)
    return [math.log(one / other) for one, other in pairs if one is not None and other is not None]


def differences(times: Sequence[float | None], reference: Sequence[float | None]) -> list[float]:
    """The difference, for each round in which both had a turn."""
    pairs = zip(times, reference, strict=True)
    return [one - other for one, other in pairs if one is not None and other is not None]


def estimate(
    processes: Sequence[Sequence[float]],
    *,
    confidence: float = 0.99,
    comparisons: int = 1,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Estimate:
    """The mean over processes of the median over pairs, with the interval of a hierarchical bootstrap.

    Processes are drawn with replacement, and pairs within them. The spread of the replicates is widened as Student
    does it for a spread that few processes tell, which a bootstrap alone ignores, and for the number of
    `comparisons` that are made at once (Bonferroni).

    Args:
        processes: for each process its log ratios; at least two processes.
        confidence: of the interval.
        comparisons: how many intervals the reader looks at together.
        replicates: how many times is drawn.
        seed: of the drawing; the same data give the same interval.
    """
    count = len(processes)
    if count < 2:
        raise ValueError("an interval needs at least two processes")
    ordered = [sorted(pairs) for pairs in processes]
    medians = [median(pairs) for pairs in ordered]
    value = sum(medians) / count
    draw = random.Random(seed)  # noqa: S311 - statistics
    means = []
    for _ in range(replicates):
        chosen = draw.choices(ordered, k=count)
        means.append(sum(_median_of_resample(pairs, draw) for pairs in chosen) / count)
    # A bootstrap over n processes knows their spread with the divisor n; n - 1 is the unbiased one.
    error = math.sqrt(_variance(means) * count / (count - 1))
    freedom = _freedom(ordered, medians, draw)
    quantile = student(1 - (1 - confidence) / comparisons / 2, freedom)
    smallest = (quantile + student(POWER, freedom)) * error
    return Estimate(value, error, quantile * error, smallest, count, sum(map(len, processes)))


def _freedom(ordered: Sequence[Sequence[float]], medians: Sequence[float], draw: random.Random) -> int:
    """How well the spread is known (Satterthwaite): that of pairs from thousands, that between processes from few."""
    count = len(ordered)
    within = sum(_variance([_median_of_resample(pairs, draw) for _ in range(60)]) for pairs in ordered) / count
    between = max(_variance(medians) - within, 0.0)
    if between == 0.0:
        return MOST_FREEDOM
    whole = (between + within) ** 2
    return max(count - 1, min(MOST_FREEDOM, math.floor((count - 1) * whole / between**2)))


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _median_of_resample(ordered: Sequence[float], draw: random.Random) -> float:
    """The median of as many draws with replacement, in one draw.

    The k-th smallest of n uniform numbers follows the beta distribution with k and n + 1 - k; the k-th smallest of n
    draws from `ordered` is the element at that quantile.
    """
    count = len(ordered)
    rank = count // 2 + 1
    return ordered[min(int(draw.betavariate(rank, count + 1 - rank) * count), count - 1)]


def mean_interval(values: Sequence[float], *, confidence: float = 0.99) -> tuple[float, float, float]:
    """The mean and the ends of Student's interval, for one value a process."""
    count = len(values)
    mean = sum(values) / count
    if count < 2:
        return mean, -math.inf, math.inf
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / (count - 1) / count)
    half = student(1 - (1 - confidence) / 2, count - 1) * error
    return mean, mean - half, mean + half


def compare(found: Estimate, control: Estimate, *, threshold: float, factor: float = 3.0) -> Comparison:
    """What may be said: a difference has to be sure, larger than the control's noise, and worth a word.

    Args:
        found: the comparison.
        control: identical code, compared in the same rounds.
        threshold: a difference below it is of no practical importance (0.0025 is a quarter of a percent).
        factor: how many times the control's spread a difference has to exceed.
    """
    if control.excludes_one:
        return Comparison.REFUSED
    at_least = max(math.log1p(threshold), factor * control.error)
    if found.excludes_one and abs(found.value) > at_least:
        return Comparison.SLOWER if found.value > 0 else Comparison.FASTER
    if abs(found.value) + found.half <= math.log1p(threshold):
        return Comparison.EQUAL
    return Comparison.INCONCLUSIVE


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the line of least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    below = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / below


@lru_cache(maxsize=256)
def student(probability: float, freedom: int) -> float:
    """The quantile of Student's distribution, by bisection of its finite series for whole degrees of freedom."""
    low, high = 0.0, 1e6
    mirrored = max(probability, 1 - probability)
    for _ in range(200):
        middle = (low + high) / 2
        if _student_below(middle, freedom) < mirrored:
            low = middle
        else:
            high = middle
    return low if probability >= 0.5 else -low


def _student_below(t: float, freedom: int) -> float:
    """The probability of a value below `t`, which is not negative."""
    angle = math.atan2(t, math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    term, total = (1.0, 1.0) if freedom % 2 == 0 else (cosine, cosine)
    if freedom == 1:
        return 0.5 + angle / math.pi
    for k in range(2 if freedom % 2 == 0 else 3, freedom, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    both = sine * total if freedom % 2 == 0 else 2 / math.pi * (angle + sine * total)
    return 0.5 + both / 2
