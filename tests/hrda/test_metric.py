from __future__ import annotations

import numpy as np
import pytest

from daemon.hrda.metric import confusion, evaluation, iou_of

NAMES = ("soil", "crop", "weed")


def test_iou_is_what_counting_pixels_gives() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (40, 50)).astype(np.uint8)
    truth[rng.random((40, 50)) < 0.2] = 255
    said = rng.integers(0, 3, (40, 50)).astype(np.uint8)

    iou = iou_of(confusion(truth, said, 3))

    labeled = truth != 255
    for index in range(3):
        both = ((truth == index) & (said == index) & labeled).sum()
        either = (((truth == index) | (said == index)) & labeled).sum()
        assert iou[index] == pytest.approx(both / either)


def test_a_class_that_the_truth_lacks_is_left_out_of_the_mean() -> None:
    truth = np.array([[0, 0, 1, 1]], np.uint8)
    said = np.array([[0, 2, 1, 1]], np.uint8)

    result = evaluation([confusion(truth, said, 3)], NAMES)

    assert result.iou == {"soil": 0.5, "crop": 1.0, "weed": None}
    assert result.miou == pytest.approx(0.75)


def test_the_matrices_are_summed_before_the_ratio() -> None:
    one = np.diag([10, 0, 0]).astype(np.int64)
    two = np.array([[0, 0, 0], [5, 5, 0], [0, 0, 0]])

    result = evaluation([one, two], NAMES)

    assert result.iou == {"soil": pytest.approx(10 / 15), "crop": pytest.approx(0.5), "weed": None}


def test_the_interval_holds_the_mean_and_is_reproducible() -> None:
    rng = np.random.default_rng(0)
    matrices = [rng.integers(1, 100, (3, 3)) + np.diag([200, 50, 20]) for _ in range(30)]

    first, second = evaluation(matrices, NAMES), evaluation(matrices, NAMES)

    assert first == second
    assert first.miou_interval is not None
    assert first.miou is not None
    low, high = first.miou_interval
    assert low < first.miou < high


def test_no_images_and_no_labels_are_no_number() -> None:
    assert evaluation([], NAMES).miou is None
    assert evaluation([np.zeros((3, 3), np.int64)], NAMES).miou is None
