"""The class prior of the pool, estimated on real files."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.config.learner import Settings
from daemon.domain import IGNORE
from daemon.hrda.data.crops import Crops
from daemon.hrda.learning.class_prior import MAX_RATIO
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training.pool_prior import adjust_to_pool_prior, estimation_seconds
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest
from tests.hrda.tiny import CHANGES, CLASSES, segmentor, tiny, unlabeled, write_field


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[LabeledFile]:
    files = write_field(tmp_path_factory.mktemp("field"), 8)
    for file in files[1:3]:  # one of the three labeled images shows a weed
        mask = np.array(Image.open(file.mask))
        Image.fromarray(np.where(mask == 2, 0, mask).astype(np.uint8)).save(file.mask)
    return files


def request_of(labeled: list[LabeledFile], others: list[LabeledFile]) -> TrainRequest:
    return TrainRequest(
        classes=CLASSES,
        device="cpu",
        threads=1,
        seed=7,
        settings=dict(CHANGES),
        labeled=tuple(labeled),
        validation=(),
        unlabeled=unlabeled(others),
    )


def crops_of(request: TrainRequest, settings: Settings) -> Crops:
    return Crops(request, settings, torch.device("cpu"))


def moved(folder: Path, request: TrainRequest, settings: Settings) -> torch.Tensor:
    """(C,): how far the logits of a model went."""
    net: Segmentor = segmentor().eval()
    before = copy.deepcopy(net.state_dict())
    adjust_to_pool_prior(RunFolder(folder), net, request, crops_of(request, settings))
    after = net.state_dict()
    changed = [name for name in after if not torch.equal(after[name], before[name])]
    assert changed in ([], ["decoder.conv_seg.bias"])
    difference: torch.Tensor = after["decoder.conv_seg.bias"] - before["decoder.conv_seg.bias"]
    return difference


def test_the_logits_move_and_nothing_else_the_same_each_time(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    request = request_of(files[:3], files[3:])
    first = moved(tmp_path, request, tiny())
    assert 0.5 < first.abs().max() < 2 * np.log(MAX_RATIO)
    assert first[0] == 0
    assert torch.equal(first, moved(tmp_path, request, tiny()))


def test_they_stay_without_a_pool_that_teaches(files: list[LabeledFile], tmp_path: Path) -> None:
    alone, both = request_of(files[:3], []), request_of(files[:3], files[3:])
    assert not moved(tmp_path, alone, tiny()).any()
    assert not moved(tmp_path, both, tiny(pool_doubt=0.0)).any()
    assert not moved(tmp_path, both, tiny(method="supervised")).any()


def test_unlabeled_pixels_of_labeled_images_do_not_change_the_prior(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    """A half that is ignored, in which the model finds other shares, changes nothing."""
    painted = []
    for row, file in enumerate(files[:3]):
        image, mask = (np.array(Image.open(path)) for path in (file.image, file.mask))
        Image.fromarray(np.concatenate([mask, np.full_like(mask, IGNORE)])).save(
            tmp_path / f"{row}-mask.png"
        )
        shown = tmp_path / f"{row}.png"
        Image.fromarray(np.concatenate([image, image[::-1] // 2])).save(shown)
        painted.append(LabeledFile(id=row, image=shown, mask=tmp_path / f"{row}-mask.png"))
    whole, part = (
        moved(tmp_path, request_of(labeled, files[3:]), tiny()) for labeled in (files[:3], painted)
    )
    assert whole.abs().max() > 0.5
    assert torch.allclose(whole, part, atol=0.05)


def test_its_seconds_are_estimated_beforehand(files: list[LabeledFile]) -> None:
    alone, both = request_of(files[:3], []), request_of(files[:3], files[3:])
    net = segmentor().eval()
    assert estimation_seconds(net, alone, crops_of(alone, tiny())) == 0
    assert estimation_seconds(net, both, crops_of(both, tiny(pool_doubt=0.0))) == 0
    assert estimation_seconds(net, both, crops_of(both, tiny())) > 0
