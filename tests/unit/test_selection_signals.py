"""What strategies are told of the loop, and that each switch of regime is said once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from daemon.domain import Calibration, Evaluation
from daemon.domain.errors import ConfigError, PoolInvalid
from daemon.runs.records import ChosenRegime
from daemon.selection.signals import regime_of_choice, with_signals
from daemon.stages.context import Context
from daemon.stages.selection_signals import keep_regime, read_regime, signals_of
from daemon.store import Store
from strategies.base import Pool, Regime, Signals
from tests.fakes.labels import NOON

CLASSES = ("soil", "crop", "weed")


def evaluation(calibration: Calibration | None) -> Evaluation:
    return Evaluation(
        images=16, miou=0.7, iou={}, miou_interval=(0.6, 0.8), calibration=calibration
    )


def test_labels_are_counted_by_the_classes_of_the_model_that_serves() -> None:
    holding = {"stone": 3, "weed": 2, "soil": 9, "crop": 7}

    found = signals_of(4, CLASSES, 9, holding, evaluation(None))

    assert (found.cycle, found.labels, found.class_labels) == (4, 9, (9, 7, 2))
    assert found.validation_interval == (0.6, 0.8)
    assert found.calibration_error is None


@pytest.mark.parametrize(("scaled", "error"), [(0.03, 0.03), (0.0, 0.0), (None, 0.2)])
def test_the_calibration_error_is_that_after_the_temperature(
    scaled: float | None, error: float
) -> None:
    calibration = Calibration(ece=0.2, nll=0.5, temperature=1.7, ece_scaled=scaled)

    found = signals_of(1, CLASSES, 9, {}, evaluation(calibration))

    assert (found.temperature, found.calibration_error) == (1.7, error)


def test_without_an_evaluation_nothing_is_made_up() -> None:
    found = signals_of(1, CLASSES, 9, {}, None)

    assert (found.temperature, found.calibration_error, found.validation_interval) == (None,) * 3
    assert found.class_labels == ()  # a training of an early release: no class counts as rare


def training() -> Signals:
    return Signals(**signals_of(1, CLASSES, 1, {}, None).model_dump())


def test_what_the_pool_shows_is_measured_on_the_pool() -> None:
    pool = Pool(
        ids=np.array([4, 7]),
        embeddings=np.eye(2, dtype=np.float32),
        labeled=np.eye(1, 2, dtype=np.float32),
    )

    found = with_signals(pool, training(), 0.98, seed=0).signals

    assert found is not None
    assert found.near_duplicates == 0
    assert found.spread == pytest.approx(2**0.5)
    assert found.coverage_p95 == pytest.approx(0.95 * 2**0.5)
    assert with_signals(pool, None, 0.98, seed=0).signals is None


def test_a_bad_embedding_is_named() -> None:
    pool = Pool(ids=np.array([4, 7]), embeddings=np.full((2, 2), np.nan, dtype=np.float32))

    with pytest.raises(PoolInvalid, match="image 4"):
        with_signals(pool, training(), 0.98, seed=0)


class Moody:
    def __init__(self, regime: Any) -> None:
        self._regime = regime

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        return []

    def regime(self, pool: Pool) -> Regime:
        return cast("Regime", self._regime())


def test_a_strategy_whose_regime_fails_is_named() -> None:
    empty = Pool(ids=np.array([], dtype=np.int64))

    with pytest.raises(ConfigError, match=r"\[selection\] strategy 'moody': .*division by zero"):
        regime_of_choice(Moody(lambda: 1 / 0), "moody", empty)
    with pytest.raises(ConfigError, match=r"'moody': regime\(pool\) gave 'fine'; expected a Reg"):
        regime_of_choice(Moody(lambda: "fine"), "moody", empty)


def test_a_switch_is_said_once_and_the_newest_regime_is_kept(tmp_path: Path) -> None:
    explore = ChosenRegime(name="explore", why="few labels", measures={"labels": 4.0})
    refine = ChosenRegime(name="refine", why="enough labels", measures={"labels": 40.0})
    with Store(tmp_path / "store.db") as store:
        context = cast("Context", SimpleNamespace(store=store, now=lambda: NOON))

        for cycle, regime in [(1, explore), (1, explore), (2, explore), (3, refine)]:
            keep_regime(context, cycle, "auto", regime)

        assert [event.message for event in store.events()] == [
            "strategy auto from cycle 3 on: refine: enough labels (labels 40)",
            "strategy auto from cycle 1 on: explore: few labels (labels 4)",
        ]
        assert read_regime(store) == {
            "cycle": 3,
            "strategy": "auto",
            "name": "refine",
            "why": "enough labels",
            "measures": {"labels": 40.0},
        }
        keep_regime(context, 4, "hybrid", None)
        assert read_regime(store) is None
