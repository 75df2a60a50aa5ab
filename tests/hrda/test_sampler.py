from __future__ import annotations

import numpy as np
import torch

from daemon.hrda.data.random_crop import training_crop
from daemon.hrda.data.sampler import Sampler, rare_class_probability, seed_all

PIXELS = np.array([[900, 100, 0], [950, 30, 20], [1000, 0, 0], [500, 500, 0]])


def sampler(rare_class: float = 0.5) -> Sampler:
    return Sampler(PIXELS, pool=7, seed=3, rare_class=rare_class, temperature=0.5)


def test_a_position_always_holds_the_same() -> None:
    forward = [(sampler().labeled(at), sampler().unlabeled(at)) for at in range(40)]
    one = sampler()
    backward = [(one.labeled(at), one.unlabeled(at)) for at in reversed(range(40))]

    assert forward == backward[::-1]


def test_every_unlabeled_image_comes_once_in_an_epoch() -> None:
    draws = [sampler().unlabeled(position).image for position in range(21)]

    for epoch in range(3):
        assert set(draws[7 * epoch : 7 * epoch + 7]) == set(range(7))


def test_without_rare_classes_every_labeled_image_comes_once_too() -> None:
    draws = [sampler(rare_class=0.0).labeled(position).image for position in range(8)]

    assert sorted(draws[:4]) == sorted(draws[4:]) == [0, 1, 2, 3]


def test_rare_draws_follow_their_distribution_and_hold_the_class() -> None:
    one = sampler(rare_class=1.0)
    draws = [one.labeled(position) for position in range(3000)]
    wanted = [draw.required_class for draw in draws if draw.required_class is not None]

    found = np.bincount(wanted, minlength=3) / len(wanted)
    share = PIXELS.sum(axis=0) / PIXELS.sum()
    expected = np.exp((1 - share) / 0.5)
    expected /= expected.sum()
    assert np.abs(found - expected).max() < 0.03
    assert all(draw.image == 1 for draw in draws if draw.required_class == 2)


def test_a_class_that_no_label_holds_is_never_wanted() -> None:
    pixels = np.array([[1000, 0, 0]])
    one = Sampler(pixels, pool=0, seed=0, rare_class=1.0, temperature=0.5)

    assert {one.labeled(position).required_class for position in range(50)} == {0}


def test_rare_class_probabilities_sum_to_one_and_favour_the_rare() -> None:
    p = rare_class_probability(np.array([0.98, 0.015, 0.005]), 0.01)

    assert np.isclose(p.sum(), 1)
    assert p[2] > p[1] > p[0]


def test_a_wanted_class_is_in_the_crop() -> None:
    image, mask = np.zeros((300, 200, 3), np.uint8), np.zeros((300, 200), np.uint8)
    mask[280:284, 10:14] = 2

    for seed in range(30):
        crop = training_crop(image, mask, 64, (1.0, 1.0), 2, np.random.default_rng(seed))
        assert (crop.mask == 2).any()
        assert crop.mask.shape == (64, 64)


def test_what_the_image_does_not_cover_is_neither_label_nor_valid() -> None:
    image, mask = np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.uint8)

    crop = training_crop(image, mask, 64, (1.0, 1.0), None, np.random.default_rng(0))

    assert int(crop.valid.sum()) == 20 * 30
    assert (crop.mask[~crop.valid] == 255).all()
    assert (crop.mask[crop.valid] == 0).all()


def test_image_and_mask_turn_together() -> None:
    mask = (np.arange(64 * 64).reshape(64, 64) % 3).astype(np.uint8)
    image = np.repeat(mask[:, :, None], 3, axis=2)

    for seed in range(16):
        crop = training_crop(image, mask, 64, (1.0, 1.0), None, np.random.default_rng(seed))
        assert np.array_equal(crop.image[:, :, 0], crop.mask)


def test_one_seed_starts_every_generator() -> None:
    seed_all(5)
    first = (float(torch.rand(())), float(np.random.rand()))  # noqa: NPY002
    seed_all(5)

    assert first == (float(torch.rand(())), float(np.random.rand()))  # noqa: NPY002
