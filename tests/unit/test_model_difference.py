"""Two models on the same images: a small steady gain is seen, noise is not taken for one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from daemon.domain.evaluations import MeasuredImage
from daemon.insight.model_difference import ModelVerdict, model_difference


def measured(right: list[int], group: str = "") -> list[MeasuredImage]:
    """Images of two classes of 100 pixels each; of both so many are predicted right."""
    return [
        MeasuredImage(
            image=number,
            group=group and f"{group}{number // 2}",
            pixels=((px, 100, 100), (px, 100, 100)),
        )
        for number, px in enumerate(right)
    ]


HARD_AND_EASY = [30, 95, 50, 80, 40, 90, 60, 70, 35, 85, 55, 75]


def compared(before: list[MeasuredImage], after: list[MeasuredImage]) -> ModelVerdict:
    return model_difference(before, after, np.random.default_rng(0)).verdict


def test_a_small_gain_on_each_image_is_clear_though_images_differ_much() -> None:
    before, after = measured(HARD_AND_EASY), measured([px + 3 for px in HARD_AND_EASY])

    found = model_difference(before, after, np.random.default_rng(0))

    assert (found.verdict, found.images) == (ModelVerdict.BETTER, 12)
    low, high = found.interval
    # 765 of 1200 pixels right, then 801: IoU 765/1635 and 801/1599.
    assert found.difference == pytest.approx(801 / 1599 - 765 / 1635)
    assert 0.02 < low < found.difference < high < 0.05
    assert found.words.startswith("clearly better (95 %: +0.0")
    assert compared(after, before) is ModelVerdict.WORSE


def test_gains_and_losses_that_outweigh_each_other_are_not_clear() -> None:
    changed = [px + (9 if number % 2 else -8) for number, px in enumerate(HARD_AND_EASY)]

    assert compared(measured(HARD_AND_EASY), measured(changed)) is ModelVerdict.UNCLEAR
    same = model_difference(measured([9] * 9), measured([9] * 9), np.random.default_rng(0))
    assert (same.verdict, same.words) == (
        ModelVerdict.UNCLEAR,
        "no difference on the same 9 images",
    )


def test_images_of_a_group_count_as_one() -> None:
    after = [px + 3 for px in HARD_AND_EASY]

    found = model_difference(
        measured(HARD_AND_EASY, "g"), measured(after, "g"), np.random.default_rng(0)
    )

    assert found.verdict is ModelVerdict.FEW_IMAGES
    assert found.words == "too few to compare: 6 groups that both models were measured on, of 8"


def test_an_image_whose_mask_was_drawn_again_is_left_out() -> None:
    before, after = measured(HARD_AND_EASY), measured(HARD_AND_EASY)
    after[0] = replace(after[0], pixels=((30, 90, 100), (30, 110, 100)))

    assert model_difference(before, after, np.random.default_rng(0)).images == 11


def test_a_model_without_figures_by_image_is_not_comparable_yet() -> None:
    found = model_difference([], measured(HARD_AND_EASY), np.random.default_rng(0))

    assert (found.verdict, found.interval) == (ModelVerdict.NOT_STORED, None)
    assert found.words.startswith("not comparable yet")


def test_the_same_seed_gives_the_same_interval() -> None:
    models = measured(HARD_AND_EASY), measured([px + 3 for px in HARD_AND_EASY])

    first, second = (model_difference(*models, np.random.default_rng(5)) for _ in range(2))

    assert first == second


def test_two_equal_models_are_seldom_told_apart() -> None:
    rng = np.random.default_rng(1)
    different = 0
    for _ in range(80):
        base = rng.integers(40, 90, 16)
        one, other = (measured(list(np.clip(base + rng.integers(-8, 9, 16), 0, 100))) for _ in "ab")
        different += compared(one, other) is not ModelVerdict.UNCLEAR

    assert different <= 9  # 5 % of 80 are 4
