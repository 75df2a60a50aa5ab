"""Paired differences: interval, verdict, and how many pairs decide."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from daemon.insight.paired_difference import (
    MeanEstimate,
    Verdict,
    judge,
    mean_estimate,
    paired_difference,
    pairs_to_decide,
    power,
    smallest_difference,
)


def estimate(mean: float, half: float, n: int = 6) -> MeanEstimate:
    return MeanEstimate(mean=mean, n=n, sd=0.01, interval=(mean - half, mean + half))


def test_the_interval_is_that_of_the_paired_t_test() -> None:
    arm, random = [0.71, 0.74, 0.69, 0.78], [0.70, 0.70, 0.68, 0.72]

    found = paired_difference(arm, random)

    wanted = stats.ttest_rel(arm, random).confidence_interval(0.95)
    assert found.mean == pytest.approx(0.03)
    assert found.interval == pytest.approx((wanted.low, wanted.high))


def test_one_pair_has_no_interval() -> None:
    assert paired_difference([0.7], [0.6]).interval is None


@pytest.mark.parametrize("values", [[], [0.1, float("nan")]])
def test_a_mean_of_nothing_or_of_nan_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite figures"):
        mean_estimate(values)


def test_pairs_of_unequal_number_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_difference([0.7, 0.8], [0.6])


def test_the_interval_covers_the_true_difference_in_95_of_100_studies() -> None:
    rng = np.random.default_rng(0)
    studies = rng.normal(0.02, 0.03, (2000, 5))

    intervals = [mean_estimate(list(study)).interval for study in studies]

    held = np.mean([low <= 0.02 <= high for low, high in filter(None, intervals)])
    assert held == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("difference", "band", "verdict"),
    [
        (estimate(0.03, 0.01), 0.02, Verdict.BETTER),
        (estimate(0.03, 0.01), None, Verdict.BETTER),
        (estimate(-0.03, 0.01), 0.02, Verdict.WORSE),
        (estimate(0.03, 0.04), 0.02, Verdict.WITHIN_NOISE),
        (estimate(0.03, 0.01), 0.035, Verdict.WITHIN_NOISE),
        (estimate(0.03, 0.03), None, Verdict.WITHIN_NOISE),
        (estimate(0.03, 0.01, n=2), None, Verdict.NOT_ENOUGH_PAIRS),
    ],
)
def test_a_difference_counts_outside_its_interval_and_the_noise(
    difference: MeanEstimate, band: float | None, verdict: Verdict
) -> None:
    assert judge(difference, band) is verdict


@pytest.mark.parametrize(
    ("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10), (3 / 6.7, 42)]
)
def test_the_number_of_pairs_is_that_of_power_tables(effect: float, pairs: int) -> None:
    # Two-sided, 5 %, power 0.8: the values of G*Power; the last: specs of noise on soy
    assert pairs_to_decide(effect, 1.0) == pairs
    assert pairs_to_decide(-effect * 0.01, 0.01) == pairs


def test_no_number_of_pairs_shows_that_there_is_no_difference() -> None:
    assert pairs_to_decide(0.0, 0.01) is None
    assert pairs_to_decide(0.0001, 0.1) is None  # over a thousand
    assert pairs_to_decide(0.1, 0.0) == 2


@pytest.mark.parametrize(("effect", "pairs"), [(0.3, 2), (1.0, 6), (0.5, 30)])
def test_power_is_that_of_the_noncentral_t_distribution(effect: float, pairs: int) -> None:
    shift, limit = effect * np.sqrt(pairs), stats.t.ppf(0.975, pairs - 1)
    wanted = stats.nct.sf(limit, pairs - 1, shift) + stats.nct.cdf(-limit, pairs - 1, shift)

    assert power(effect, pairs) == pytest.approx(wanted, abs=1e-6)


def test_the_smallest_difference_is_found_with_power_08() -> None:
    found = smallest_difference(0.02, 6)

    assert power(found / 0.02, 6) == pytest.approx(0.8, abs=1e-6)
