"""What is particular to the strategies that cluster, cover, or look at predicted classes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

import strategies
from daemon.domain.errors import ConfigError
from strategies.base import Pool

NONE = np.empty((0, 2), dtype=np.float32)


def seeded() -> np.random.Generator:
    return np.random.default_rng(0)


def around(*groups: tuple[float, float, int], labeled: np.ndarray = NONE) -> Pool:
    """Groups of images around places (x, y, how many); ids count up from 0, group after group."""
    rng = np.random.default_rng(3)
    points = np.concatenate(
        [np.array([x, y]) + 0.1 * rng.standard_normal((many, 2)) for x, y, many in groups]
    ).astype(np.float32)
    return Pool(
        ids=np.arange(len(points)),
        embeddings=points,
        labeled=labeled,
        uncertainty=np.full(len(points), 0.5, dtype=np.float32),
    )


def classes(*shares: tuple[float, ...]) -> Pool:
    return Pool(ids=np.arange(len(shares)), class_share=np.array(shares, dtype=np.float32))


@pytest.mark.parametrize("name", ["kmeans", "typiclust"])
def test_each_cluster_gives_one_image_the_largest_first(name: str) -> None:
    pool = around((0, 0, 10), (8, 0, 30), (0, 8, 20))

    picked = strategies.load(name).select(pool, 3, seeded())

    assert [np.searchsorted([10, 40, 60], image, side="right") for image in picked] == [1, 2, 0]


@pytest.mark.parametrize("name", ["kmeans", "typiclust", "probcover", "uherding"])
def test_a_group_with_a_label_gives_no_image_before_the_others(name: str) -> None:
    label = np.array([[8, 0]], dtype=np.float32)
    pool = around((0, 0, 10), (8, 0, 30), (0, 8, 20), labeled=label)
    settings = {"probcover": {"radius": 1.0}, "uherding": {"bandwidth": 1.0}}.get(name, {})

    picked = strategies.load(name, **settings).select(pool, 2, seeded())

    assert [np.searchsorted([10, 40, 60], image, side="right") for image in picked] == [2, 0]


def test_typiclust_leaves_outliers_to_the_end_and_kmeans_does_not() -> None:
    pool = around((0, 0, 30), (8, 0, 3))

    assert strategies.load("kmeans").select(pool, 2, seeded())[1] >= 30
    assert strategies.load("typiclust", max_clusters=2).select(pool, 2, seeded())[1] < 30


def test_probcover_takes_the_radius_from_the_groups_in_the_data() -> None:
    pool = around((0, 0, 40), (8, 0, 30), (0, 8, 30))

    picked = strategies.load("probcover", clusters=3).select(pool, 3, seeded())

    assert [np.searchsorted([40, 70, 100], image, side="right") for image in picked] == [0, 1, 2]


def test_uherding_weighs_a_group_by_its_uncertainty() -> None:
    pool = around((0, 0, 30), (8, 0, 20))
    assert pool.uncertainty is not None
    pool.uncertainty[:30] = 0.1

    picked = strategies.load("uherding", bandwidth=1.0).select(pool, 2, seeded())

    assert picked[0] >= 30  # 20 x 0.5 is more than 30 x 0.1
    assert picked[1] < 30


def test_uherding_covers_the_pool_while_the_model_is_sure_of_everything() -> None:
    pool = around((0, 0, 30), (8, 0, 20))
    assert pool.uncertainty is not None
    pool.uncertainty[:] = 0

    picked = strategies.load("uherding", bandwidth=1.0).select(pool, 2, seeded())

    assert [image >= 30 for image in picked] == [False, True]


def test_foreground_random_takes_images_without_foreground_last() -> None:
    pool = classes((1, 0), (0.9, 0.1), (0.9995, 0.0005), (0.5, 0.5))
    strategy, rng = strategies.load("foreground_random"), seeded()

    times = Counter(tuple(strategy.select(pool, 2, rng)) for _ in range(400))

    assert set(times) == {(1, 3), (3, 1)}
    assert all(abs(count - 200) < 60 for count in times.values())  # six standard deviations


def test_rare_class_gives_the_class_with_the_least_so_far_the_turn() -> None:
    pool = classes((0.5, 0.5, 0), (0.5, 0.5, 0), (0.98, 0, 0.02), (0.98, 0, 0.02), (1, 0, 0))

    picked = strategies.load("rare_class").select(pool, 5, seeded())

    assert sorted(picked[:1]) <= [3]
    assert {picked[0]} <= {2, 3}  # neither class has anything: the rarer one
    assert {picked[1]} <= {0, 1}  # 0.02 of the rare class, nothing of the other
    assert {picked[2]} <= {2, 3}  # 0.02 against 0.5
    assert picked[4] == 4


def test_rare_class_draws_in_proportion_to_the_predicted_share() -> None:
    pool = classes((0.7, 0.3), (0.9, 0.1), (1, 0))
    strategy, rng = strategies.load("rare_class"), seeded()

    times = Counter(strategy.select(pool, 1, rng)[0] for _ in range(1000))

    assert abs(times[0] - 750) < 83  # six standard deviations of a binomial
    assert times[2] == 0


def test_classes_without_foreground_leave_a_random_choice() -> None:
    for name in ("foreground_random", "rare_class"):
        assert sorted(strategies.load(name).select(classes((1.0,), (1.0,)), 2, seeded())) == [0, 1]


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("kmeans", {"max_clusters": 1}, r"= 1: expected a whole number in \[2, 2000\]"),
        ("kmeans", {"max_clusters": 2.0}, r"= 2.0: expected a whole number"),
        ("typiclust", {"neighbours": 0}, r"= 0: expected a whole number in \[1, 200\]"),
        ("typiclust", {"max_clusters": True}, r"= True: expected a whole number"),
        ("probcover", {"radius": 2.5}, r"= 2.5: expected a number in \[0, 2\]"),
        ("probcover", {"clusters": 501}, r"= 501: expected a whole number in \[2, 500\]"),
        ("uherding", {"bandwidth": -1}, r"= -1: expected a number in \[0, 2\]"),
        ("foreground_random", {"least_share": 1.1}, r"= 1.1: expected a number in \[0, 1\]"),
        ("rare_class", {"weight": 1}, "strategy rare_class: unknown setting weight; it takes none"),
    ],
)
def test_a_wrong_setting_is_explained(name: str, settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        strategies.load(name, **settings)


def test_scikit_learn_is_imported_by_the_choice_and_not_before() -> None:
    code = (
        "import sys, strategies; [strategies.load(name) for name in strategies.SHIPPED]; "
        "print([m for m in ('sklearn', 'scipy', 'threadpoolctl') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
