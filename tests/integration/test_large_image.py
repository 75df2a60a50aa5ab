"""A photograph of 64 megapixels beside small pictures: a cycle of the real learner, for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.runs.run_folder import PredictResult, RunFolder, TrainRequest, TrainResult
from tests.integration.workbench import COLOURS, configured, paint

SIDE_PX, PATCH_PX = 8000, 100
SEED = 0  # with which cycle 0 does not ask for the photograph
LEARNER = {
    "iterations": 12, "context_px": 64, "detail_px": 32, "width": 16, "encoder_weights": "none",
}  # fmt: skip
MOST_BYTES = 2**31  # of any process


def add_photograph(home: Path, name: str) -> None:
    """Squares of 100 pixels of soil and of plants."""
    patches = np.random.default_rng(3).choice(3, (SIDE_PX // PATCH_PX,) * 2, p=(0.8, 0.15, 0.05))
    mask = patches.astype(np.uint8).repeat(PATCH_PX, axis=0).repeat(PATCH_PX, axis=1)
    Image.fromarray(COLOURS[mask]).save(home / "images" / f"{name}.jpg", quality=80)
    Image.fromarray(mask).save(home / "masks" / f"{name}.png", compress_level=1)


def once(home: Path) -> int:
    """One call of the command line; the most memory that it or a run of it had, bytes."""
    words = [sys.executable, "-m", "daemon.cli", "--config", str(home / "config.toml")]
    with (home / "log.txt").open("ab") as log:
        daemon = subprocess.Popen([*words, "once", "--cycles", "1"], stdout=log, stderr=log)
        _, status, usage = os.wait4(daemon.pid, 0)
    daemon.returncode = os.waitstatus_to_exitcode(status)
    assert daemon.returncode == 0, (home / "log.txt").read_text()
    return usage.ru_maxrss * 1024


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_photograph_of_64_megapixels_goes_through_a_cycle_in_bounded_memory(
    tmp_path: Path,
) -> None:
    paint(tmp_path, images=7)
    add_photograph(tmp_path, "photograph")
    configured(
        tmp_path,
        images={"source": "folder", "folder": "images"},
        training={"device": "cpu", "settings": LEARNER},
        validation={"min_images": 2, "max_images": 2},
        loop={"seed_images": 2, "batch_images": 8},
        selection={"seed_strategy": "random", "seed": SEED},
    )

    peaks = [once(tmp_path) for _ in range(2)]  # asks for labels; trains, scores, predicts

    score, predict, train = (
        RunFolder(tmp_path / "state" / "runs" / f"0001-{kind}")
        for kind in ("score", "predict", "train")
    )
    (photograph,) = (
        f for f in train.read_request(TrainRequest).unlabeled if f.image.suffix == ".jpg"
    )
    with Image.open(predict.mask(photograph.id)) as mask:
        assert mask.size == (SIDE_PX, SIDE_PX)
    assert photograph.id in score.read_scores().ids
    for run, kind in ((score, PredictResult), (predict, PredictResult), (train, TrainResult)):
        assert run.read_result(kind).faults == ()
    assert max(peaks) < MOST_BYTES
