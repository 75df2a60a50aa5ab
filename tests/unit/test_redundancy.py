"""How redundant a pool is: near-duplicates, intrinsic dimension, distance to the labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from daemon.domain.errors import PoolInvalid
from daemon.rules import redundancy as rule
from daemon.rules.redundancy import redundancy, two_nearest_dimension


def seeded() -> np.random.Generator:
    return np.random.default_rng(5)


def on_circle(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def on_sphere(images: int, dimensions: int) -> np.ndarray:
    rows = np.random.default_rng(1).standard_normal((images, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_an_image_that_looks_like_another_counts_and_its_partner_too() -> None:
    rows = on_circle(0, 1, 50, 90, 140)  # cos 1 degree = 0.99985

    found = redundancy(np.arange(5), rows, similarity=0.999, rng=seeded())

    assert found.near_duplicates == pytest.approx(2 / 5)
    assert found.coverage_median is None


def test_the_distance_to_the_nearest_label_is_euclidean() -> None:
    rows, labels = on_circle(0, 60, 120), on_circle(180, 0)

    found = redundancy(np.arange(3), rows, similarity=1.0, rng=seeded(), labeled=labels)

    assert found.coverage_median == pytest.approx(1.0)  # the chord of 60 degrees; 0, 1 and 1
    assert found.coverage_p95 == pytest.approx(1.0)
    assert found.spread == pytest.approx(1.0)  # 60, 60 and 120 degrees apart


@pytest.mark.parametrize("dimension", [2, 5])
def test_the_dimension_is_that_of_the_surface_the_images_lie_on(dimension: int) -> None:
    flat = on_sphere(1500, dimension + 1)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((40, 40)))[0][: dimension + 1]

    found = redundancy(np.arange(1500), flat @ turn.astype(np.float32), similarity=1, rng=seeded())

    assert found.intrinsic_dimension == pytest.approx(dimension, rel=0.15)


def test_copies_of_images_change_the_share_and_not_the_dimension() -> None:
    rows = on_sphere(900, 4)
    twice = np.concatenate([rows, rows[:300]])

    once = redundancy(np.arange(900), rows, similarity=0.99999, rng=seeded())
    found = redundancy(np.arange(1200), twice, similarity=0.99999, rng=seeded())

    assert once.near_duplicates < 0.01
    assert found.near_duplicates == pytest.approx(0.5, abs=0.01)
    assert found.intrinsic_dimension == pytest.approx(once.intrinsic_dimension, rel=0.1)


def test_the_line_of_the_paper_is_fitted_through_the_origin() -> None:
    ratios = (1 - np.arange(1, 100) / 100) ** (-1 / 3)  # F(ratio) = 1 - ratio^-3

    found = two_nearest_dimension(np.ones(99), ratios)

    assert found == pytest.approx(3.0)


def test_a_sample_of_a_large_pool_is_compared_with_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rule, "MOST_SAMPLED", 200)
    monkeypatch.setattr(rule, "BLOCK", 97)
    pairs = np.repeat(on_sphere(500, 30), 2, axis=0)

    found = redundancy(np.arange(1000), pairs, similarity=0.9999, rng=seeded())

    assert found.sampled == 200
    assert found.near_duplicates == 1.0


def test_shuffled_rows_and_one_seed_give_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "MOST_SAMPLED", 200)
    rows, labels = on_sphere(700, 8), on_sphere(9, 8)
    shuffle = np.random.default_rng(3).permutation(700)

    first = redundancy(np.arange(700), rows, similarity=0.9, rng=seeded(), labeled=labels)
    other = redundancy(shuffle, rows[shuffle], similarity=0.9, rng=seeded(), labeled=labels)

    assert first == other


@pytest.mark.parametrize("images", [0, 1, 2])
def test_of_fewer_than_three_images_no_dimension_is_known(images: int) -> None:
    found = redundancy(np.arange(images), on_sphere(images, 3), similarity=0.9999, rng=seeded())

    assert found == replace(found, images=images, sampled=images, intrinsic_dimension=None)
    assert found.near_duplicates == 0


def test_equal_images_are_all_duplicates_and_have_no_dimension() -> None:
    found = redundancy(np.arange(6), on_circle(*[30] * 6), similarity=0.98, rng=seeded())

    assert found.near_duplicates == 1
    assert found.intrinsic_dimension is None


def test_a_bad_number_is_refused_and_the_image_is_named() -> None:
    rows = on_circle(0, 10, 20)
    rows[1, 0] = np.nan

    with pytest.raises(PoolInvalid, match="embedding of image 4: got NaN or inf"):
        redundancy(np.array([9, 4, 7]), rows, similarity=0.9, rng=seeded())
