"""The models of two cycles, compared from what their runs left on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from daemon.domain import Evaluation
from daemon.hrda.evaluation.iou import measured_images
from daemon.insight.model_difference import ModelVerdict
from daemon.runs.run_folder import RunFolder, TrainResult
from daemon.status.snapshot_curve import image_comparison


def trained(state: Path, cycle: int, right: list[int]) -> None:
    """The result of a training: of each image so many of 100 pixels of each class are right."""
    matrices = [np.array([[px, 100 - px], [100 - px, px]]) for px in right]
    by_image = measured_images(range(len(right)), [""] * len(right), matrices)
    found = Evaluation(images=len(right), miou=0.5, iou={"a": 0.5, "b": 0.5}, by_image=by_image)
    run = RunFolder(state / "runs" / f"{cycle:04d}-train")
    run.path.mkdir(parents=True)
    run.write_result(TrainResult(validation=found, iterations=1, seconds=1.0))


def test_two_trainings_are_compared_from_their_results(tmp_path: Path) -> None:
    trained(tmp_path, 1, [60, 70, 80, 65, 75, 55, 85, 60, 70])
    trained(tmp_path, 2, [64, 73, 85, 69, 78, 60, 88, 64, 75])

    found = image_comparison(tmp_path)(1, 2)

    assert (found.verdict, found.images) == (ModelVerdict.BETTER, 9)


def test_a_run_that_is_gone_is_not_comparable(tmp_path: Path) -> None:
    trained(tmp_path, 2, [60] * 9)

    assert image_comparison(tmp_path)(1, 2).verdict is ModelVerdict.NOT_STORED

    trained(tmp_path, 1, [50] * 9)  # it is back, and is read again
    assert image_comparison(tmp_path)(1, 2).verdict is ModelVerdict.BETTER


def test_a_result_of_an_earlier_release_is_not_comparable(tmp_path: Path) -> None:
    for cycle in (1, 2):
        trained(tmp_path, cycle, [])

    assert image_comparison(tmp_path)(1, 2).verdict is ModelVerdict.NOT_STORED
