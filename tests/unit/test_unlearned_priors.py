"""Prior maps for the click network: of models that did not learn from the label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.runs.prior_maps import prior_file
from daemon.runs.run_folder import LabeledFile, PredictRequest, RunFolder, TrainRequest
from daemon.stages.click_runs import UnlearnedPriors

CLASSES = ("soil", "crop")


def cycle(runs: Path, number: int, learned: Sequence[int], shown: Sequence[int]) -> None:
    """A training on these images, and a PREDICT run of its model with prior maps of others."""
    train, predict = (RunFolder(runs / f"{number:04d}-{name}") for name in ("train", "predict"))
    parent = runs / f"{number - 1:04d}-train" / "checkpoint.pth"
    labeled = tuple(LabeledFile(id=one, image=Path("a"), mask=Path("b")) for one in learned)
    train.write_request(
        TrainRequest(classes=CLASSES, labeled=labeled, parent=parent if number > 1 else None)
    )
    predict.write_request(PredictRequest(classes=CLASSES, checkpoint=train.checkpoint))
    for one in shown:
        add_prior(predict, one)


def add_prior(run: RunFolder, image_id: int) -> Path:
    path = prior_file(run, image_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    cycle(tmp_path, 1, learned=[1], shown=[1, 2, 3])
    cycle(tmp_path, 2, learned=[2], shown=[1, 2, 3])  # and, by warm start, 1
    return tmp_path


def test_the_newest_map_by_a_model_that_did_not_learn_from_the_label(runs: Path) -> None:
    priors = UnlearnedPriors(runs)

    assert priors.unlearned(1) is None
    assert priors.unlearned(2) == prior_file(RunFolder(runs / "0001-predict"), 2)
    assert priors.unlearned(3) == prior_file(RunFolder(runs / "0002-predict"), 3)
    assert priors.unlearned(4) is None


def test_a_model_whose_training_is_unknown_gives_none(runs: Path) -> None:
    (runs / "0001-train" / "request.json").unlink()

    priors = UnlearnedPriors(runs)

    assert priors.unlearned(2) is None
    assert priors.unlearned(3) is None


def test_the_map_of_an_earlier_training_is_used_when_the_run_is_gone(runs: Path) -> None:
    kept = add_prior(RunFolder(runs / "0001-clicks"), 1)

    assert UnlearnedPriors(runs).unlearned(1) == kept
