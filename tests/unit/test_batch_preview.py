"""Figures of a batch that is not chosen yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from daemon.setup.batch_preview import minutes_of_labeling, nearest_similarity
from daemon.store import Store
from tests.fakes.labels import annotation, image


def test_redundancy_is_the_similarity_to_the_nearest_other_image() -> None:
    rows = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)

    # nearest: 0.6 (to the second), 0.8 (to the third), 0.8
    assert nearest_similarity(rows) == pytest.approx((0.6 + 0.8 + 0.8) / 3)
    assert nearest_similarity(rows[:1]) is None
    assert nearest_similarity(None) is None


def test_minutes_are_of_the_median_label_and_unknown_without_a_time(tmp_path: Path) -> None:
    times = {"a": 60.0, "b": 90.0, "c": 600.0, "d": None, "e": 90_000.0}  # e: a page left open
    with Store(tmp_path / "store.db") as store:
        assert minutes_of_labeling(store, 4) is None
        for number, (key, time) in enumerate(times.items(), start=1):
            store.add_image(image(key), f"t{number}")
            store.keep_annotation(
                number, replace(annotation(str(number), key), lead_time_s=time, task=f"t{number}")
            )

        assert minutes_of_labeling(store, 4) == pytest.approx(4 * 90 / 60)
