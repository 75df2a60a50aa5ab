from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.hrda.evaluation.iou import confusion, evaluation, image_miou, iou_of

NAMES = ("soil", "crop", "weed")


def pair(seed: int, side: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A truth with holes (255) and a prediction that mostly agrees."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, (side, side), p=[0.8, 0.15, 0.05]).astype(np.uint8)
    said = np.where(rng.random((side, side)) < 0.7, truth, rng.integers(0, 3, (side, side)))
    truth[rng.random((side, side)) < 0.2] = 255
    return truth, said.astype(np.uint8)


def test_iou_is_what_counting_pixels_gives() -> None:
    truth, said = pair(0)

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


def test_a_row_of_the_confusion_is_a_class_of_the_truth() -> None:
    truth = np.array([[0, 0, 0, 1, 255]], np.uint8)
    said = np.array([[0, 2, 2, 1, 1]], np.uint8)

    result = evaluation([confusion(truth, said, 3)] * 2, NAMES)

    assert result.confusion == ((2, 0, 4), (0, 2, 0), (0, 0, 0))


def test_each_image_weighs_the_same_in_the_mean_over_images() -> None:
    large = confusion(np.zeros((90, 90), np.uint8), np.zeros((90, 90), np.uint8), 3)
    small = confusion(np.array([[0, 0, 1]], np.uint8), np.array([[0, 1, 1]], np.uint8), 3)

    assert image_miou([large, small]) == pytest.approx((1 + 0.5) / 2)


def test_a_false_weed_costs_an_image_without_weeds() -> None:
    truth, said = np.zeros((1, 4), np.uint8), np.array([[0, 0, 0, 2]], np.uint8)

    assert image_miou([confusion(truth, said, 3)]) == pytest.approx((0.75 + 0) / 2)


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
    nothing = evaluation([np.zeros((3, 3), np.int64)], NAMES)

    assert evaluation([], NAMES).miou is None
    assert nothing.miou is None
    assert nothing.image_miou is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4), st.permutations(range(3)))
def test_figures_are_shares_and_do_not_depend_on_the_order_of_images_or_classes(
    seeds: list[int], order: list[int]
) -> None:
    pairs = [pair(seed) for seed in seeds]
    renamed = np.array([*order, *[0] * 252, 255], np.uint8)

    plain = evaluation([confusion(truth, said, 3) for truth, said in pairs], NAMES)
    other = evaluation(
        [confusion(renamed[truth], renamed[said], 3) for truth, said in reversed(pairs)], NAMES
    )

    for found in (plain, other):
        assert found.miou is not None
        assert found.image_miou is not None
        assert 0 <= found.image_miou <= 1
        assert all(value is None or 0 <= value <= 1 for value in found.iou.values())
    assert other.miou == pytest.approx(plain.miou)
    assert other.image_miou == pytest.approx(plain.image_miou)
    for old, new in enumerate(order):
        assert other.iou[NAMES[new]] == pytest.approx(plain.iou[NAMES[old]])
    assert np.sum(plain.confusion) == sum((truth != 255).sum() for truth, _ in pairs)
