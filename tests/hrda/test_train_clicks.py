"""The run `train-clicks`, for real and in the small."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from daemon.clicks.click import ClickQuestion, ObjectProbability, PriorMap
from daemon.clicks.mask_objects import objects_of
from daemon.clicks.simulated_session import ClickCourse
from daemon.domain.errors import RunFailed
from daemon.hrda.__main__ import main
from daemon.hrda.click_net.click_checkpoint import (
    first_network,
    read_click_model,
    usable_parent,
)
from daemon.hrda.click_net.click_network import ClickNetwork
from daemon.hrda.click_net.click_training import ClickBudget
from daemon.hrda.click_net.click_trial import (
    JudgedObject,
    clicked_object,
    decided,
    judged_objects,
)
from daemon.hrda.click_net.labeled_objects import LabeledPicture
from daemon.hrda.click_net.teacher_priors import with_priors
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.runs.checksums import sha256_of
from daemon.runs.click_records import ClickFile, TrainClicksRequest, TrainClicksResult
from daemon.runs.run_folder import LabeledFile, Progress, RunFolder
from daemon.runs.run_process import DONE, REQUEST, STOPPED
from tests.hrda.tiny import CHANGES, CLASSES, field, segmentor, write_field


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[ClickFile]:
    return [click_file(one) for one in write_field(tmp_path_factory.mktemp("field"), 10)]


def click_file(file: LabeledFile) -> ClickFile:
    return ClickFile(id=file.id, image=file.image, mask=file.mask)


def request(files: list[ClickFile], **changes: Any) -> TrainClicksRequest:
    wanted: dict[str, Any] = {
        "classes": CLASSES,
        "device": "cpu",
        "threads": 1,
        "settings": {"encoder_weights": "none"},
        "labeled": tuple(files[:5]),
        "validation": tuple(files[5:]),
        "iterations": 2,
        "minibatch": 2,
        "crop_px": 64,
        "judged_objects": 8,
    }
    return TrainClicksRequest(**{**wanted, **changes})


def run_of(path: Path, asked: TrainClicksRequest) -> tuple[int, RunFolder]:
    run = RunFolder(path)
    run.write_request(asked)
    return main(["train-clicks", str(path)]), run


def test_a_run_leaves_a_network_and_figures_and_names_a_bad_file(
    files: list[ClickFile], tmp_path: Path
) -> None:
    broken = files[0].model_copy(update={"id": 7, "image": tmp_path / "gone.png"})

    code, run = run_of(tmp_path / "run", request([broken, *files]))

    result = run.read_result(TrainClicksResult)
    assert code == DONE
    assert (result.labels, result.iterations) == (4, 2)
    assert [fault.id for fault in result.faults] == [7]
    assert set(result.losses) == {"loss", "loss_focal", "loss_iou"}
    assert result.trial.engine == "prior_walk"
    assert result.trial.new is not None
    assert result.trial.new.objects == 8
    model = read_click_model(run.checkpoint)
    assert model.learned == {sha256_of(one.image) for one in files[:4]}
    assert model.classes == CLASSES


def test_a_validation_image_under_another_name_is_never_learned(
    files: list[ClickFile], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes(files[6].image.read_bytes())
    leaked = files[6].model_copy(update={"id": 1, "image": copy})

    code, run = run_of(tmp_path / "run", request([leaked, *files]))

    assert code == REQUEST
    error = run.read_error()
    assert error is not None
    assert "was trained on 1 of the" in error.message
    assert not run.checkpoint.exists()


@pytest.mark.long
def test_a_stopped_run_leaves_nothing_and_begins_again(
    files: list[ClickFile], tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    run.write_request(request(files, iterations=100_000))
    command = [sys.executable, "-m", "daemon.hrda", "train-clicks", str(run.path)]
    with subprocess.Popen(command) as child:
        while child.poll() is None and not (run.read_progress() or IDLE).losses:
            time.sleep(0.05)
        child.terminate()
        code = child.wait(240)

    assert code == STOPPED
    left = {path.name for path in run.path.iterdir()}
    assert left == {"request.json", "lock", "progress.json"}


IDLE = Progress(phase="", step=0, steps=0)


def test_too_few_objects_are_said(files: list[ClickFile], tmp_path: Path) -> None:
    code, run = run_of(tmp_path / "run", request(files, labeled=tuple(files[:2])))

    assert code == REQUEST
    assert "4 objects in 2 labels" in json.loads(run.error_file.read_text())["message"]


def test_validation_objects_are_shown_with_the_view_of_the_teacher(
    files: list[ClickFile], tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "teacher.pth", segmentor(), CLASSES)
    asked = request(files, settings=CHANGES)
    images = [field(np.random.default_rng(seed)) for seed in range(2)]
    known = PriorMap(values=np.zeros((24, 24), np.uint8), stride=4)
    pictures = [
        LabeledPicture(image=image, label=label, prior=prior)
        for (image, label), prior in zip(images, (None, known), strict=True)
    ]

    shown = with_priors(judged_objects(pictures, asked), tmp_path / "teacher.pth", asked)

    assert {one.picture.prior is known for one in shown} == {True, False}
    assert all(one.picture.prior is not None for one in shown)
    assert len({id(one.picture) for one in shown}) == 2


def test_a_network_starts_from_its_parent_and_the_first_from_the_encoder_of_the_teacher(
    files: list[ClickFile], tmp_path: Path
) -> None:
    torch.manual_seed(3)
    teacher = segmentor(seed=3)
    write_checkpoint(tmp_path / "teacher.pth", teacher, CLASSES)
    _, run = run_of(tmp_path / "run", request(files, judged_objects=0))
    parent = usable_parent(run.checkpoint, [])

    further, _ = first_network({}, parent, tmp_path / "teacher.pth")
    first, _ = first_network({"encoder_weights": "none"}, None, tmp_path / "teacher.pth")

    assert parent is not None
    assert same_weights(further, parent.net)
    assert same_weights(first.encoder, teacher.encoder)


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


def test_a_parent_that_learned_from_validation_or_is_damaged_is_not_used(
    files: list[ClickFile], tmp_path: Path
) -> None:
    _, run = run_of(tmp_path / "run", request(files, judged_objects=0))
    (tmp_path / "damaged.pth").write_bytes(run.checkpoint.read_bytes()[:1000])

    assert usable_parent(run.checkpoint, [sha256_of(files[9].image)]) is not None
    assert usable_parent(run.checkpoint, [sha256_of(files[0].image)]) is None
    assert usable_parent(tmp_path / "damaged.pth", []) is None
    with pytest.raises(RunFailed, match=r"damaged\.pth"):
        read_click_model(tmp_path / "damaged.pth")


def test_a_budget_ends_with_the_first_of_both() -> None:
    budget = ClickBudget(iterations=10, max_seconds=4.0)

    assert budget.share(5, 1.0) == 0.5
    assert budget.share(5, 3.0) == 0.75
    assert ClickBudget(iterations=10).share(5, 1e9) == 0.5


# --- the trial


class Truth:
    """An engine that knows the object."""

    name = "truth"

    def __init__(self, label: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        self._label = label

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        last = question.clicks[-1]
        inside = self._label == self._label[last.y, last.x]
        return ObjectProbability(left=0, top=0, values=inside.astype(np.float32))


class Nothing:
    """An engine that finds nothing."""

    name = "nothing"

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        return ObjectProbability(left=0, top=0, values=np.zeros((1, 1), np.float32))


def judged() -> JudgedObject:
    image, label = field(np.random.default_rng(0))
    picture = LabeledPicture(image=image, label=label)
    return JudgedObject(picture=picture, found=next(objects_of(label, 3, min_area_px=50)))


def test_the_truth_needs_one_click_and_an_empty_engine_all() -> None:
    one = judged()

    assert clicked_object(Truth(one.picture.label), one).ious == [0.0, 1.0]
    assert len(clicked_object(Nothing(), one).ious) == 21


def course(*ious: float) -> ClickCourse:
    return ClickCourse(ious=[0.0, *ious], seconds=[0.01] * len(ious))


def solved(*clicks: int) -> list[ClickCourse]:
    """Objects that reach the target at these clicks."""
    return [course(*[0.5] * (one - 1), 0.9) for one in clicks]


@pytest.mark.parametrize(
    ("engine", "new", "serves"),
    [
        ("click_net", solved(*[5, 7] * 8), True),  # as good as before
        ("prior_walk", solved(*[5, 7] * 8), False),  # another engine must be beaten
        ("prior_walk", solved(*[4, 5] * 8), True),
        ("click_net", solved(*[9, 10] * 8), False),
    ],
)
def test_a_network_serves_unless_people_would_click_more(
    engine: str, new: list[ClickCourse], serves: bool
) -> None:
    trial = decided(engine, "click_net", solved(*[5, 7] * 8), new, seed=0)

    assert trial.serves == serves
    assert trial.why.startswith(f"against {engine}: ")


def test_a_worse_first_mask_is_refused() -> None:
    old, new = [course(0.7, 0.9)] * 10, [course(0.3, 0.9)] * 10

    trial = decided("click_net", "click_net", old, new, seed=0)

    assert not trial.serves
    assert "after one click" in trial.why


def test_judged_objects_are_drawn_class_by_class(files: list[ClickFile]) -> None:
    pictures = [
        LabeledPicture(image=image, label=label)
        for image, label in (field(np.random.default_rng(seed)) for seed in range(6))
    ]

    chosen = judged_objects(pictures, request(files, judged_objects=6))

    assert sorted(one.found.label for one in chosen) == [1, 1, 1, 2, 2, 2]
    assert chosen == judged_objects(pictures, request(files, judged_objects=6))


def test_the_network_has_about_three_million_parameters() -> None:
    assert 2.5e6 < sum(value.numel() for value in ClickNetwork().parameters()) < 4e6
