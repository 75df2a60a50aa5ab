"""A training that ends at its plateau, and the model that is most consistent on the pool."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from daemon.config.learner import faults_of
from daemon.hrda.__main__ import main
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.learning.loss_report import LossReport
from daemon.hrda.training.consistency import mean_agreement, pool_consistency
from daemon.hrda.training.plateau import Plateau
from daemon.runs.run_folder import LabeledFile, TrainRequest, TrainResult
from daemon.runs.run_process import DONE
from tests.hrda.device_reads import DeviceReads
from tests.hrda.test_budget import run, same
from tests.hrda.test_process import files, killed_at, threads, train_request
from tests.hrda.tiny import segmentor, unlabeled

__all__ = ["files", "threads"]


def test_the_plateau_is_reached_when_the_last_improvement_is_long_ago() -> None:
    plateau = Plateau(patience=20)
    reached = []

    for iteration, figure in ((10, 0.5), (20, 0.6), (30, 0.6), (40, 0.55)):
        plateau.measure(figure, iteration)
        reached.append(plateau.is_reached(iteration))

    assert reached == [False, False, False, True]
    assert (plateau.best, plateau.best_at) == (0.6, 20)


def test_without_a_measurement_or_patience_there_is_no_plateau() -> None:
    assert not Plateau(patience=1).is_reached(100)
    assert not Plateau(patience=0, best=0.5).is_reached(100)


def test_without_another_figure_the_lower_mean_loss_on_labels_is_the_better() -> None:
    plateau = Plateau(patience=1)

    for loss in (2.0, 4.0):
        labeled = {"labeled_fused": torch.tensor(loss), "labeled_dice": torch.tensor(1.0)}
        plateau.add_loss(LossReport({**labeled, "mixed_fused": torch.tensor(100.0)}))
    plateau.measure(None, 2)

    assert plateau.best == -4
    assert plateau.loss_count == 0


def test_a_skipped_iteration_does_not_count() -> None:
    plateau = Plateau(patience=1)

    for loss in (2.0, math.nan):
        plateau.add_loss(LossReport({"labeled_fused": torch.tensor(loss)}))
    plateau.measure(None, 2)
    plateau.measure(None, 4)

    assert plateau.best == -2
    assert plateau.is_reached(4)


def test_adding_up_losses_never_waits_for_the_device() -> None:
    loss, plateau = torch.tensor(1.0), Plateau(patience=1)

    with DeviceReads([loss]) as reads:
        plateau.add_loss(LossReport({"labeled_fused": loss, "mixed_fused": loss}))

    assert reads.places == []


def test_a_training_ends_at_its_plateau(files: list[LabeledFile], tmp_path: Path) -> None:
    done = run(tmp_path / "done", at_plateau(files))

    result = done.read_result(TrainResult)
    assert result.iterations == 2  # a learning rate of almost 0: the figure stays what it is
    assert result.settings["iterations"] == 8


def at_plateau(files: list[LabeledFile]) -> TrainRequest:
    settings = {"learning_rate": 1e-12, "alpha": 1.0, "validations": 8, "iterations": 8}
    request = train_request(files, method="supervised", until_plateau=0.125, **settings)
    return request.model_copy(update={"unlabeled": ()})


@pytest.mark.long
def test_a_kill_on_the_way_to_the_plateau_changes_nothing(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    changes = {"method": "segformer", "iterations": 12, "validations": 4, "save_every_s": 0.0}
    request = train_request(files, until_plateau=0.3, **changes)
    request = request.model_copy(update={"validation": ()})
    whole = run(tmp_path / "whole", request)
    killed = killed_at(request, tmp_path, lambda run: run.resume.exists(), "the first saved state")

    assert main(["train", str(killed.path)]) == DONE

    assert same(whole, killed)
    one, other = whole.read_result(TrainResult), killed.read_result(TrainResult)
    assert one.iterations == other.iterations


def test_views_that_agree_on_soil_alone_are_not_consistent() -> None:
    soil_alone = np.array([[100, 0], [0, 0]])
    both_classes = np.array([[80, 5], [5, 10]])

    assert mean_agreement(soil_alone) == 0.5
    assert mean_agreement(both_classes) == pytest.approx((80 / 90 + 10 / 20) / 2)


def test_the_consistency_is_measured_on_images_without_labels(files: list[LabeledFile]) -> None:
    pool = unlabeled(files[:2])
    net = segmentor().eval().requires_grad_(False)

    figure = pool_consistency(net, pool, FileReader(pool), 3)

    assert figure is not None
    assert 0 < figure <= 1
    assert figure == pool_consistency(net, pool, FileReader(pool), 3)
    assert pool_consistency(net, [], FileReader([]), 3) is None


@pytest.mark.long
def test_the_most_consistent_model_is_kept(
    files: list[LabeledFile], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changes = {"iterations": 4, "validations": 2, "consistency_images": 2, "learning_rate": 0.05}
    request = train_request(files, keep_consistent=True, **changes)

    with caplog.at_level("INFO"):
        kept = run(tmp_path / "kept", request)

    said = [r.getMessage() for r in caplog.records if "validation iteration=" in r.getMessage()]
    assert [line.split("iteration=")[1].split()[0] for line in said] == ["2", "4"]
    assert kept.finished()
    assert not (kept.path / "best.pth").exists()


def test_two_rules_for_the_kept_model_contradict_each_other() -> None:
    assert "keep_best" in faults_of({"keep_best": True, "keep_consistent": True})
    assert not faults_of({"keep_consistent": True})
