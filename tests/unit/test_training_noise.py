"""The noise of one training, from trainings on the same labels."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.insight.training_noise import difference_band, training_noise


def test_variance_is_pooled_by_degrees_of_freedom() -> None:
    # squares within: 2 (of 1, 3) and 6 (of 4, 6, 4, 6, 5 is 4): 2 + 4 over 1 + 4
    noise = training_noise([[1.0, 3.0], [4.0, 6.0, 4.0, 6.0, 5.0], [9.0]])

    assert noise is not None
    assert noise.sd == pytest.approx(np.sqrt(6 / 5))
    assert (noise.freedom, noise.groups, noise.trainings) == (5, 2, 7)


def test_without_repeated_trainings_the_noise_is_unknown() -> None:
    assert training_noise([[0.7], [0.8]]) is None


def test_the_band_holds_95_of_100_differences_that_only_training_makes() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(1500):
        noise = training_noise(rng.normal(0.7, 0.01, (3, 3)))
        assert noise is not None
        difference = rng.normal(0, 0.01, (2, 4)).mean(axis=1)
        held.append(abs(difference[0] - difference[1]) <= difference_band(noise, pairs=4))

    assert np.mean(held) == pytest.approx(0.95, abs=0.017)
