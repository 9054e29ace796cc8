"""The statistics of paired batches, on data whose truth is known."""

import math
import random

import pytest

from asgi_conformance.bench.stats import (
    Comparison,
    Estimate,
    compare,
    differences,
    estimate,
    log_ratios,
    mean_interval,
    median,
    slope,
    student,
)


def drawn(seed, difference=0.0, *, processes=6, pairs=200, within=0.05, between=0.001):
    """Log ratios as processes give them: each shifted for as long as it lives, each pair noisy."""
    draw = random.Random(seed)
    shifts = [draw.gauss(difference, between) for _ in range(processes)]
    return [[draw.gauss(shift, within) for _ in range(pairs)] for shift in shifts]


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [(0.975, 1, 12.706), (0.975, 2, 4.303), (0.995, 4, 4.604), (0.995, 5, 4.032), (0.995, 11, 3.106), (0.8, 4, 0.941)],
)
def test_quantiles_of_student_are_those_of_the_tables(probability, freedom, quantile):
    assert student(probability, freedom) == pytest.approx(quantile, abs=0.0006)
    assert student(1 - probability, freedom) == pytest.approx(-quantile, abs=0.0006)


def test_the_median_is_the_middle_or_between_the_two():
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2.5


def test_rounds_in_which_one_had_no_turn_are_left_out():
    assert log_ratios([2.0, None, 8.0], [1.0, 1.0, None]) == [math.log(2)]
    assert differences([2.0, None, 8.0], [1.0, 1.0, 5.0]) == [1.0, 3.0]


def test_the_drawn_median_of_a_resample_is_distributed_like_that_of_real_resamples():
    draw = random.Random(1)
    pairs = sorted(draw.gauss(0, 1) for _ in range(101))
    real = sorted(median(draw.choices(pairs, k=101)) for _ in range(2000))
    # One process twice: what is left is the spread within it.
    found = estimate([pairs, pairs], replicates=1000)
    spread = math.sqrt(sum(value**2 for value in real) / 2000 - (sum(real) / 2000) ** 2)
    assert found.error == pytest.approx(spread, rel=0.15)  # halved by two processes, doubled by the correction


def test_identical_code_is_hardly_ever_called_different():
    alarms = sum(estimate(drawn(seed), replicates=100).excludes_one for seed in range(60))
    assert alarms <= 3  # at a confidence of 99 %


def test_a_difference_is_found_and_its_size_told():
    found = estimate(drawn(1, math.log(1.02)), replicates=300)
    assert found.low < 1.02 < found.high
    assert found.excludes_one
    assert found.smallest < math.log(1.02)


def test_the_same_data_give_the_same_interval():
    assert estimate(drawn(1)) == estimate(drawn(1))


def test_more_comparisons_at_once_need_a_wider_interval():
    assert estimate(drawn(1), comparisons=20).half > estimate(drawn(1)).half


def test_one_process_is_no_basis_for_an_interval():
    with pytest.raises(ValueError, match="two processes"):
        estimate([[0.0, 0.1]])


def found(value, half, error=0.001):
    return Estimate(value, error, half, half * 1.3, 6, 1000)


@pytest.mark.parametrize(
    ("estimated", "control", "verdict"),
    [
        (found(0.02, 0.005), found(0.0, 0.002), Comparison.SLOWER),
        (found(-0.02, 0.005), found(0.0, 0.002), Comparison.FASTER),
        (found(0.0005, 0.001), found(0.0, 0.002), Comparison.EQUAL),
        (found(0.002, 0.01), found(0.0, 0.002), Comparison.INCONCLUSIVE),
        (found(0.0022, 0.001), found(0.0, 0.002), Comparison.INCONCLUSIVE),  # sure, and of no importance
        (found(0.006, 0.004), found(0.0, 0.009, 0.003), Comparison.INCONCLUSIVE),  # within the control's noise
        (found(0.02, 0.005), found(0.01, 0.002), Comparison.REFUSED),
    ],
)
def test_a_verdict_needs_certainty_importance_and_a_control_that_holds(estimated, control, verdict):
    assert compare(estimated, control, threshold=0.0025) is verdict


def test_a_slope_is_that_of_the_least_squares():
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)


def test_an_interval_of_few_values_is_wide():
    assert mean_interval([1.0])[1:] == (-math.inf, math.inf)
    mean, low, high = mean_interval([1.0, 2.0, 3.0], confidence=0.95)
    assert (mean, low, high) == pytest.approx((2.0, 2 - 2.484, 2 + 2.484), abs=0.001)
