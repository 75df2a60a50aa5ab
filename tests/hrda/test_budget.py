"""`max_seconds`, `keep_best` and the control without a parent: what a training promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from daemon.hrda.__main__ import main
from daemon.hrda.training.best_model import validation_iterations
from daemon.hrda.training.budget import Pace
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest, TrainResult
from daemon.runs.run_process import DONE
from tests.hrda.test_process import files, killed_at, threads, train_request, trained
from tests.hrda.tiny import tiny

__all__ = ["files", "threads", "trained"]


def run(folder: Path, request: TrainRequest) -> RunFolder:
    run_folder = RunFolder(folder)
    run_folder.write_request(request)
    assert main(["train", str(folder)]) == DONE
    return run_folder


def weights(folder: RunFolder) -> dict[str, torch.Tensor]:
    content: dict[str, torch.Tensor] = torch.load(folder.checkpoint, weights_only=True)["weights"]
    return content


def same(one: RunFolder, two: RunFolder) -> bool:
    a, b = weights(one), weights(two)
    return all(torch.equal(tensor, b[name]) for name, tensor in a.items())


def test_seconds_become_iterations_of_both_kinds() -> None:
    settings = tiny(unlabeled_start=0.25)

    assert Pace(labeled_s=1, mixed_s=3).iterations(100, settings) == 40
    assert Pace(labeled_s=1, mixed_s=3).iterations(0.1, settings) == 1
    assert Pace(labeled_s=1, mixed_s=3, pool_prior_s=50).iterations(100, settings) == 20


def test_measuring_on_the_way_costs_iterations() -> None:
    settings = tiny(unlabeled_start=0.0, keep_best=True, validations=5)

    assert Pace(labeled_s=1, mixed_s=1, validation_s=2).iterations(100, settings) == 90


def test_max_seconds_is_a_number_of_iterations_that_is_written_down(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    request = train_request(files, unlabeled_start=0.5)
    timed = run(tmp_path / "timed", request.model_copy(update={"max_seconds": 3.0}))

    count = timed.read_result(TrainResult).iterations
    counted = run(
        tmp_path / "counted",
        request.model_copy(update={"settings": {**request.settings, "iterations": count}}),
    )

    written = json.loads(timed.schedule.read_text())
    assert written["iterations"] == count
    assert count == 1 or count * (written["labeled_s"] + written["mixed_s"]) / 2 <= 3.0
    assert timed.read_result(TrainResult).settings["iterations"] == count
    assert same(timed, counted)


@pytest.mark.long
def test_a_timed_training_that_was_killed_keeps_its_number_and_ends_the_same(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    request = train_request(files, save_every_s=1e9)
    timed = request.model_copy(update={"max_seconds": 1000.0})
    folder = killed_at(timed, tmp_path, lambda run: run.schedule.exists(), "the number")
    assert not folder.resume.exists()
    written = json.loads(folder.schedule.read_text())
    assert written["iterations"] > 3
    few = json.dumps({**written, "iterations": 3})  # a thousand seconds are too long for a test
    folder.schedule.write_text(few)

    assert main(["train", str(folder.path)]) == DONE

    three = {**request.settings, "iterations": 3}
    counted = run(tmp_path / "counted", request.model_copy(update={"settings": three}))
    assert folder.schedule.read_text() == few
    assert folder.read_result(TrainResult).iterations == 3
    assert same(folder, counted)


def test_hrda_without_unlabeled_images_is_supervised_training(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    alone = train_request(files, iterations=2).model_copy(update={"unlabeled": ()})
    supervised = train_request(files, iterations=2, method="supervised")

    one, two = run(tmp_path / "alone", alone), run(tmp_path / "supervised", supervised)

    assert same(one, two)
    assert one.read_result(TrainResult).settings["unlabeled_weight"] == 0


@pytest.mark.parametrize(
    ("iterations", "validations", "expected"),
    [(10, 2, {5, 10}), (10, 3, {4, 7, 10}), (2, 10, {1, 2}), (7, 1, {7})],
)
def test_validation_is_measured_evenly_and_at_the_end(
    iterations: int, validations: int, expected: set[int]
) -> None:
    assert validation_iterations(iterations, validations) == expected


@pytest.mark.long
def test_the_best_model_is_kept_and_a_kill_changes_nothing(
    files: list[LabeledFile], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    request = train_request(
        files, keep_best=True, validations=3, iterations=6, save_every_s=0.0, learning_rate=0.05
    )
    with caplog.at_level("INFO"):
        whole = run(tmp_path / "whole", request)
    said = [r.getMessage() for r in caplog.records if "validation iteration=" in r.getMessage()]
    killed = killed_at(
        request, tmp_path, lambda run: (run.path / "best.pth").exists(), "the first measurement"
    )

    assert main(["train", str(killed.path)]) == DONE

    result = whole.read_result(TrainResult).validation
    assert result is not None
    assert result.miou == max(float(line.split("miou=")[1].split()[0]) for line in said)
    assert len(said) == 3
    assert same(whole, killed)
    assert result == killed.read_result(TrainResult).validation
    assert not (killed.path / "best.pth").exists()


def test_without_its_parent_the_same_request_is_a_control_from_scratch(
    trained: RunFolder, files: list[LabeledFile], tmp_path: Path
) -> None:
    request = train_request(files, iterations=2)
    warm = run(tmp_path / "warm", request.model_copy(update={"parent": trained.checkpoint}))
    scratch = run(tmp_path / "scratch", request.model_copy(update={"parent": None}))
    again = run(tmp_path / "again", request)

    assert same(scratch, again)
    assert not same(scratch, warm)
