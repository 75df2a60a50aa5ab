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

MEANS = np.array([0.0, 3.0, 6.0])  # of what is seen of each class, with a spread of 1
TAUGHT = np.array([0.85, 0.13, 0.02])


def said(share: Floats, assumed: Floats, seed: int = 0, pixels: int = 100_000) -> Floats:
    """(C, N): what a perfect network that takes `assumed` for true says of such pixels."""
    rng = np.random.default_rng(seed)
    value = rng.choice(MEANS, pixels, p=share) + rng.normal(size=pixels)
    likely = np.exp(-0.5 * (value - MEANS[:, None]) ** 2) * assumed[:, None]
    return np.asarray(likely / likely.sum(axis=0))


@pytest.mark.parametrize("weed", [0.002, 0.05, 0.3])
def test_the_shares_are_found_whatever_was_assumed(weed: float) -> None:
    share = np.array([0.6 - weed, 0.4, weed])
    found = expectation_maximisation(said(share, TAUGHT), TAUGHT)
    assert found == pytest.approx(share, rel=0.1, abs=0.001)
    assert abs(said(share, TAUGHT).mean(axis=1) - share).max() > abs(found - share).max()


def test_what_is_exaggerated_on_the_labels_is_taken_off() -> None:
    share = np.array([0.9, 0.09, 0.01])
    loud = said(share, TAUGHT) * np.array([[1.0], [1.0], [4.0]])  # it says the rare class too loud
    loud /= loud.sum(axis=0)
    told = said(TAUGHT, TAUGHT, seed=1) * np.array([[1.0], [1.0], [4.0]])
    told /= told.sum(axis=0)
    plain = expectation_maximisation(loud, TAUGHT)
    mended = pool_prior(loud, told.sum(axis=1), TAUGHT, TAUGHT)
    assert abs(np.log(mended[2] / share[2])) < abs(np.log(plain[2] / share[2]))
    assert mended.sum() == pytest.approx(1)


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
def test_belief_lies_between_the_labels_and_the_pool(
    labeled: list[float], pool: list[float], doubt: list[float], half: float
) -> None:
    if sum(labeled) == 0:
        return
    labels = LabeledPrior(share=np.array(labeled) / sum(labeled), relative_error=np.array(doubt))
    theirs = np.array(pool) / sum(pool)
    believed = combined_prior(labels, theirs, half)
    assert believed.sum() == pytest.approx(1)
    assert ((believed > 0) == (labels.share > 0)).all()
    shown = labels.share > 0
    ratio, most = believed[shown] / labels.share[shown], theirs[shown] / labels.share[shown]
    scale = np.prod(ratio) ** (1 / len(ratio))  # summing to 1 moves all of them alike
    assert (ratio / scale <= max(most.max(), 1) / min(most.min(), 1) * 1.001).all()


def test_the_pool_is_believed_as_far_as_the_labels_leave_it_open() -> None:
    pool = np.array([0.65, 0.30, 0.05])
    shares = [
        combined_prior(LabeledPrior(share=TAUGHT, relative_error=np.full(3, doubt)), pool, 0.5)[2]
        for doubt in (0.0, 0.1, 0.5, 5.0)
    ]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0.02)
    assert shares[2] == pytest.approx((0.02 * 0.05) ** 0.5, rel=0.05)  # half way, by factors
    assert shares[3] == pytest.approx(0.05, rel=0.05)


@given(st.integers(0, 2**32), st.integers(2, 40), st.floats(0.05, 1.0))
@settings(max_examples=30, deadline=None)
def test_the_doubt_is_the_spread_of_other_draws_of_labels(
    seed: int, images: int, often: float
) -> None:
    rng = np.random.default_rng(seed)
    weed = rng.integers(0, 300, images) * (rng.random(images) < often)
    pixels = np.stack([1000 - weed, weed], axis=1)
    told = labeled_prior(pixels)
    if not weed.any():
        assert told.relative_error.tolist() == [0.0, 0.0]
        return
    draws = rng.integers(0, images, (4000, images))
    others = weed[draws].sum(axis=1) / pixels.sum(axis=1)[draws].sum(axis=1)
    spread = others.std() / others.mean() * np.sqrt(images / (images - 1))
    assert float(told.relative_error[1]) == pytest.approx(spread, rel=0.15, abs=0.01)


def test_images_that_are_alike_leave_no_doubt_and_one_image_leaves_it_all() -> None:
    alike = np.array([[900, 100, 0], [1800, 200, 0]])
    assert labeled_prior(alike).relative_error.tolist() == pytest.approx([0, 0, 0])
    assert labeled_prior(alike[:1]).relative_error.tolist() == [1, 1, 0]
    assert labeled_prior(alike[:1]).share.tolist() == [0.9, 0.1, 0]
