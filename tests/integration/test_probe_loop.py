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
    paint(tmp_path, images=16)
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


def embed_run(folder: Path, images: list[Path]) -> RunFolder:
    run = RunFolder(folder)
    files = tuple(ImageFile(id=row, image=path) for row, path in enumerate(images))
    run.write_request(EmbedRequest(classes=("a", "b"), images=files))
    return run


def test_a_process_stays_for_the_next_run_until_one_fails(home: Path) -> None:
    images = sorted((home / "images").iterdir())[:3]
    launcher = ProbeLauncher(write_colour_features(home / "features", images[1:]))
    first, second, third = (embed_run(home / name, images[1:]) for name in ("1", "2", "3"))
    bad = embed_run(home / "bad", images)

    to_the_end(launcher, first)
    to_the_end(launcher, second)
    with pytest.raises(RunFailed, match=r"image 0: .*has no features in .*make them again"):
        to_the_end(launcher, bad)
    to_the_end(launcher, third)
    launcher.stop()

    assert first.read_scores().ids.tolist() == third.read_scores().ids.tolist() == [0, 1]
    processes = [(run.path / "lock").read_text() for run in (first, second, bad, third)]
    assert len(set(processes[:3])) == 1
    assert processes[3] != processes[0]


def test_a_choice_needs_no_learner_and_runs_as_everywhere(tmp_path: Path) -> None:
    launcher = ProbeLauncher(tmp_path / "no features")
    run = embed_run(tmp_path / "run", [])  # the process of choices refuses this request

    with pytest.raises(RunFailed, match=r"select exited with 2: .*as SelectRequest"):
        to_the_end(launcher, run, "select")
    launcher.stop()


def to_the_end(launcher: ProbeLauncher, run: RunFolder, command: str = "embed") -> None:
    while not launcher.advance(run, command):
        time.sleep(0.02)
