"""What a learning curve reaches with how many labels."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.insight.label_efficiency import labels_saved, labels_to_reach, normalised_area

LABELS = [16, 32, 64]


def test_the_area_is_the_mean_height_over_the_labels() -> None:
    # trapezoids: 16 * 0.5 + 32 * 0.7 = 30.4, over 48
    assert normalised_area(LABELS, [0.4, 0.6, 0.8]) == pytest.approx(30.4 / 48)


@pytest.mark.parametrize("figures", [[0.4, None, 0.8], [None, None, None]])
def test_a_curve_with_a_gap_has_no_area(figures: list[float | None]) -> None:
    assert normalised_area(LABELS, figures) is None


def test_one_point_has_no_area() -> None:
    assert normalised_area([16], [0.4]) is None


@pytest.mark.parametrize(
    ("level", "labels"), [(0.7, 48), (0.6, 32), (0.5, 24), (0.4, 16), (0.1, 16), (0.81, None)]
)
def test_a_level_is_reached_on_the_straight_line_between_points(
    level: float, labels: float | None
) -> None:
    found = labels_to_reach(LABELS, [0.4, 0.6, 0.8], level)

    assert found == (None if labels is None else pytest.approx(labels))


def test_what_was_reached_stays_reached_when_the_curve_falls() -> None:
    assert labels_to_reach(LABELS, [0.4, 0.7, 0.5], 0.6) == pytest.approx(16 + 16 * 2 / 3)


def test_labels_are_saved_at_the_highest_level_that_both_reach() -> None:
    arm, baseline = np.array([[0.4, 0.7, 0.8]] * 3), np.array([[0.4, 0.5, 0.7]] * 3)

    saved = labels_saved(LABELS, arm, baseline, np.random.default_rng(0))

    assert (saved.level, saved.labels, saved.baseline_labels) == pytest.approx((0.7, 32, 64))
    assert saved.saved == pytest.approx(32)
    assert saved.interval == pytest.approx((32, 32))  # the pairs agree
    against = labels_saved(LABELS, baseline, arm, np.random.default_rng(0))
    assert against.saved == pytest.approx(-32)


def test_two_pairs_have_no_interval() -> None:
    curves = np.array([[0.4, 0.7, 0.8], [0.4, 0.6, 0.8]])

    assert labels_saved(LABELS, curves, curves, np.random.default_rng(0)).interval is None


def test_the_interval_depends_on_the_rng_alone() -> None:
    rng = np.random.default_rng(1)
    arm, baseline = rng.uniform(0.5, 0.8, (2, 5, 3))

    first, second = (
        labels_saved(LABELS, arm, baseline, np.random.default_rng(7)) for _ in range(2)
    )

    assert first == second
    assert first.interval is not None
    assert first.interval[0] < first.saved < first.interval[1]


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        (np.zeros((0, 3)), "expected"),
        (np.zeros((2, 2)), "expected"),
        (np.full((3, 3), np.nan), "NaN"),
    ],
)
def test_curves_that_are_no_pairs_are_refused(arm: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        labels_saved(LABELS, arm, np.zeros_like(arm), np.random.default_rng(0))


def test_the_interval_of_six_pairs_covers_what_the_benchmark_found() -> None:
    # tests/benchmarks/labels_saved_coverage.py has more cases and draws
    rng, labels = np.random.default_rng(0), np.array([16.0, 32.0, 48.0, 64.0])
    mean = 0.8 - 0.2 * np.exp(-(labels - 16) / 30)
    ahead = mean + np.array([0, 0.03, 0.03, 0.03])
    truth = labels_saved(labels, ahead[None], mean[None], rng).saved
    held = []
    for _ in range(60):
        arm, baseline = (curve + rng.normal(0, 0.01, (6, 4)) for curve in (ahead, mean))
        interval = labels_saved(labels, arm, baseline, rng).interval
        assert interval is not None
        held.append(interval[0] <= truth <= interval[1])

    assert np.mean(held) >= 0.83  # 0.94 less three standard errors
