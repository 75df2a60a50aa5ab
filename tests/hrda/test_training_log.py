"""What a training leaves for its page: a history, previews that change no bit, and an early end on
demand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.hrda.__main__ import main
from daemon.hrda.learning.loss_report import LossReport
from daemon.hrda.training.history import HistoryWriter
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest, TrainResult
from daemon.runs.training_history import (
    MOST_POINTS,
    preview_mask,
    read_history,
    validation_mask,
)
from tests.hrda.tiny import CHANGES, CLASSES, unlabeled, write_field

ITERATIONS = 6


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[LabeledFile]:
    return write_field(tmp_path_factory.mktemp("field"), 9)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def trained(folder: Path, files: list[LabeledFile], previews: int, **changes: object) -> RunFolder:
    settings = {**CHANGES, "iterations": ITERATIONS, "validations": 3, "unlabeled_start": 0.0}
    run = RunFolder(folder)
    run.write_request(
        TrainRequest(
            classes=CLASSES,
            threads=1,
            settings={**settings, **changes},
            labeled=tuple(files[:3]),
            validation=tuple(files[3:6]),
            unlabeled=unlabeled(files[6:]),
            previews=previews,
        )
    )
    assert main(["train", str(run.path)]) == 0
    return run


@pytest.fixture(scope="module")
def watched(files: list[LabeledFile], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(tmp_path_factory.mktemp("runs") / "0001-train", files, previews=3)


def test_previews_change_no_bit_of_the_model(
    watched: RunFolder, files: list[LabeledFile], tmp_path: Path
) -> None:
    plain = trained(tmp_path / "plain", files, previews=0)

    one, two = (torch.load(r.checkpoint, weights_only=True)["weights"] for r in (watched, plain))
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())
    results = [run.read_result(TrainResult) for run in (watched, plain)]
    assert results[0].validation == results[1].validation
    assert not (plain.path / "previews").exists()
    assert not (plain.path / "validation").exists()


def test_the_history_has_losses_rate_and_the_share_of_each_class(watched: RunFolder) -> None:
    history = read_history(watched)

    assert [point.iteration for point in history.points] == list(range(1, ITERATIONS + 1))
    last = history.points[-1]
    assert {"labeled_fused", "mixed_fused", "sure_0", "sure_2"} <= last.losses.keys()
    assert all(np.isfinite(list(last.losses.values())))
    assert 0 <= last.losses["sure_0"] <= 1
    assert 0 < last.learning_rate < history.points[0].learning_rate * 10


def test_previews_show_the_same_images_after_each_part_of_the_training(
    watched: RunFolder, files: list[LabeledFile]
) -> None:
    history = read_history(watched)

    assert [image.key for image in history.images] == [
        "validation-103", "validation-105", "pool-106",
    ]  # fmt: skip
    assert history.previews[-1].iteration == ITERATIONS
    for image in history.images:
        for kind in ("prediction", "pseudo"):
            mask = pixels(preview_mask(watched, image, ITERATIONS, kind))
            assert mask.shape == (96, 96)
            assert set(np.unique(mask)) <= {0, 1, 2, 255}


def test_the_masks_of_validation_images_are_those_that_were_measured(
    watched: RunFolder, files: list[LabeledFile]
) -> None:
    measured = watched.read_result(TrainResult).validation.by_image

    for image, file in zip(measured, files[3:6], strict=True):
        predicted, truth = pixels(validation_mask(watched, image.image)), pixels(file.mask)
        for row, (common, held, found) in enumerate(image.pixels):
            counts = ((truth == row) & (predicted == row), truth == row, predicted == row)
            assert (common, held, found) == tuple(int(one.sum()) for one in counts)
        wrong = sum(pixels for _, _, pixels in image.mistakes)
        assert wrong == int((truth != predicted).sum())


def test_a_training_that_is_asked_for_its_result_ends_at_once_and_leaves_one(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    folder = tmp_path / "early"
    folder.mkdir()
    RunFolder(folder).finish.touch()

    run = trained(folder, files, previews=2)

    result = run.read_result(TrainResult)
    assert (result.iterations, result.counters["finished_early"]) == (1, 1.0)
    assert result.validation is not None
    assert not run.finish.exists()
    assert [one.iteration for one in read_history(run).previews] == [1]


def test_the_history_of_a_long_training_is_bounded_and_goes_on_where_it_was_killed(
    tmp_path: Path,
) -> None:
    run, iterations = RunFolder(tmp_path), 10_000
    writer = HistoryWriter(run, CLASSES, iterations, 0, 0)
    for done in range(1, 5_001):
        writer.add(done, LossReport({"loss": torch.tensor(float(done))}), 0.1, 1.0)
    writer.write()

    resumed = HistoryWriter(run, CLASSES, iterations, 0, 2_500)
    for done in range(2_501, iterations + 1):
        report = {"loss": torch.tensor(float("nan") if done % 2 else 3.0)}
        resumed.add(done, LossReport(report), 0.1, 1.0)
    resumed.write()

    points = read_history(run).points
    assert len(points) == MOST_POINTS
    assert points[99].iteration == 2_500
    assert points[0].losses["loss"] == pytest.approx(13.0)  # the mean of 1 to 25
    assert points[-1].losses["loss"] == 3.0  # a skipped iteration counts for nothing
