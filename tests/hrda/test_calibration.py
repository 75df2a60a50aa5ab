"""Calibration and boundaries against slow versions that follow the papers word by word."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.hrda.evaluation.boundary_iou import boundary, boundary_counts, boundary_iou
from daemon.hrda.evaluation.calibration import CalibrationTally, TemperatureFit, sampled_pixels
from daemon.hrda.evaluation.evaluate import EvaluationTally

NAMES = ("soil", "crop", "weed")


def scene(seed: int, sharpness: float = 1.0, side: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """A truth drawn from softmax(logits) with holes, and softmax(sharpness * logits)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (3, side, side))
    p = softmax(logits)
    truth = (rng.random((side, side)) > p.cumsum(axis=0)).sum(axis=0).clip(0, 2).astype(np.uint8)
    truth[:3] = 255
    return truth, softmax(sharpness * logits).astype(np.float32)


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    e = np.exp(logits - logits.max(axis=0))
    return np.asarray(e / e.sum(axis=0))


def slow_ece(truth: np.ndarray, p: np.ndarray) -> float:
    """Guo et al., equation 3, bin by bin."""
    sure, right = p.max(axis=0)[truth != 255], (p.argmax(axis=0) == truth)[truth != 255]
    total = 0.0
    for row in range(15):
        inside = (sure > row / 15) & (sure <= (row + 1) / 15)
        if inside.any():
            total += inside.sum() * abs(right[inside].mean() - sure[inside].mean())
    return total / len(sure)


def test_ece_is_what_the_bins_give() -> None:
    truth, p = scene(0, sharpness=3.0)
    calibration = CalibrationTally()

    calibration.add(truth[:20], p[:, :20])
    calibration.add(truth[20:], p[:, 20:])

    found = calibration.calibration()
    assert found is not None
    assert found.ece == pytest.approx(slow_ece(truth, p.astype(np.float64)), abs=1e-6)
    assert found.temperature is None


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 3.0])
def test_the_temperature_is_the_one_that_spoilt_the_probabilities(sharpness: float) -> None:
    fitting = TemperatureFit()
    for seed in range(12):
        fitting.add(*scene(seed, sharpness))

    found = fitting.calibration()

    assert found is not None
    assert found.temperature == pytest.approx(sharpness, rel=0.06)
    assert found.nll_scaled is not None
    assert found.nll_scaled <= found.nll + 1e-9


def test_the_temperature_has_the_least_loss_of_a_fine_search() -> None:
    truth, p = scene(3, sharpness=2.0)
    fitting = TemperatureFit()
    fitting.add(truth, p)
    labeled = truth != 255
    logits = np.log(p[:, labeled].astype(np.float64))

    tried = np.geomspace(0.5, 8, 2000)
    losses = [
        -np.log(softmax(logits / t)[truth[labeled], np.arange(labeled.sum())]).mean() for t in tried
    ]

    found = fitting.calibration()
    assert found is not None
    assert found.temperature == pytest.approx(tried[np.argmin(losses)], rel=0.01)
    assert found.nll_scaled == pytest.approx(min(losses), abs=1e-4)


def test_a_temperature_from_other_images_corrects_an_overconfident_model() -> None:
    calibration = CalibrationTally(temperature=3.0)
    for seed in range(6):
        calibration.add(*scene(seed, sharpness=3.0))

    found = calibration.calibration()

    assert found is not None
    assert found.temperature == 3.0
    assert found.ece_scaled is not None
    assert found.ece_scaled < 0.03 < 0.1 < found.ece
    assert found.nll_scaled is not None
    assert found.nll_scaled < found.nll


def test_sampled_pixels_come_from_all_columns_and_are_the_same_each_time() -> None:
    pixels = sampled_pixels(512 * 512)

    assert np.array_equal(pixels, sampled_pixels(512 * 512))
    assert len(pixels) == 4096
    assert len(np.unique(pixels % 512)) > 500
    assert sampled_pixels(7).tolist() == list(range(7))


def test_certainty_is_finite_and_no_label_is_no_figure() -> None:
    truth = np.array([[0, 1], [255, 2]], np.uint8)
    certain = np.zeros((3, 2, 2), np.float32)
    certain[0] = 1
    fitting, nothing = TemperatureFit(), CalibrationTally()

    fitting.add(truth, certain)
    nothing.add(np.full((2, 2), 255, np.uint8), certain)

    found = fitting.calibration()
    assert found is not None
    assert np.isfinite([found.nll, found.nll_scaled or 0]).all()
    assert found.ece == pytest.approx(2 / 3)
    assert nothing.calibration() is None


def slow_boundary(mask: np.ndarray, width: int) -> np.ndarray:
    """A pixel of the mask with a pixel of the outside in the square around it."""
    high, wide = mask.shape
    out = np.zeros_like(mask)
    for y, x in zip(*np.nonzero(mask), strict=True):
        rows, columns = np.mgrid[y - width : y + width + 1, x - width : x + width + 1]
        inside = (rows >= 0) & (rows < high) & (columns >= 0) & (columns < wide)
        out[y, x] = not inside.all() or not mask[rows, columns].all()
    return out


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_a_boundary_is_the_pixels_near_the_outside(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((17, 23)) < 0.97

    assert np.array_equal(boundary(mask, width), slow_boundary(mask, width))


def test_boundary_iou_of_a_shifted_square_by_hand() -> None:
    truth, said = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)
    truth[10:20, 10:20] = 1
    said[10:20, 11:21] = 1

    counts = boundary_counts(truth, said, 2)

    # 2 % of the diagonal is 1.13, so bands of 1 pixel: 36 each; the upper and lower edges share
    # 9 pixels each, the right and left ones none.
    assert counts[:, 1].tolist() == [18, 54]
    assert boundary_iou(counts, np.array([True, True]))[1] == pytest.approx(1 / 3)


def test_pixels_without_a_label_make_no_outline() -> None:
    truth, said = np.zeros((60, 60), np.uint8), np.zeros((60, 60), np.uint8)
    truth[10:40, 10:40] = said[10:40, 10:40] = 1
    truth[20:30, 20:30] = 255

    both, either = boundary_counts(truth, said, 2)

    assert both.tolist() == either.tolist()
    assert both[1] == 2 * 30 * 2 + 2 * 26 * 2  # the outer band of 2 pixels only


def test_a_tally_is_the_same_in_one_go_and_in_two_and_absent_classes_have_no_figure() -> None:
    scenes = [scene(seed) for seed in range(4)]
    tally = EvaluationTally((*NAMES, "stone"), CalibrationTally())
    for truth, p in scenes:
        tally.add(truth, np.concatenate([p, np.zeros((1, 40, 40), np.float32)]))

    found = tally.evaluation()

    assert found.images == 4
    assert found.boundary_iou["stone"] is None
    assert found.iou["stone"] is None
    assert all(
        0 < (found.boundary_iou[name] or 0) <= (found.iou[name] or 0) + 0.2 for name in NAMES
    )
    assert np.sum(found.confusion) == sum((truth != 255).sum() for truth, _ in scenes)
    assert found.calibration is not None
    assert found.calibration.ece < 0.05
