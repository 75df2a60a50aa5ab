"""The second round: the finished model's labels of the pool, and a kill at any point."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.hrda.__main__ import main
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.minibatch import values_of
from daemon.hrda.inference.whole_images import ImagePrediction
from daemon.hrda.training.budget import Pace
from daemon.hrda.training.second_round import confident_mask, drawn_images, second_request
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest, TrainResult
from daemon.runs.run_process import DONE
from tests.hrda.device_reads import DeviceReads
from tests.hrda.test_budget import run, same
from tests.hrda.test_process import files, killed_at, threads, train_request
from tests.hrda.tiny import learner, minibatch, tiny

__all__ = ["files", "threads"]


def crops_of(files: list[LabeledFile], **changes: object) -> Crops:
    return Crops(train_request(files), tiny(**changes), torch.device("cpu"))


def label_pool(folder: Path, files: list[LabeledFile]) -> Path:
    """The true masks of the pool, with a corner without a label."""
    folder.mkdir()
    for file in files[5:]:
        mask = np.array(Image.open(file.mask))
        mask[:48, :48] = 255
        Image.fromarray(mask).save(folder / f"{file.id}.png")
    return folder


def test_the_model_of_the_first_round_labels_the_pool_and_a_second_one_learns_from_it(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    two = run(tmp_path / "two", train_request(files, iterations=2, second_round=True))

    result = two.read_result(TrainResult)
    assert result.iterations == 4
    assert 0 < result.counters["first_round_seconds"] < result.seconds
    assert not (two.path / "second-round").exists()
    assert not two.resume.exists()


@pytest.mark.long
def test_without_a_pool_there_is_one_round(files: list[LabeledFile], tmp_path: Path) -> None:
    request = train_request(files, iterations=1, second_round=True)

    alone = run(tmp_path / "alone", request.model_copy(update={"unlabeled": ()}))

    assert alone.read_result(TrainResult).iterations == 1


@pytest.fixture(scope="module")
def whole(files: list[LabeledFile], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return run(tmp_path_factory.mktemp("rounds") / "whole", two_rounds(files))


def two_rounds(files: list[LabeledFile]) -> TrainRequest:
    return train_request(files, iterations=3, second_round=True, save_every_s=0.0)


@pytest.mark.long
@pytest.mark.parametrize("moment", ["first.json", "labels/107.png", "resume"])
def test_a_kill_in_either_round_or_between_them_changes_nothing(
    moment: str, whole: RunFolder, files: list[LabeledFile], tmp_path: Path
) -> None:
    def reached(run: RunFolder) -> bool:
        if moment == "resume":  # of the second round
            return bool([*run.path.glob("second-round/*/first.json")]) and run.resume.exists()
        return bool([*run.path.glob(f"second-round/*/{moment}")])

    killed = killed_at(two_rounds(files), tmp_path, reached, moment)

    assert main(["train", str(killed.path)]) == DONE

    assert same(whole, killed)
    assert killed.read_result(TrainResult).iterations == 6


def test_crops_of_the_pool_come_with_its_labels(files: list[LabeledFile], tmp_path: Path) -> None:
    crops = crops_of(files, scale_low=1.0, scale_high=1.0)
    plain = crops.minibatch(3)
    crops.pool_labels = label_pool(tmp_path / "labels", files)

    batch = crops.minibatch(3)

    assert torch.equal(batch.unlabeled, plain.unlabeled)
    assert plain.pool_label is None
    assert batch.pool_label is not None
    assert torch.equal(batch.valid, batch.pool_label != 255)
    assert len(batch.pool_label.unique()) > 2
    halves = [part.pool_label for part in batch.parts(1)]
    assert torch.equal(torch.cat([half for half in halves if half is not None]), batch.pool_label)


def test_an_image_without_labels_is_left_out_of_the_second_round(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    crops = crops_of(files)
    crops.pool_labels = label_pool(tmp_path / "labels", files)
    (crops.pool_labels / f"{files[5].id}.png").unlink()

    drawn = {crops._unlabeled_picture(row)[0].id for row in range(3)}

    assert drawn == {files[6].id, files[7].id}


def test_pixels_below_the_confidence_have_no_label() -> None:
    logits = torch.tensor([[[4.0, 0.1]], [[0.0, 0.0]]])  # (2, 1, 2) cells of 4 pixels
    prediction = ImagePrediction(logits=logits, size=(4, 8), embedding=np.zeros(1, np.float32))

    everything, sure = (set(confident_mask(prediction, c).ravel().tolist()) for c in (0.0, 0.9))

    assert everything == {0}
    assert sure == {0, 255}


def test_only_images_that_are_drawn_are_labeled(files: list[LabeledFile]) -> None:
    crops = crops_of(files, unlabeled_minibatch=1)

    few = drawn_images(crops, 2)

    assert len(few) == 2
    assert {file.id for file in few} == {
        crops.unlabeled[crops.sampler.unlabeled(position).image].id for position in range(2)
    }
    assert len(drawn_images(crops, 100)) == 3
    assert second_request(train_request(files)).seed != train_request(files).seed


def test_a_step_of_the_second_round_needs_no_teacher_and_never_waits() -> None:
    one, batch = learner(unlabeled_start=1.0), minibatch()
    label = batch.label.clone()
    label[:, :8] = 255
    held = tuple(tuple(values) for values in values_of(batch.label))
    batch = replace(batch, pool_label=label, values=held)
    one.step(batch, 0)
    one.teacher.predict = None  # type: ignore[method-assign,assignment]
    given = [batch.image, batch.label, batch.unlabeled, batch.valid, label]
    state = [*one.student.state_dict(keep_vars=True).values(), *one.teacher.state_dict().values()]

    with DeviceReads([*state, *given, one.labeled_share, one.predicted_share]) as reads:
        losses = one.step(batch, 1)

    assert reads.places == []
    assert losses["sure_0"] == pytest.approx(1 - 8 / 64)
    assert losses["mixed_fused"] > 0


def test_two_rounds_share_the_seconds() -> None:
    pace = Pace(labeled_s=1, mixed_s=1)

    assert pace.iterations(100, tiny(second_round=True)) == 50
    assert pace.iterations(100, tiny(second_round=True, method="supervised")) == 100
