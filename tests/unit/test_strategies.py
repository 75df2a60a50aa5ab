"""What is particular to each shipped strategy, and how they are found by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import strategies
from daemon.domain.errors import ConfigError
from strategies.base import Pool
from strategies.coverage import Coverage

NONE = np.empty((0, 1), dtype=np.float32)


def seeded() -> np.random.Generator:
    return np.random.default_rng(0)


def line(places: dict[int, float], uncertainty: dict[int, float] | None = None) -> Pool:
    """Images on a line; one image at 0 is labeled."""
    unsure = uncertainty or {}
    return Pool(
        ids=np.array(list(places), dtype=np.int64),
        embeddings=np.array([[place] for place in places.values()], dtype=np.float32),
        labeled=np.zeros((1, 1), dtype=np.float32),
        uncertainty=np.array([unsure.get(image, 0.5) for image in places], dtype=np.float32),
    )


def test_kcenter_picks_the_farthest_image_first() -> None:
    pool = line({31: 1.0, 32: 9.0, 33: 5.0})

    picked = strategies.load("kcenter").select(pool, 2, seeded())

    assert picked == [32, 33]  # 32 is 9 away from the label; then 33 is 4 from 32, 31 only 1 from 0


def test_kcenter_stays_within_twice_the_best_radius() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.array([[0, 0], [8, 0], [0, 8], [8, 8]]), 25, axis=0)
    points = (clusters + rng.uniform(-0.5, 0.5, (100, 2))).astype(np.float32)

    picked = strategies.load("kcenter").select(
        Pool(ids=np.arange(100), embeddings=points), 4, seeded()
    )

    assert sorted(image // 25 for image in picked) == [0, 1, 2, 3]


def test_entropy_ranks_by_uncertainty_alone() -> None:
    pool = line({1: 0.1, 2: 0.1, 3: 9.0}, uncertainty={1: 0.9, 2: 0.8, 3: 0.1})

    assert strategies.load("entropy").select(pool, 2, seeded()) == [1, 2]


def test_hybrid_weighs_uncertainty_against_distance() -> None:
    pool = line({1: 1.0, 2: 1.2, 3: 0.1}, uncertainty={1: 0.5, 2: 0.1, 3: 0.9})

    # both factors vary by about two thirds of their mean; 1 is good in both, 2 and 3 in one
    assert strategies.load("hybrid").select(pool, 1, seeded()) == [1]
    assert strategies.load("hybrid", uncertainty_weight=0).select(pool, 1, seeded()) == [2]
    assert strategies.load("hybrid", uncertainty_weight=1).select(pool, 1, seeded()) == [3]


def test_hybrid_hears_an_uncertainty_that_varies_less_than_the_distances() -> None:
    # spreads: 0.08 of the mean and 0.45; in a plain product of square roots 2 would win
    pool = line({1: 0.8, 2: 1.0, 3: 0.2}, uncertainty={1: 0.95, 2: 0.80, 3: 0.95})

    assert strategies.load("hybrid").select(pool, 1, seeded()) == [1]


def test_hybrid_does_not_blow_up_an_uncertainty_that_says_nothing() -> None:
    pool = line({1: 0.8, 2: 1.0, 3: 0.2}, uncertainty={1: 0.95001, 2: 0.95, 3: 0.95})

    assert strategies.load("hybrid").select(pool, 1, seeded()) == [2]


def test_hybrid_without_a_label_begins_with_the_most_uncertain() -> None:
    pool = replace(line({1: 0.0, 2: 4.0, 3: 9.0}, {1: 0.4, 2: 0.9, 3: 0.4}), labeled=NONE)

    assert strategies.load("hybrid").select(pool, 3, seeded()) == [2, 3, 1]


def test_hybrid_takes_near_duplicates_last() -> None:
    pool = line({1: 0.01, 2: 0.9, 3: 0.93, 4: 0.3}, uncertainty={1: 1.0, 2: 1.0, 3: 1.0, 4: 0.01})

    picked = strategies.load("hybrid", min_distance=0.05).select(pool, 4, seeded())

    assert picked == [3, 4, 2, 1]  # 2 is 0.03 from 3, 1 is 0.01 from the label: 4 goes before both


def test_hybrid_covers_the_pool_while_the_model_is_sure_of_everything() -> None:
    pool = line({1: 1.0, 2: 5.0, 3: 3.0}, uncertainty=dict.fromkeys([1, 2, 3], 0.0))

    assert strategies.load("hybrid").select(pool, 3, seeded()) == [2, 3, 1]


def test_a_copy_of_a_labeled_image_is_exactly_covered() -> None:
    points = seeded().standard_normal((500, 61), dtype=np.float32)

    coverage = Coverage(np.arange(500), points, points[::-1])

    assert (coverage.squared_gap == 0).all()  # |x|² + |c|² - 2 x·c, without a rounding error


def test_random_gives_every_image_the_same_chance() -> None:
    pool = line(dict.fromkeys(range(10), 0.0))
    rng = np.random.default_rng(5)
    strategy = strategies.load("random")

    times = Counter(image for _ in range(4000) for image in strategy.select(pool, 3, rng))

    # 1200 each are expected; six standard deviations of a binomial are 174
    assert all(abs(count - 1200) < 174 for count in times.values())


def test_the_shipped_names_are_listed_first() -> None:
    assert strategies.names()[:4] == ["random", "entropy", "kcenter", "hybrid"]


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("badger", {}, "strategy 'badger' is unknown; expected one of random, entropy, kcenter"),
        ("kcenter", {"weight": 1}, "strategy kcenter: unknown setting weight; it takes features"),
        ("hybrid", {"w": 1}, "unknown setting w; it takes uncertainty_weight, min_distance"),
        ("hybrid", {"uncertainty_weight": 1.5}, r"= 1.5: expected a number in \[0, 1\]"),
        ("hybrid", {"uncertainty_weight": float("nan")}, r"= nan: expected a number in \[0, 1\]"),
        ("hybrid", {"uncertainty_weight": True}, "= True: expected a number"),
        ("hybrid", {"min_distance": "0.1"}, r"= '0.1': expected a number in \[0, 2\]"),
        ("kcenter", {"features": "weed"}, "= 'weed': expected 'image' or 'foreground'"),
        ("hybrid", {"min_distance": -1}, r"= -1: expected a number in \[0, 2\]"),
    ],
)
def test_a_wrong_name_or_setting_is_explained(name: str, settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        strategies.load(name, **settings)


PLUG_IN = """
class Oldest:
    def __init__(self, newest=False):
        self.newest = newest
        if newest == "perhaps":
            raise ValueError("newest is true or false")

    def select(self, pool, n, rng):
        return sorted(pool.ids.tolist(), reverse=self.newest)[:n]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install a distribution with one entry point, as pip would lay it out."""

    def install(entry: str) -> None:
        info = tmp_path / "field_plugins-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: field-plugins\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{strategies.GROUP}]\n{entry}\n")
        (tmp_path / "maskloop_test_plug_in.py").write_text(PLUG_IN)
        monkeypatch.syspath_prepend(tmp_path)

    return install


def test_a_plug_in_is_found_by_its_entry_point(install) -> None:
    install("oldest = maskloop_test_plug_in:Oldest")

    assert strategies.names()[-1] == "oldest"
    assert strategies.load("oldest", newest=True).select(line({1: 0, 4: 0}), 1, seeded()) == [4]
    with pytest.raises(ConfigError, match=r"unknown setting old; it takes newest"):
        strategies.load("oldest", old=True)
    with pytest.raises(ConfigError, match=r"strategy oldest: cannot be made with .* true or false"):
        strategies.load("oldest", newest="perhaps")


@pytest.mark.parametrize(
    ("entry", "name", "message"),
    [
        ("kcenter = maskloop_test_plug_in:Oldest", "kcenter", "takes a shipped name; rename it"),
        ("lost = maskloop_test_plug_in:Lost", "lost", "strategy lost: cannot import maskloop_test"),
        ("gone = maskloop_no_such_module:Lost", "gone", "cannot import maskloop_no_such_module"),
        ("text = maskloop_test_plug_in:PLUG", "text", "cannot import"),
        ("other = collections:Counter", "other", "has no select"),
    ],
)
def test_a_broken_plug_in_is_explained(install, entry: str, name: str, message: str) -> None:
    install(entry)

    with pytest.raises(ConfigError, match=message):
        strategies.load(name)
