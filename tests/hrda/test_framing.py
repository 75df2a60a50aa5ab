"""Inference sees whole images at the scale at which the training saw them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from daemon.config.learner import Settings
from daemon.domain import Mask
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.data.image_files import Picture
from daemon.hrda.data.random_crop import fit_scale, fitted_picture, training_crop
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.inference import framing, whole_images
from daemon.hrda.inference.framing import framed, labels_of_cells, rows_at_size
from daemon.hrda.inference.streaming import predictions_of, sampled_predictions
from daemon.hrda.inference.whole_images import predict_image
from daemon.hrda.training.best_model import final_model
from daemon.hrda.training.pool_prior import adjust_to_pool_prior
from daemon.runs.run_folder import ImageFile, LabeledFile, RunFolder, TrainRequest
from tests.hrda.tiny import CHANGES, CLASSES, field, learner, segmentor, tiny, unlabeled

FIT: dict[str, Any] = {**CHANGES, "framing": "fit", "turns": "none"}
COARSE_PX, FINE_PX = 96, 24  # sides of the squares of a chequered field: classes 1 and 2
SIZE = (384, 768)


def chequered(rng: np.random.Generator) -> tuple[Picture, Mask]:
    """Coarse squares beside fine ones: which is which can be told at one scale only."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    coarse, fine = ((y // side + x // side) % 2 for side in (COARSE_PX, FINE_PX))
    right = (x > rng.integers(250, 518)) ^ bool(rng.integers(2))
    grey = np.where(right, fine, coarse) * 120 + 60
    image = grey[:, :, None] + rng.normal(0, 8, (*SIZE, 3))
    return image.clip(0, 255).astype(np.uint8), np.where(right, 2, 1).astype(np.uint8)


def written(folder: Path, pairs: Iterator[tuple[Picture, Mask]]) -> list[LabeledFile]:
    files = []
    for row, (image, mask) in enumerate(pairs):
        paths = folder / f"{row}.png", folder / f"{row}-mask.png"
        Image.fromarray(image).save(paths[0])
        Image.fromarray(mask).save(paths[1])
        files.append(LabeledFile(id=100 + row, image=paths[0], mask=paths[1]))
    return files


def request_of(files: list[LabeledFile], others: list[LabeledFile]) -> TrainRequest:
    return TrainRequest(
        labeled=tuple(files), unlabeled=unlabeled(others), seed=0, classes=CLASSES, settings=FIT
    )


def trained(files: list[LabeledFile], settings: Settings) -> Any:
    """A model that has learned from these images, each scaled into a crop."""
    crops = Crops(request_of(files, []), settings, torch.device("cpu"))
    one = learner(**vars(settings))
    one.student.load_imagenet()
    for iteration in range(settings.iterations):
        seed_all(iteration)
        one.step(crops.minibatch(iteration), iteration)
    return final_model(one)


@pytest.mark.long
def test_a_class_that_depends_on_the_scale_is_found_in_large_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = written(tmp_path, (chequered(rng) for _ in range(4)))
    changes = {"encoder_weights": "", "context_px": 128, "detail_px": 64, "detail_window_px": 64,
               "width": 16, "iterations": 25, "alpha": 0.9, "unlabeled_weight": 0.0,
               "labeled_jitter": 0.0, "prior_correction": 0.0}  # fmt: skip
    net = trained(files, tiny(**{**FIT, **changes}))
    image, mask = chequered(np.random.default_rng(9))

    found = predict_image(net, image).mask()
    net.settings = dataclasses.replace(net.settings, framing="native")
    native = predict_image(net, image).mask()

    assert found.shape == mask.shape
    assert (found == mask).mean() > 0.9
    assert (native == mask).mean() < 0.8


@pytest.mark.parametrize("size", [(40, 30), (64, 64), (200, 150), (99, 301), (1, 700), (130, 13)])
def test_the_network_sees_the_picture_that_training_saw(size: tuple[int, int]) -> None:
    image = field(np.random.default_rng(0), max(size))[0][: size[0], : size[1]]
    fill = [124, 116, 104]
    scales = (fit_scale(image, 64),) * 2
    mask = np.zeros(size, np.uint8)
    crop = training_crop(image, mask, 64, scales, None, np.random.default_rng(1), "none", fill)

    square, (height, width) = fitted_picture(image, 64, fill)

    assert np.array_equal(square, crop.image)
    assert np.array_equal(crop.valid, np.pad(np.ones((height, width), bool),
                                             ((0, 64 - height), (0, 64 - width))))  # fmt: skip


def test_images_at_their_own_scale_are_left_as_they_are() -> None:
    images = [field(np.random.default_rng(0), 90)[0][:80]]

    same, seen = framed(tiny(), images)

    assert same is images
    assert seen == (80, 90)


def test_logits_are_scaled_to_the_size_of_the_image_bilinearly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logits = torch.randn(3, 12, 16, generator=torch.Generator().manual_seed(0))
    for size in ((300, 401), (30, 41), (48, 64)):
        expected = interpolate(logits[None], size, mode="bilinear", align_corners=False)[0]
        whole = rows_at_size(logits, (48, 64), size, slice(0, size[0]))
        assert torch.allclose(whole, expected, atol=1e-4)

        monkeypatch.setattr(framing, "LINES", 7)
        part = rows_at_size(logits, (48, 64), size, slice(10, 29))
        assert torch.equal(part, whole[:, 10:29])
        monkeypatch.undo()


def test_a_large_image_has_the_same_probabilities_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    net = segmentor(**FIT).eval()
    prediction = predict_image(net, field(np.random.default_rng(0), 210)[0][:150])
    whole = prediction.probability()

    monkeypatch.setattr(whole_images, "BAND_PX", 4000)
    bands = list(prediction.bands())

    assert len(bands) > 3
    assert torch.equal(torch.cat([part for _, part in bands], dim=1), whole)
    assert whole.shape == (3, 150, 210)
    assert torch.allclose(whole.sum(dim=0), torch.ones(150, 210), atol=1e-5)


def test_padding_does_not_move_the_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    net = segmentor(**{**FIT, "context_px": 128}).eval()
    maps = (torch.rand(1, 4, 8, 8), torch.rand(1, 4, 4, 4))

    fine, coarse = framing.features_of_image(maps, (96, 40), (128, 128))

    assert torch.equal(fine, maps[0][:, :, :6, :3])
    assert torch.equal(coarse, maps[1][:, :, :3, :2])
    vector = predict_image(net, field(np.random.default_rng(0), 300)[0][:100]).embedding
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


def test_labels_of_cells_lie_where_the_cells_do() -> None:
    mask = np.arange(150 * 210, dtype=np.int64).reshape(150, 210).astype(np.uint8)

    assert np.array_equal(labels_of_cells(mask, (150, 210)), mask[::4, ::4].ravel())
    small = labels_of_cells(mask, (46, 64))
    assert len(small) == 12 * 16
    assert small[0] == mask[0, 0]
    assert small[17] == mask[4 * 150 // 46, 4 * 210 // 64]


def test_pools_of_all_sizes_are_scored_and_looked_at_whole(tmp_path: Path) -> None:
    shapes = ((40, 60), (200, 150), (200, 150), (90, 310))
    rng = np.random.default_rng(3)
    pairs = [field(rng, max(shape)) for shape in shapes]
    cut = [
        (image[:h, :w], mask[:h, :w]) for (image, mask), (h, w) in zip(pairs, shapes, strict=True)
    ]
    files = written(tmp_path, iter(cut))
    pictures: list[ImageFile] = list(unlabeled(files))
    net = segmentor(**FIT, overlap_megapixels=0.001).eval()

    predictions = [one for _, one in predictions_of(net, pictures, FileReader(pictures))]
    looks = list(sampled_predictions(net, pictures, FileReader(pictures), 0))

    assert [one.mask().shape for one in predictions] == list(shapes)
    for one, (_, size, windows), (image, _) in zip(predictions, looks, cut, strict=True):
        (box, window), alone = windows[0], predict_image(net, image)
        assert len(windows) == 1
        assert (box.height, box.width) == size == one.size
        assert torch.allclose(one.logits, alone.logits, atol=1e-5)
        assert torch.allclose(window.logits, alone.logits, atol=1e-5)


def test_the_class_prior_of_a_pool_is_estimated_from_whole_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    fields = (field(rng, 150) for _ in range(6))
    files = written(tmp_path, ((image[:110], mask[:110]) for image, mask in fields))
    net, settings = segmentor(**FIT).eval(), tiny(**FIT)
    before = net.decoder.conv_seg.bias.clone()
    request = request_of(files[:3], files[3:])

    adjust_to_pool_prior(
        RunFolder(tmp_path), net, request, Crops(request, settings, torch.device("cpu"))
    )

    assert torch.isfinite(net.decoder.conv_seg.bias).all()
    assert not torch.equal(net.decoder.conv_seg.bias, before)
