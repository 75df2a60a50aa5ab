"""Images that arrive after the validation draw, against the validation images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from daemon.rules import validation_drift as rule
from daemon.rules.validation_drift import validation_drift


def images(n: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Unit vectors (n, 16) around a direction; shift: how far theirs is turned."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 16)) + np.r_[2.0, shift, np.zeros(14)]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_images_of_the_same_kind_are_no_drift() -> None:
    found = validation_drift(images(30, 0), images(300, 1), images(100, 2))

    assert found is not None
    assert (found.validation, found.earlier, found.added) == (30, 300, 100)
    assert not found.drifted
    assert found.far < 0.12


def test_images_of_another_kind_are_drift() -> None:
    found = validation_drift(images(30, 0), images(300, 1), images(100, 2, shift=3.0))

    assert found is not None
    assert found.drifted
    assert found.far > 0.15
    assert found.p < 1e-6


def test_a_false_alarm_is_as_rare_as_the_level_says() -> None:
    pool = images(30 + 60 + 40, 7)
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(600):
        mixed = pool[rng.permutation(len(pool))]
        found = validation_drift(mixed[:30], mixed[30:90], mixed[90:])
        assert found is not None
        alarms += found.p < 0.01

    assert alarms <= 13  # 6 expected; more than 13 in one of a hundred tries


def test_the_chance_is_that_of_mann_and_whitney_with_ties() -> None:
    rng = np.random.default_rng(0)
    after, before = rng.integers(0, 12, 40).astype(float), rng.integers(0, 10, 70).astype(float)

    wanted = stats.mannwhitneyu(after, before, alternative="greater", method="asymptotic").pvalue
    assert rule._chance_of_larger(after, before) == pytest.approx(wanted)


def test_equal_images_are_no_drift() -> None:
    one = images(1, 0)

    found = validation_drift(one, one.repeat(25, axis=0), one.repeat(25, axis=0))

    assert found is not None
    assert (found.p, found.far, found.drifted) == (1.0, 0.0, False)


@pytest.mark.parametrize(
    ("validation", "earlier", "added"), [(0, 50, 50), (9, 19, 50), (9, 50, 19)]
)
def test_of_few_images_nothing_is_said(validation: int, earlier: int, added: int) -> None:
    found = validation_drift(images(validation, 0), images(earlier, 1), images(added, 2))

    assert found is None
