"""How common each class is, in the labels and in the pool."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.hrda.learning.shares import MEMORY, LabeledShares, PoolShares, labeled_shares
from daemon.hrda.training.best import finished_model
from tests.hrda.tiny import learner, minibatch

MEANS = torch.tensor([0.0, 4.0, 8.0])  # of what is seen of each class, with a spread of 1


def labels(*share: float, doubt: float = 1.0) -> LabeledShares:
    return LabeledShares(
        share=torch.tensor(share),
        images=torch.full((len(share),), 4.0),
        doubt=torch.full((len(share),), doubt),
    )


def seen(share: list[float], believed: torch.Tensor, pixels: int = 64) -> torch.Tensor:
    """(1, 3, pixels, pixels): what a perfect network that believes in other shares says."""
    truth = torch.multinomial(torch.tensor(share), pixels * pixels, replacement=True)
    value = MEANS[truth] + torch.randn(len(truth))
    likely = torch.exp(-0.5 * (value - MEANS.view(3, 1)) ** 2) * believed.view(3, 1)
    return (likely / likely.sum(dim=0)).reshape(1, 3, pixels, pixels)


def learnt(
    share: list[float], given_labels: LabeledShares, half: float, passes: int = 400
) -> PoolShares:
    torch.manual_seed(0)
    pool = PoolShares(given_labels, half)
    for _ in range(passes):
        probability = seen(share, given_labels.share)
        pool.learn(probability, torch.ones(1, 64, 64, dtype=torch.bool))
    return pool


@pytest.mark.parametrize("weed", [0.002, 0.05, 0.3])
def test_the_pools_shares_are_found_whatever_the_labels_say(weed: float) -> None:
    share = [0.6 - weed, 0.4, weed]
    pool = learnt(share, labels(0.85, 0.13, 0.02), half=0.7)
    assert torch.allclose(pool.share, torch.tensor(share), atol=0.01, rtol=0.1), pool.share


def test_the_pool_corrects_what_the_labels_leave_open() -> None:
    share, said = [0.65, 0.3, 0.05], torch.tensor([0.85, 0.13, 0.02])
    shares = [
        learnt(share, labels(*said.tolist(), doubt=doubt), half=0.7).believed()[2]
        for doubt in (0.0, 0.1, 0.7, 5.0)
    ]
    assert shares[0] == pytest.approx(0.02)
    assert shares == sorted(shares)
    assert shares[3] == pytest.approx(0.05, rel=0.1)
    assert shares[2] == pytest.approx((0.02 * 0.05) ** 0.5, rel=0.1)  # half way, by factors


def test_a_few_minibatches_say_little() -> None:
    share, said = [0.65, 0.3, 0.05], labels(0.85, 0.13, 0.02)
    one, none = learnt(share, said, half=0.7, passes=1), learnt(share, said, half=0.7, passes=0)
    assert torch.equal(none.believed(), said.share)
    assert float(one.trust().max()) < 1 - MEMORY


def test_without_a_half_the_labels_stand() -> None:
    said = labels(0.85, 0.13, 0.02)
    assert torch.equal(learnt([0.5, 0.3, 0.2], said, half=0.0).believed(), said.share)


def test_what_is_outside_or_not_finite_teaches_nothing() -> None:
    pool = PoolShares(labels(0.5, 0.3, 0.2), 0.7)
    said, inside = seen([0.1, 0.1, 0.8], pool.labels.share), torch.zeros(1, 64, 64) > 0
    pool.learn(said, inside)
    pool.learn(torch.full_like(said, float("nan")), ~inside)
    assert torch.equal(pool.share, pool.labels.share)
    assert float(pool.passes) == 0
    inside[:, :8] = True
    said[:, :, 8:] = float("nan")
    with torch.no_grad():
        pool.learn(torch.where(inside.unsqueeze(1), said, 1 / 3), inside)
    assert float(pool.passes) == 1


def test_a_class_without_labels_has_no_share() -> None:
    pool = PoolShares(labels(0.7, 0.3, 0.0), 0.7)
    for _ in range(50):
        pool.learn(seen([0.4, 0.3, 0.3], torch.tensor([0.4, 0.3, 0.3])), torch.ones(1, 64, 64) > 0)
    assert float(pool.believed()[2]) == 0
    assert torch.isfinite(pool.believed()).all()


@given(st.integers(0, 2**32), st.integers(2, 40), st.floats(0.05, 1.0))
@settings(max_examples=30, deadline=None)
def test_the_doubt_is_the_spread_of_other_draws_of_labels(
    seed: int, images: int, often: float
) -> None:
    rng = np.random.default_rng(seed)
    weed = rng.integers(0, 300, images) * (rng.random(images) < often)
    pixels = np.stack([1000 - weed, weed], axis=1)
    told = labeled_shares(pixels)
    if not weed.any():
        assert told.doubt.tolist() == [0.0, 0.0]
        return
    draws = rng.integers(0, images, (4000, images))
    others = weed[draws].sum(axis=1) / pixels.sum(axis=1)[draws].sum(axis=1)
    spread = others.std() / others.mean() * np.sqrt(images / (images - 1))
    assert float(told.doubt[1]) == pytest.approx(spread, rel=0.15, abs=0.01)


def test_images_that_are_alike_leave_no_doubt_and_one_image_leaves_it_all() -> None:
    alike = np.array([[900, 100, 0], [1800, 200, 0]])
    assert labeled_shares(alike).doubt.tolist() == pytest.approx([0, 0, 0])
    assert labeled_shares(alike).images.tolist() == [2, 2, 0]
    assert labeled_shares(alike[:1]).doubt.tolist() == [1, 1, 0]


def test_the_finished_model_says_what_the_pool_holds_oftener() -> None:
    made = learner(unlabeled_start=0.0, unlabeled_ramp=0.0)
    made.step(minibatch(), 0)
    before = finished_model(made).decoder.conv_seg.bias
    made.pool.passes += 1000
    made.pool.share.copy_(torch.tensor([0.7, 0.15, 0.15]))
    after = finished_model(made).decoder.conv_seg.bias
    moved = (after - before) - (after - before)[0]
    assert moved[2] > 0.1
    assert moved[0] == 0
