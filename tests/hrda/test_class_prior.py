"""How common each class is, in the labels and in the pool."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.hrda.learning.class_prior import (
    Floats,
    LabeledPrior,
    combined_prior,
    expectation_maximisation,
    labeled_prior,
    pool_prior,
)

MEANS = np.array([0.0, 3.0, 6.0])  # of a feature of each class, with a spread of 1
TRAINED = np.array([0.85, 0.13, 0.02])


def said(share: Floats, assumed: Floats, seed: int = 0, pixels: int = 100_000) -> Floats:
    """(C, N): what a perfect network that takes `assumed` for true says of such pixels."""
    rng = np.random.default_rng(seed)
    value = rng.choice(MEANS, pixels, p=share) + rng.normal(size=pixels)
    likely = np.exp(-0.5 * (value - MEANS[:, None]) ** 2) * assumed[:, None]
    return np.asarray(likely / likely.sum(axis=0))


@pytest.mark.parametrize("weed", [0.002, 0.05, 0.3])
def test_the_shares_are_found_whatever_was_assumed(weed: float) -> None:
    share = np.array([0.6 - weed, 0.4, weed])
    found = expectation_maximisation(said(share, TRAINED), TRAINED)
    assert found == pytest.approx(share, rel=0.1, abs=0.001)
    assert abs(said(share, TRAINED).mean(axis=1) - share).max() > abs(found - share).max()


def test_an_overestimate_on_the_labeled_images_is_corrected() -> None:
    share = np.array([0.9, 0.09, 0.01])
    overestimated = said(share, TRAINED) * np.array([[1.0], [1.0], [4.0]])
    overestimated /= overestimated.sum(axis=0)
    labeled = said(TRAINED, TRAINED, seed=1) * np.array([[1.0], [1.0], [4.0]])
    labeled /= labeled.sum(axis=0)
    plain = expectation_maximisation(overestimated, TRAINED)
    corrected = pool_prior(overestimated, labeled.sum(axis=1), TRAINED, TRAINED)
    assert abs(np.log(corrected[2] / share[2])) < abs(np.log(plain[2] / share[2]))
    assert corrected.sum() == pytest.approx(1)


def test_a_class_without_labels_has_no_share() -> None:
    assumed = np.array([0.7, 0.3, 0.0])
    pool = said(np.array([0.4, 0.3, 0.3]), np.array([0.4, 0.3, 0.3]))
    found = pool_prior(pool, np.array([70.0, 28.0, 2.0]), np.array([70.0, 30.0, 0.0]), assumed)
    assert found[2] == 0
    assert np.isfinite(found).all()


@given(
    st.lists(st.just(0.0) | st.floats(1e-9, 1), min_size=3, max_size=3),
    st.lists(st.floats(0.01, 1), min_size=3, max_size=3),
    st.lists(st.floats(0, 3), min_size=3, max_size=3),
    st.floats(0.1, 2),
)
@settings(max_examples=200, deadline=None)
def test_the_prior_lies_between_the_labels_and_the_pool(
    labeled: list[float], pool: list[float], error: list[float], half: float
) -> None:
    if sum(labeled) == 0:
        return
    labels = LabeledPrior(share=np.array(labeled) / sum(labeled), relative_error=np.array(error))
    pool_share = np.array(pool) / sum(pool)
    combined = combined_prior(labels, pool_share, half)
    assert combined.sum() == pytest.approx(1)
    assert ((combined > 0) == (labels.share > 0)).all()
    present = labels.share > 0
    ratio, most = (
        combined[present] / labels.share[present],
        pool_share[present] / labels.share[present],
    )
    scale = np.prod(ratio) ** (1 / len(ratio))  # summing to 1 moves all of them alike
    assert (ratio / scale <= max(most.max(), 1) / min(most.min(), 1) * 1.001).all()


def test_the_pool_is_weighted_by_the_error_of_the_labeled_share() -> None:
    pool = np.array([0.65, 0.30, 0.05])
    shares = [
        combined_prior(LabeledPrior(share=TRAINED, relative_error=np.full(3, error)), pool, 0.5)[2]
        for error in (0.0, 0.1, 0.5, 5.0)
    ]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0.02)
    assert shares[2] == pytest.approx((0.02 * 0.05) ** 0.5, rel=0.05)  # half way, by factors
    assert shares[3] == pytest.approx(0.05, rel=0.05)


@given(st.integers(0, 2**32), st.integers(2, 40), st.floats(0.05, 1.0))
@settings(max_examples=30, deadline=None)
def test_the_error_is_the_spread_of_other_draws_of_labels(
    seed: int, images: int, often: float
) -> None:
    rng = np.random.default_rng(seed)
    weed = rng.integers(0, 300, images) * (rng.random(images) < often)
    pixels = np.stack([1000 - weed, weed], axis=1)
    labeled = labeled_prior(pixels)
    if not weed.any():
        assert labeled.relative_error.tolist() == [0.0, 0.0]
        return
    draws = rng.integers(0, images, (4000, images))
    others = weed[draws].sum(axis=1) / pixels.sum(axis=1)[draws].sum(axis=1)
    spread = others.std() / others.mean() * np.sqrt(images / (images - 1))
    assert float(labeled.relative_error[1]) == pytest.approx(spread, rel=0.15, abs=0.01)


def test_equal_images_have_no_error_and_a_single_image_has_all_of_it() -> None:
    alike = np.array([[900, 100, 0], [1800, 200, 0]])
    assert labeled_prior(alike).relative_error.tolist() == pytest.approx([0, 0, 0])
    assert labeled_prior(alike[:1]).relative_error.tolist() == [1, 1, 0]
    assert labeled_prior(alike[:1]).share.tolist() == [0.9, 0.1, 0]
