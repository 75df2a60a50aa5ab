"""Images of many megapixels: windows side by side, a part for class shares, bands for figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.domain import IGNORE
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.evaluation import calibration
from daemon.hrda.evaluation.calibration import CalibrationTally
from daemon.hrda.evaluation.evaluate import EvaluationTally
from daemon.hrda.inference import streaming, whole_images
from daemon.hrda.inference.streaming import predictions_of, sampled_predictions, sampled_windows
from daemon.hrda.inference.whole_images import (
    ImagePrediction,
    context_windows,
    predict_image,
    windows,
)
from daemon.hrda.network.windows import sliding_windows
from daemon.hrda.predict import mask_of
from daemon.hrda.training.pool_prior import adjust_to_pool_prior
from daemon.runs.run_folder import RunFolder, TrainRequest
from tests.hrda.tiny import CHANGES, CLASSES, field, segmentor, tiny, unlabeled, write_field


def random_look(height: int, width: int) -> ImagePrediction:
    cells = (len(CLASSES), -(-height // 4), -(-width // 4))
    logits = 3 * torch.randn(cells, generator=torch.Generator().manual_seed(height))
    return ImagePrediction(logits=logits, size=(height, width), embedding=np.ones(1, np.float32))


def shown_px(size: tuple[int, int], **changes: Any) -> float:
    """Pixels that pass through the network, for each pixel of an image of this (H, W)."""
    net = segmentor(window_px=1024, detail_window_px=512, **changes)
    boxes, stride = windows(net, size)
    detail = sum(w.height * w.width for w in sliding_windows(1024, 1024, 512, stride))
    return len(boxes) * (512 * 512 + detail) / (size[0] * size[1])


def test_up_to_16_megapixels_windows_overlap_by_half_and_above_none_does() -> None:
    net = segmentor(window_px=1024, detail_window_px=512)

    ordinary, stride = windows(net, (4000, 4000))
    large, far = windows(net, (4000, 4001))

    assert (ordinary, stride) == (context_windows(net, 4032, 4032), 256)
    assert ([(box.y, box.x) for box in large[:5]], far) == (
        [(0, 0), (0, 1024), (0, 2048), (0, 3008), (1024, 0)],
        512,
    )


def test_64_megapixels_cost_less_than_16_do() -> None:
    assert shown_px((8000, 8000)) == pytest.approx(1.31, abs=0.01)
    assert shown_px((8000, 8000), overlap_megapixels=64.0) == pytest.approx(9.2, abs=0.1)
    assert 64 * shown_px((8000, 8000)) < 16 * shown_px((4000, 4000))


def test_windows_side_by_side_see_all_of_an_image_at_its_own_scale() -> None:
    image = field(np.random.default_rng(0), 300)[0][:, :210]
    overlapping = predict_image(segmentor().eval(), image)

    beside = predict_image(segmentor(overlap_megapixels=0.05).eval(), image)

    assert beside.size == overlapping.size == (300, 210)
    assert beside.logits.shape == overlapping.logits.shape
    assert torch.isfinite(beside.logits).all()
    assert not torch.equal(beside.logits, overlapping.logits)


@pytest.mark.parametrize("height", [1, 37, 64, 203])
@pytest.mark.parametrize("band_px", [1, 50 * 8, 50 * 41, 10**9])
def test_bands_are_the_rows_of_the_whole(
    height: int, band_px: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    prediction = random_look(height, 50)
    whole = prediction.probability()

    monkeypatch.setattr(whole_images, "BAND_PX", band_px)
    bands = list(prediction.bands())

    assert torch.allclose(torch.cat([part for _, part in bands], dim=1), whole, atol=1e-6)
    assert len(bands) > 1 or torch.equal(bands[0][1], whole)
    assert [rows.stop for rows, _ in bands][-1] == height
    assert all(part.shape[1] <= max(4, band_px // 50) for _, part in bands)
    assert np.array_equal(prediction.mask(), whole.argmax(dim=0).numpy())


def test_an_image_of_16_megapixels_is_one_band() -> None:
    bands = random_look(4000, 4000).bands()

    assert [rows for rows, _ in bands] == [slice(0, 4000)]


def test_figures_of_bands_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    prediction, rng = random_look(203, 150), np.random.default_rng(0)
    truth = rng.choice(np.array([0, 1, 2, IGNORE], np.uint8), (203, 150))
    whole, banded = (EvaluationTally(CLASSES, CalibrationTally(1.7)) for _ in range(2))
    whole.add(truth, prediction.probability().numpy())

    monkeypatch.setattr(whole_images, "BAND_PX", 150 * 40)
    monkeypatch.setattr(calibration, "CHUNK_PX", 1000)
    banded.add_bands(truth, ((rows, part.numpy()) for rows, part in prediction.bands()))

    one, two = whole.evaluation(), banded.evaluation()
    assert (one.iou, one.boundary_iou) == (two.iou, two.boundary_iou)
    assert np.array_equal(whole.matrices[0], banded.matrices[0])
    assert one.calibration is not None
    assert two.calibration is not None
    assert two.calibration.ece == pytest.approx(one.calibration.ece, rel=1e-9)
    assert two.calibration.ece_scaled == pytest.approx(one.calibration.ece_scaled, rel=1e-9)
    assert two.calibration.nll == pytest.approx(one.calibration.nll, rel=0.1)  # sampled


def test_a_mask_made_of_bands_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    prediction = random_look(203, 150)
    certainty, label = prediction.probability().max(dim=0)
    whole, confidence = mask_of(prediction, CLASSES)

    monkeypatch.setattr(whole_images, "BAND_PX", 150 * 40)
    banded, nearly = mask_of(prediction, CLASSES)

    assert np.array_equal(whole, label.numpy())
    assert np.array_equal(banded, whole)
    for row, name in enumerate(CLASSES):
        assert confidence[name] == float(certainty[label == row].mean())  # to the bit
    assert nearly == pytest.approx(confidence, rel=1e-6)


def test_a_class_that_is_nowhere_has_no_confidence() -> None:
    logits = torch.zeros(3, 4, 4)
    logits[1] = 9

    _, confidence = mask_of(
        ImagePrediction(logits=logits, size=(16, 16), embedding=np.ones(1)), CLASSES
    )

    assert list(confidence) == ["crop"]


def test_class_shares_take_a_few_windows_of_a_large_image_and_all_of_a_small_one(
    tmp_path: Path,
) -> None:
    files = write_field(tmp_path, 3, side=96)
    wide = field(np.random.default_rng(9), 700)[0][:, :600]
    Image.fromarray(wide).save(files[1].image)
    net = segmentor(overlap_megapixels=0.1).eval()

    predictions = list(sampled_predictions(net, files, FileReader(files), seed=7))
    again = list(sampled_predictions(net, files, FileReader(files), seed=7))
    plain = {
        file.id: prediction for file, prediction in predictions_of(net, files, FileReader(files))
    }

    assert [(file.id, size) for file, size, _ in predictions] == [
        *((100, (96, 96)), (101, (700, 600)), (102, (96, 96)))
    ]
    small, large, _ = (parts for _, _, parts in predictions)
    ((box, prediction),) = small
    assert (box.height, box.width) == prediction.size == (96, 96)
    assert torch.equal(prediction.logits, plain[100].logits)
    assert [box for box, _ in large] == [box for box, _ in again[1][2]]
    assert len({(box.y, box.x) for box, _ in large}) == streaming.SAMPLED_WINDOWS
    for box, prediction in large:
        assert (box.height, box.width) == prediction.size == (128, 128)
        assert np.allclose(prediction.logits, predict_image(net, wide[box.view]).logits, atol=1e-5)


def test_windows_are_drawn_from_all_over_the_image() -> None:
    seeds = [np.random.default_rng(row) for row in range(40)]

    boxes = [box for rng in seeds for box in sampled_windows(8000, 8000, 1024, rng)]

    assert len(boxes) == 40 * streaming.SAMPLED_WINDOWS
    assert {box.y for box in boxes} == {box.x for box in boxes} == {*range(0, 7168, 1024), 6976}


def large_request(folder: Path) -> TrainRequest:
    """Images of 400x400, looked at as if they were large; one of the two labeled has no weed."""
    files = write_field(folder, 5, side=400)
    mask = np.array(Image.open(files[1].mask))
    Image.fromarray(np.where(mask == 2, 0, mask).astype(np.uint8)).save(files[1].mask)
    return TrainRequest(
        classes=CLASSES,
        device="cpu",
        threads=1,
        seed=7,
        settings={**CHANGES, "overlap_megapixels": 0.1},
        labeled=tuple(files[:2]),
        validation=(),
        unlabeled=unlabeled(files[2:]),
    )


def test_the_look_at_a_pool_of_large_images_moves_the_logits(tmp_path: Path) -> None:
    request, settings = large_request(tmp_path), tiny(overlap_megapixels=0.1)
    net = segmentor(overlap_megapixels=0.1).eval()
    before = net.state_dict()["decoder.conv_seg.bias"].clone()

    adjust_to_pool_prior(
        RunFolder(tmp_path), net, request, Crops(request, settings, torch.device("cpu"))
    )

    after = net.state_dict()["decoder.conv_seg.bias"]
    assert torch.isfinite(after).all()
    assert not torch.equal(after, before)


def test_a_labeled_mask_that_does_not_fit_its_large_image_is_named(tmp_path: Path) -> None:
    request, settings = large_request(tmp_path), tiny(overlap_megapixels=0.1)
    crops = Crops(request, settings, torch.device("cpu"))
    spoiled = request.labeled[0]
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(spoiled.mask)  # behind our back

    adjust_to_pool_prior(
        RunFolder(tmp_path), segmentor(overlap_megapixels=0.1).eval(), request, crops
    )

    (fault,) = crops.reader.faults()
    assert (fault.id, fault.path) == (spoiled.id, spoiled.mask)
