"""What the training process says when a request, an image or a checkpoint cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daemon.hrda.__main__ import main
from daemon.hrda.training.checkpoint import ResumeState, load_state, save_state
from daemon.runs.run_folder import LabeledFile, PredictRequest, RunFolder, TrainRequest
from daemon.runs.run_process import DISK, DONE, IMAGE, REQUEST
from tests.hrda.test_process import error_of, files, threads, train_request, trained
from tests.hrda.tiny import CLASSES, learner

__all__ = ["files", "threads", "trained"]


@pytest.mark.parametrize("where", ["labeled", "unlabeled"])
def test_an_unreadable_image_is_named(files: list[LabeledFile], tmp_path: Path, where: str) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(files[0].image.read_bytes()[:200])
    bad = LabeledFile(id=77, image=broken, mask=files[0].mask)
    request = train_request(files).model_copy(update={where: (bad,)})
    folder = RunFolder(tmp_path / "run")
    folder.write_request(TrainRequest.model_validate_json(request.model_dump_json(
        exclude={"unlabeled": {"__all__": {"mask"}}})))  # fmt: skip

    assert main(["train", str(folder.path)]) == IMAGE

    error = error_of(folder)
    assert error["kind"] == "image"
    (fault,) = error["faults"]
    role = "labeled" if where == "labeled" else "pool"
    assert (fault["role"], fault["id"], fault["part"]) == (role, 77, "image")
    assert "broken.png" in error["message"]
    assert not folder.finished()


@pytest.mark.parametrize("fault", ["value", "size"])
def test_an_impossible_mask_is_named(files: list[LabeledFile], tmp_path: Path, fault: str) -> None:
    mask = np.full((96, 96), 9, np.uint8) if fault == "value" else np.zeros((10, 10), np.uint8)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    bad = LabeledFile(id=78, image=files[0].image, mask=tmp_path / "mask.png")
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files).model_copy(update={"labeled": (bad,)}))

    assert main(["train", str(folder.path)]) == IMAGE

    (said,) = error_of(folder)["faults"]
    assert (said["role"], said["id"], said["part"]) == ("labeled", 78, "mask")
    assert "mask.png" in error_of(folder)["message"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"itterations": 3}}, "itterations: unknown setting"),
        ({"device": "cuda:99"}, "CUDA devices"),
        ({"device": "toaster"}, "expected auto, cpu, cuda"),
        ({"labeled": ()}, "at least one labeled image"),
    ],
)
def test_an_impossible_request_is_refused(
    files: list[LabeledFile], tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files).model_copy(update=change))

    assert main(["train", str(folder.path)]) == REQUEST

    assert error_of(folder)["kind"] == "request"
    assert words in error_of(folder)["message"]


def test_a_full_disk_is_an_error_and_the_training_continues_when_there_is_space(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files))
    folder.resume.with_name(f"{folder.resume.name}.part").symlink_to("/dev/full")

    assert main(["train", str(folder.path)]) == DISK

    assert error_of(folder)["kind"] == "disk"
    assert f"the disk of {folder.path} is full" in error_of(folder)["message"]
    assert main(["train", str(folder.path)]) == DONE


def test_a_truncated_checkpoint_is_refused(trained: RunFolder, tmp_path: Path) -> None:
    short = tmp_path / "short.pth"
    short.write_bytes(trained.checkpoint.read_bytes()[:1000])
    folder = RunFolder(tmp_path / "predict")
    folder.write_request(PredictRequest(classes=CLASSES, checkpoint=short))

    assert main(["predict", str(folder.path)]) == REQUEST

    assert "short.pth: cannot be read" in error_of(folder)["message"]


def test_the_state_before_a_truncated_one_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, one = RunFolder(tmp_path), learner()
    for iteration in (1, 2):
        one.trained_pixels += 1
        save_state(folder, one, "this", ResumeState(iteration=iteration, seconds=iteration))
    content = folder.resume.read_bytes()
    folder.resume.write_bytes(content[: len(content) // 2])
    two = learner(seed=1)

    state = load_state(folder, two, "this")

    assert state == ResumeState(iteration=1, seconds=1)
    assert two.trained_pixels.tolist() == [1, 1, 1]
    assert "resume.pth: cannot be read" in caplog.text
    assert load_state(folder, two, "another") == ResumeState()


def test_other_classes_than_those_of_the_checkpoint_are_refused(
    trained: RunFolder, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "predict")
    folder.write_request(PredictRequest(classes=("soil", "tree"), checkpoint=trained.checkpoint))

    assert main(["predict", str(folder.path)]) == REQUEST

    assert "train with these classes" in error_of(folder)["message"]
