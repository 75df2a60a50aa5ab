"""The loop of the daemon with the probe as its learner."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from daemon.domain import Stage
from daemon.domain.errors import RunFailed
from daemon.experiment.simulation.probe import ProbeLauncher
from daemon.rules.readiness import Ending
from daemon.runs.run_folder import EmbedRequest, ImageFile, PredictRequest, RunFolder, TrainResult
from strategies.base import PER_IMAGE
from tests.fakes.colour_features import write_colour_features
from tests.integration.workbench import COLOURS, configured, paint, run_of, run_out, ticker

ABSENT = {"scale_disagreement", "teacher_disagreement"}  # the probe has one branch and no teacher


@pytest.fixture
def home(tmp_path: Path) -> Path:
    paint(tmp_path)
    return tmp_path


@pytest.fixture
def features(home: Path) -> Path:
    return write_colour_features(home / "features", sorted((home / "images").iterdir()))


def test_a_loop_learns_with_the_probe_and_scores_every_measure(home: Path, features: Path) -> None:
    config = configured(home, selection={"strategy": "entropy"})
    launcher = ProbeLauncher(features)

    outcome = run_out(ticker(config, cycle_limit=1, launcher=launcher))
    launcher.stop()

    assert outcome.ended is Ending.CYCLES_TRAINED
    trained = run_of(config, 1, Stage.TRAIN).read_result(TrainResult)
    assert trained.validation is not None
    assert trained.validation.miou is not None
    assert trained.validation.miou > 0.5  # all soil is 0.3; cells do not follow the outlines
    scored = run_of(config, 1, Stage.SCORE)
    scores = scored.read_scores()
    present = {name for name in PER_IMAGE if getattr(scores, name) is not None}
    assert present == set(PER_IMAGE) - ABSENT
    for name in present:
        assert len(getattr(scores, name)) == len(scores.ids)
        assert np.isfinite(getattr(scores, name)).all()
    predicted = run_of(config, 1, Stage.PREDICT)
    asked = predicted.read_request(PredictRequest).masks
    assert all(predicted.mask(file.id).exists() for file in asked)
    assert len(COLOURS) == scores.class_share.shape[1]  # type: ignore[union-attr]


def test_an_image_without_features_fails_the_run_by_name(home: Path) -> None:
    images = sorted((home / "images").iterdir())
    launcher = ProbeLauncher(write_colour_features(home / "features", images[1:]))
    run = RunFolder(home / "run")
    files = tuple(ImageFile(id=row, image=path) for row, path in enumerate(images[:2]))
    run.write_request(EmbedRequest(classes=("a", "b"), images=files))

    with pytest.raises(RunFailed, match=r"image 0: .*has no features in .*make them again"):
        _to_the_end(launcher, run)
    launcher.stop()


def _to_the_end(launcher: ProbeLauncher, run: RunFolder) -> None:
    while not launcher.advance(run, "embed"):
        time.sleep(0.02)
