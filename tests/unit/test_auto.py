"""The default strategy: which regime is when, and whose turn it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import strategies
from strategies.base import HasRegimes, Pool, Signals
from strategies.regimes import least_distance, regime_of

GOOD = Signals(
    cycle=3,
    classes=("soil", "crop", "weed"),
    labels=40,
    class_labels=(40, 38, 12),
    temperature=1.2,
    calibration_error=0.04,
    validation_interval=(0.6, 0.8),
    near_duplicates=0.2,
    coverage_p95=0.6,
    spread=0.8,
)


AROUND = [(float(np.cos(one)), float(np.sin(one))) for one in range(10)]  # all as far from 0


def seeded() -> np.random.Generator:
    return np.random.default_rng(0)


def pool_of(places: list[tuple[float, float]], **fields: Any) -> Pool:
    """Images in a plane, ids from 0; one at the origin is labeled."""
    return Pool(
        ids=np.arange(len(places)),
        embeddings=np.array(places, dtype=np.float32),
        labeled=np.zeros((1, 2), dtype=np.float32),
        **{
            name: np.array(value, dtype=np.float32) if isinstance(value, list) else value
            for name, value in fields.items()
        },
    )


def regime(**changes: Any) -> tuple[str, str]:
    pool = pool_of([(1, 0)], uncertainty=[0.5], signals=replace(GOOD, **changes))
    found = regime_of(pool)
    return found.name, found.why


def test_without_a_model_it_starts() -> None:
    assert regime_of(pool_of([(1, 0)], signals=GOOD)).name == "start"


def test_where_nothing_was_measured_the_model_is_trusted() -> None:
    assert regime_of(pool_of([(1, 0)], uncertainty=[0.5])).name == "refine"


def test_a_good_model_refines_and_says_by_which_numbers() -> None:
    name, why = regime()

    assert name == "refine"
    assert why == (
        "'weed', the rarest class, is in 12 labeled images and the calibration error is 0.04: "
        "uncertain images, unlike the labeled ones"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_labels": (40, 38, 4)}, "'weed' is in 4 of 40 labeled images (enough: 5)"),
        ({"class_labels": (40, 0, 12)}, "'crop' is in 0 of 40 labeled images (enough: 5)"),
        ({"calibration_error": 0.11}, "the calibration error is 0.11 (good: up to 0.1)"),
        ({"validation_interval": (0.3, 0.71)}, "the interval of the mIoU is 0.41 wide"),
    ],
)
def test_each_doubt_in_the_model_makes_it_explore(changes: dict[str, Any], words: str) -> None:
    name, why = regime(**changes)

    assert name == "explore"
    assert why.startswith(words)


@pytest.mark.parametrize("unknown", ["calibration_error", "validation_interval"])
def test_what_is_not_known_is_no_doubt(unknown: str) -> None:
    assert regime(**{unknown: None})[0] == "refine"


def test_where_all_is_near_a_label_there_is_nothing_to_explore() -> None:
    name, why = regime(class_labels=(40, 0, 12), coverage_p95=0.4, spread=0.8)

    assert name == "refine"
    assert why.startswith("'crop' is in 0 of 40 labeled images (enough: 5); but 95 % of the images")
    assert regime(class_labels=(40, 0, 12), coverage_p95=0.41, spread=0.8)[0] == "explore"


def test_the_background_is_no_rare_class() -> None:
    assert regime(class_labels=(0, 38, 12))[0] == "refine"


def test_the_numbers_that_decided_are_given() -> None:
    found = regime_of(pool_of([(1, 0)], uncertainty=[0.5], signals=GOOD))

    assert found.measures == pytest.approx(
        {
            "labels": 40,
            "labels_of_rarest_class": 12,
            "temperature": 1.2,
            "calibration_error": 0.04,
            "validation_interval_width": 0.2,
            "coverage_p95": 0.6,
            "spread": 0.8,
            "near_duplicates": 0.2,
        }
    )


def test_the_regime_is_that_of_every_part_of_a_pool() -> None:
    pool = pool_of([(1, 0), (2, 0)], uncertainty=[0.5, 0.1], signals=GOOD)
    strategy = strategies.load("auto")
    assert isinstance(strategy, HasRegimes)

    part = replace(
        pool, ids=pool.ids[:1], embeddings=pool.embeddings[:1], uncertainty=pool.uncertainty[:1]
    )

    assert strategy.regime(part) == strategy.regime(pool)


def test_in_a_redundant_pool_images_must_be_farther_apart() -> None:
    assert least_distance(pool_of([(1, 0)], signals=GOOD)) == 0.05
    redundant = replace(GOOD, near_duplicates=0.51)
    assert least_distance(pool_of([(1, 0)], signals=redundant)) == 0.2


def test_it_starts_with_typical_images_and_not_with_outliers() -> None:
    cloud = [(3 + 0.1 * x, 0.1 * y) for x in range(5) for y in range(5)]

    picked = strategies.load("auto").select(pool_of([*cloud, (0, 9)]), 1, seeded())

    assert picked[0] < 25  # k-center takes 25, which is farther from the label


def test_every_second_image_is_for_the_class_that_labels_lack() -> None:
    shares = [[0.5, 0.5, 0.0]] * 6 + [[0.9, 0.05, 0.05]] * 4
    pool = pool_of(
        AROUND,
        uncertainty=[0.9] * 6 + [0.2] * 4,
        class_share=shares,
        signals=GOOD,
    )

    picked = strategies.load("auto").select(pool, 6, seeded())

    assert [image >= 6 for image in picked[::2]] == [True, True, True]
    assert [image >= 6 for image in picked[1::2]] == [False, False, False]


def test_a_class_that_half_of_the_labels_hold_has_no_turn() -> None:
    pool = pool_of(
        AROUND,
        uncertainty=[0.9] * 6 + [0.2] * 4,
        class_share=[[0.5, 0.5, 0.0]] * 6 + [[0.9, 0.05, 0.05]] * 4,
        signals=replace(GOOD, class_labels=(40, 38, 30)),
    )

    assert all(image < 6 for image in strategies.load("auto").select(pool, 3, seeded()))


def test_the_uncertainty_of_a_class_decides_on_its_turn() -> None:
    pool = pool_of(
        [(1, 1), (1, -1), (-1, 1)],
        uncertainty=[0.9, 0.1, 0.5],
        class_share=[[0.5, 0.4, 0.1]] * 3,
        class_uncertainty=[[0.1, 0.1, 0.1], [0.1, 0.1, 0.9], [0.1, 0.1, 0.3]],
        signals=GOOD,
    )

    assert strategies.load("auto").select(pool, 2, seeded()) == [1, 0]


def test_near_duplicates_come_last_even_for_a_rare_class() -> None:
    pool = pool_of(
        [(1, 1), (1, 1.01), (2, 0), (3, 0)],
        uncertainty=[0.9, 0.9, 0.1, 0.1],
        class_share=[[0.5, 0.4, 0.1]] * 2 + [[0.5, 0.5, 0.0]] * 2,
        signals=GOOD,
    )

    picked = strategies.load("auto").select(pool, 4, seeded())

    assert picked[-1] in (0, 1)


def test_it_does_with_ids_alone() -> None:
    pool = Pool(ids=np.array([5, 2, 9]))

    picked = strategies.load("auto").select(pool, 2, seeded())

    assert picked == [2, 5]
    assert (
        strategies.load("auto").reasons(pool, picked)
        == [  # type: ignore[attr-defined]
            "a first look: any image"
        ]
        * 2
    )
