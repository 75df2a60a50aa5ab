"""A mask without a label ("unlabeled is ignore" and nobody drew) among the others."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from daemon.domain import IGNORE
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.evaluation.iou import confusion, evaluation
from daemon.runs.run_folder import TrainRequest
from tests.hrda.tiny import CLASSES, learner, minibatch, tiny, unlabeled, write_field


def test_an_image_without_a_label_is_drawn_like_the_others_and_counts_no_pixel(
    tmp_path: Path,
) -> None:
    files = write_field(tmp_path, 2)
    Image.fromarray(np.full((96, 96), IGNORE, np.uint8)).save(files[1].mask)
    request = TrainRequest(
        classes=CLASSES, labeled=tuple(files), unlabeled=unlabeled(files), validation=()
    )

    crops = Crops(request, tiny(), torch.device("cpu"))
    labels = torch.cat([crops.minibatch(iteration).label for iteration in range(4)])

    assert crops.pixels[1].tolist() == [0, 0, 0]
    assert bool((labels == IGNORE).all(dim=(1, 2)).any())
    assert bool((labels == 1).any())


def test_a_step_on_no_label_at_all_is_finite() -> None:
    one, batch = learner(), minibatch()
    empty = Minibatch(
        image=batch.image,
        label=torch.full_like(batch.label, IGNORE),
        unlabeled=batch.unlabeled,
        valid=batch.valid,
    )

    report = one.step(empty, 0)

    assert one.skipped == 0
    assert all(math.isfinite(value) for value in report.values())
    assert all(bool(torch.isfinite(weight).all()) for weight in one.student.parameters())


def test_an_image_without_a_label_does_not_move_the_evaluation() -> None:
    truth = np.array([[0, 1]], np.uint8)
    right = confusion(truth, truth, 3)
    none = confusion(np.full((1, 2), IGNORE, np.uint8), truth, 3)

    assert evaluation([right, none], CLASSES).iou == evaluation([right], CLASSES).iou
