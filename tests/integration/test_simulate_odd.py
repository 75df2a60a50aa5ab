"""Odd runs of `maskloop simulate`: refused models, unusable masks, too few distinct images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.integration.simulated_field import make_field, results, run_of, simulate

SHORT = {"arms": "random", "cycles": "2"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_field(tmp_path)
    return tmp_path


def test_a_model_that_the_loop_refuses_is_measured_all_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_COLLAPSES", "0002-train")

    assert simulate(home, **SHORT) == 0

    first, refused = run_of(results(home), "random").points
    assert first.miou == 1
    assert refused.miou is not None
    assert refused.miou < 0.5
    assert (home / "out/runs/seed-0/arms/random/state/runs/0002-test/result.json").exists()


@pytest.mark.long
def test_images_whose_masks_do_not_fit_are_replaced_and_counts_stay_exact(home: Path) -> None:
    unusable = {f"field{number:02}" for number in range(8)}
    for name in unusable:
        Image.fromarray(np.ones((2, 2), np.uint8)).save(home / f"masks/{name}.png")

    assert simulate(home, **SHORT) == 0

    points = run_of(results(home), "random").points
    asked = (home / "out/runs/seed-0/arms/random/state/folder/asked.json").read_text()
    assert [point.train_labels for point in points] == [4, 7]
    assert not unusable & {name for point in points for name in point.picks}
    assert any(name in asked for name in unusable)


def test_an_arm_that_runs_out_of_images_says_so(home: Path) -> None:
    copy = (home / "images/field00.png").read_bytes()
    for number in range(1, 20):
        (home / f"images/field{number:02}.png").write_bytes(copy)

    assert simulate(home, **SHORT) == 1

    [fault] = results(home).faults
    assert "trained on 3 labels, expected 4: too few images are left" in fault.message
