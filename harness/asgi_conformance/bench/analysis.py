"""From the samples of several processes to the numbers of a report: plain records, ready for JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asgi_conformance.bench import stats
from asgi_conformance.bench.scenarios import Group
from asgi_conformance.bench.stats import Comparison, Estimate

Samples = list[dict[str, Any]]  # of one group: what each process measured
BINS = 8  # of the rounds of one process, to show how the machine drifted


@dataclass(frozen=True, slots=True)
class Rules:
    """When a difference is called one.

    Args:
        confidence: of the intervals, for all comparisons of a group together.
        threshold: differences below it are of no practical importance.
        factor: how many times the control's spread a difference has to exceed.
    """

    confidence: float = 0.99
    threshold: float = 0.0025
    factor: float = 3.0


def by_group(processes: Sequence[Sequence[dict[str, Any]]]) -> list[Samples]:
    """What :func:`sample_in_processes` gave, group by group."""
    return [list(samples) for samples in zip(*processes, strict=True)]


def group_record(group: Group, samples: Samples, rules: Rules, *, controls: int = 1) -> dict[str, Any]:
    """Everything about one group; `controls` is how many groups the run has, whose controls may fail by chance."""
    compared = max(1, len(group.variants) - 2)
    control = _estimate(samples, 1, "cpu", rules.confidence, controls)
    return {
        "name": group.name,
        "framework": group.framework,
        "workload": group.workload.name,
        "chunks": group.workload.chunks,
        "concurrency": group.workload.concurrency,
        "loop": group.loop,
        "spec_version": group.spec_version,
        "clock": group.clock,
        "rounds": sum(len(sample["at"]) for sample in samples),
        "reference": group.variants[0].name,
        "control": interval(control) | {"passed": not control.excludes_one, "drift": _drift(samples)},
        "variants": [
            _variant(group, samples, number, rules, control=control, compared=compared) for number in _shown(group)
        ],
        "slopes": [slope_record(group, samples, style) for style in _styles(group)],
        "twins": [_twin(group, samples, pair, rules, control=control) for pair in _twins(group)],
    }


def _twins(group: Group) -> list[tuple[int, int]]:
    """One layer of each style against one layer of each style before it: which style is cheaper, asked directly."""
    single = [number for number, variant in enumerate(group.variants) if variant.layers == 1]
    return [(one, other) for index, one in enumerate(single) for other in single[:index]]


def _twin(group: Group, samples: Samples, pair: tuple[int, int], rules: Rules, *, control: Estimate) -> dict[str, Any]:
    one, other = pair
    ratios = [stats.log_ratios(sample["cpu"][one], sample["cpu"][other]) for sample in samples]
    found = stats.estimate(ratios, confidence=rules.confidence, comparisons=len(_twins(group)))
    verdict = stats.compare(found, control, threshold=rules.threshold, factor=rules.factor)
    names = {"variant": group.variants[one].name, "against": group.variants[other].name}
    return names | interval(found) | {"verdict": verdict.value}


def _shown(group: Group) -> list[int]:
    """All variants but the control."""
    return [0, *range(2, len(group.variants))]


def _variant(
    group: Group, samples: Samples, number: int, rules: Rules, *, control: Estimate, compared: int
) -> dict[str, Any]:
    variant = group.variants[number]
    cpu = [stats.median(_present(sample["cpu"][number])) / 1000 for sample in samples]
    wall = [stats.median(_present(sample["wall"][number])) / 1000 for sample in samples]
    added, added_low, added_high = stats.mean_interval(_added(samples, number))
    record: dict[str, Any] = {
        "name": variant.name,
        "style": variant.style,
        "layers": variant.layers,
        "us": sum(cpu) / len(cpu),
        "wall_us": sum(wall) / len(wall),
        "added_us": {"value": added, "low": added_low, "high": added_high},
        "batch": samples[0]["requests"][number],
    }
    if number == 0:
        return record | {"verdict": "reference"}
    found = _estimate(samples, number, "cpu", rules.confidence, compared)
    pairs = sorted(ratio for sample in samples for ratio in _log_ratios(sample, number, "cpu"))
    verdict = stats.compare(found, control, threshold=rules.threshold, factor=rules.factor)
    return record | {
        "verdict": verdict.value,
        "cpu": interval(found),
        "wall": interval(_estimate(samples, number, "wall", rules.confidence, compared)),
        "quartiles": [math.exp(pairs[len(pairs) // 4]), math.exp(pairs[3 * len(pairs) // 4])],
        "by_process": [math.exp(stats.median(_log_ratios(sample, number, "cpu"))) for sample in samples],
    }


def _estimate(samples: Samples, number: int, clock: str, confidence: float, comparisons: int) -> Estimate:
    return stats.estimate(
        [_log_ratios(sample, number, clock) for sample in samples], confidence=confidence, comparisons=comparisons
    )


def _log_ratios(sample: dict[str, Any], number: int, clock: str) -> list[float]:
    return stats.log_ratios(sample[clock][number], sample[clock][0])


def _present(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _added(samples: Samples, number: int) -> list[float]:
    """What the variant adds to the reference, in microseconds, process by process."""
    return [stats.median(stats.differences(sample["cpu"][number], sample["cpu"][0])) / 1000 for sample in samples]


def _styles(group: Group) -> list[str]:
    return list(dict.fromkeys(variant.style for variant in group.variants if variant.layers))


def _slopes(group: Group, samples: Samples, style: str) -> list[float]:
    """Microseconds a layer, process by process, as if all processes had taken the same time for the reference.

    A process may run on a slower core or in a slower hour; what is added then grows as what is there does.
    """
    numbers = [number for number, variant in enumerate(group.variants) if variant.style == style and variant.layers]
    added = {number: _added(samples, number) for number in numbers}
    bare = [stats.median(_present(sample["cpu"][0])) for sample in samples]
    mean = sum(bare) / len(bare)
    return [
        stats.slope([(0.0, 0.0), *((float(group.variants[n].layers), added[n][process]) for n in numbers)])
        * mean
        / bare[process]
        for process in range(len(samples))
    ]


def slope_record(group: Group, samples: Samples, style: str) -> dict[str, Any]:
    """What one layer of that style adds to a request."""
    value, low, high = stats.mean_interval(_slopes(group, samples, style))
    return {"style": style, "us_per_layer": value, "low": low, "high": high}


def chunk_costs(groups: Sequence[Group], samples: Sequence[Samples]) -> list[dict[str, Any]]:
    """What one layer adds to each chunk: what it adds to a stream beyond what it adds to a plain answer."""
    found = []
    for number, group in enumerate(groups):
        plain = _plain_sibling(groups, group)
        if not group.workload.chunks or plain is None:
            continue
        for style in _styles(group):
            pairs = zip(
                _slopes(group, samples[number], style), _slopes(groups[plain], samples[plain], style), strict=True
            )
            value, low, high = stats.mean_interval([(one - other) / group.workload.chunks for one, other in pairs])
            found.append(
                {
                    "framework": group.framework,
                    "workload": group.workload.name,
                    "loop": group.loop,
                    "spec_version": group.spec_version,
                    "style": style,
                    "us_per_layer_and_chunk": value,
                    "low": low,
                    "high": high,
                }
            )
    return found


def _plain_sibling(groups: Sequence[Group], group: Group) -> int | None:
    for number, other in enumerate(groups):
        same = (other.framework, other.loop, other.spec_version) == (group.framework, group.loop, group.spec_version)
        if same and other.workload.name == "plain" and other.framework:
            return number
    return None


def interval(found: Estimate) -> dict[str, Any]:
    """An estimate of a ratio as a record."""
    return {
        "ratio": found.ratio,
        "low": found.low,
        "high": found.high,
        "error": found.error,
        "smallest": math.exp(found.smallest) - 1,
        "pairs": found.pairs,
        "processes": found.processes,
    }


def _drift(samples: Samples) -> list[dict[str, Any]]:
    """The control over time: for stretches of each process's rounds the middle half and the middle of the ratio."""
    begun = min(sample["at"][0] for sample in samples)
    told = []
    for process, sample in enumerate(samples):
        ratios = _log_ratios(sample, 1, "cpu")
        size = max(1, len(ratios) // BINS)
        for first in range(0, size * min(BINS, len(ratios)), size):
            part = sorted(ratios[first : first + size])
            if part:
                told.append(
                    {
                        "process": process,
                        "at_s": round(sample["at"][first] - begun, 2),
                        "low": math.exp(part[len(part) // 4]),
                        "middle": math.exp(stats.median(part)),
                        "high": math.exp(part[3 * len(part) // 4]),
                    }
                )
    return told


def reliability(groups: Sequence[dict[str, Any]], load: float, cores: int) -> tuple[bool, str]:
    """Whether the run may be believed, and a sentence that says why, and how far."""
    failed = [group["name"] for group in groups if not group["control"]["passed"]]
    if failed:
        names = "; ".join(failed)
        return False, f"Not reliable: identical code differed from itself in {names}. Nothing there is judged."
    smallest = max(group["control"]["smallest"] for group in groups)
    busy = f" The machine was busy (load {load:.1f} on {cores} cores)." if load > cores + 0.5 else ""
    return True, (
        f"Reliable: identical code did not differ from itself in any of {len(groups)} comparisons. "
        f"Differences below {smallest:.1%} could not have been seen everywhere.{busy}"
    )


def called_different(record: dict[str, Any]) -> bool:
    """Whether a variant was judged to be faster or slower."""
    return record["verdict"] in {Comparison.FASTER, Comparison.SLOWER}
