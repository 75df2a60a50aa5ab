"""What is particular to the strategies that go by what the network says of each image."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import strategies
from daemon.domain.errors import ConfigError, PoolInvalid
from strategies.base import Pool, Signals
from strategies.oracles import oracle_of


def seeded() -> np.random.Generator:
    return np.random.default_rng(0)


def pool_of(images: int, **fields: Any) -> Pool:
    """Ids from 0 on."""
    arrays = {name: np.array(value, dtype=np.float32) for name, value in fields.items()}
    return Pool(ids=np.arange(images), **arrays)


def test_disagreement_goes_by_places_and_not_by_the_larger_unit() -> None:
    pool = pool_of(3, teacher_disagreement=[0.02, 0.03, 0.01], scale_disagreement=[0.8, 0.7, 0.9])

    assert strategies.load("disagreement").select(pool, 1, seeded()) == [
        0
    ]  # places 2 + 2, 1 + 3, 3 + 1


def test_disagreement_does_with_one_of_its_measures() -> None:
    pool = pool_of(3, teacher_disagreement=[0.02, 0.03, 0.01])

    assert strategies.load("disagreement").select(pool, 3, seeded()) == [1, 0, 2]


def test_badge_begins_with_the_longest_gradient() -> None:
    pool = pool_of(3, gradients=[[1, 0], [0, -3], [2, 0]])

    assert strategies.load("badge").select(pool, 1, seeded()) == [1]


def test_badge_draws_by_the_squared_distance_to_the_nearest_pick() -> None:
    pool = pool_of(4, gradients=[[9, 0], [8, 0], [7, 0], [9, 0]])  # 1 and 4, and none, from 0
    strategy, rng = strategies.load("badge"), seeded()

    times = Counter(strategy.select(pool, 2, rng)[1] for _ in range(1000))

    assert set(times) == {1, 2}
    assert abs(times[2] - 800) < 76  # six standard deviations of a binomial


def test_badge_takes_copies_last() -> None:
    pool = pool_of(4, gradients=[[9, 0], [9, 0], [1, 1], [9, 0]])

    picked = strategies.load("badge").select(pool, 4, seeded())

    assert picked[:2] == [0, 2]


def test_cluster_margin_takes_one_of_each_cluster_the_smallest_first() -> None:
    places = [[0, 0], [0.1, 0], [0.2, 0], [9, 0], [9.1, 0], [0, 9]]
    pool = pool_of(6, embeddings=places, margin=[0.5, 0.9, 0.8, 0.6, 0.7, 0.1])

    picked = strategies.load("cluster_margin").select(pool, 3, seeded())

    assert picked == [5, 4, 1]  # clusters of 1, 2 and 3; the most hesitant of each


def test_cluster_margin_looks_at_the_most_hesitant_images_only() -> None:
    places = [[0, 0], [0.1, 0], [0.2, 0], [9, 0], [9.1, 0], [0, 9]]
    pool = pool_of(6, embeddings=places, margin=[0.5, 0.9, 0.8, 0.6, 0.7, 0.1])

    assert strategies.load("cluster_margin", times=1).select(pool, 3, seeded()) == [1, 2, 4]


def test_cluster_margin_goes_on_with_the_next_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.cluster_margin.MOST_CANDIDATES", 4)
    margin = np.linspace(1, 0, 9)
    pool = pool_of(9, embeddings=np.eye(9), margin=margin)

    picked = strategies.load("cluster_margin").select(pool, 7, seeded())

    assert len(set(picked)) == 7
    assert set(picked[:2]) <= {0, 1, 2, 3}


def test_clasp_pe_gives_every_class_its_turn() -> None:
    scores = [[0.9, 0, 0]] * 6 + [[0.9, 0.1, 0]] * 3 + [[0.9, 0, 0.01]]
    pool = pool_of(10, class_uncertainty=scores)

    picked = strategies.load("clasp_pe").select(pool, 3, seeded())

    assert picked[0] == 9  # the class that the fewest images hold
    assert picked[1] in (6, 7, 8)


def test_clasp_pe_begins_with_the_class_that_the_fewest_labels_hold() -> None:
    pool = replace(
        pool_of(10, class_uncertainty=[[0.9, 0.9, 0]] * 9 + [[0.9, 0.9, 0.01]]),
        signals=Signals(cycle=1, classes=("a", "b", "c"), labels=9, class_labels=(9, 1, 8)),
    )

    assert strategies.load("clasp_pe").select(pool, 2, seeded())[1] == 9  # b, then c


@pytest.mark.parametrize(("labels", "share"), [(0, 0.75), (64, 0.9), (3200, 1.0)])
def test_the_noise_of_clasp_pe_decays_with_the_labels(labels: int, share: float) -> None:
    pool = replace(
        pool_of(2, class_uncertainty=[[0.3], [0.9]]),
        signals=Signals(cycle=1, classes=("a",), labels=labels, class_labels=(labels,)),
    )
    strategy, rng = strategies.load("clasp_pe"), seeded()

    first = sum(strategy.select(pool, 1, rng)[0] for _ in range(600)) / 600

    assert abs(first - share) < 0.11  # 3^β to 1; six standard deviations


@pytest.mark.parametrize("name", ["kcenter", "hybrid", "uherding"])
def test_images_may_be_compared_by_their_foreground(name: str) -> None:
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((2, 30, 5)).astype(np.float32)
    labels = rng.standard_normal((2, 4, 5)).astype(np.float32)
    pool = Pool(
        ids=np.arange(30),
        embeddings=rows[0],
        labeled=labels[0],
        uncertainty=rng.random(30, dtype=np.float32),
        foreground_embeddings=rows[1],
        labeled_foreground=labels[1],
    )

    picked = strategies.load(name, features="foreground").select(pool, 5, seeded())

    other = replace(pool, embeddings=rows[1], labeled=labels[1])
    assert picked == strategies.load(name).select(other, 5, seeded())
    assert picked != strategies.load(name).select(pool, 5, seeded())
    oracle = oracle_of(name)
    assert oracle is not None
    assert picked == oracle(pool, 5, seeded(), features="foreground")


def test_foreground_of_unscored_labels_is_refused_with_a_cure() -> None:
    pool = pool_of(2, foreground_embeddings=[[1, 0], [0, 1]], labeled=[[1, 0]])

    with pytest.raises(PoolInvalid, match="labeled_foreground: got 0 rows; expected 1, as in"):
        strategies.load("kcenter", features="foreground").select(pool, 1, seeded())
    with pytest.raises(PoolInvalid, match='until then use features = "image"'):
        strategies.load("kcenter", features="foreground").select(Pool(ids=pool.ids), 1, seeded())


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("uherding", {"features": "weeds"}, "= 'weeds': expected 'image' or 'foreground'"),
        ("cluster_margin", {"times": 0}, r"= 0: expected a whole number in \[1, 100\]"),
        ("clasp_pe", {"noise_labels": 0}, r"= 0: expected a whole number in \[1, 100000\]"),
        ("auto", {"weight": 1}, "strategy auto: unknown setting weight; it takes none"),
    ],
)
def test_a_wrong_setting_is_explained(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        strategies.load(name, **settings)
