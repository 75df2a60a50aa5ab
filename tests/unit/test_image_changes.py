"""Two models image by image: which class changed, who is right where, which images are behind a
mistake."""

from __future__ import annotations

import numpy as np

from daemon.domain.evaluations import MeasuredImage
from daemon.insight.image_changes import class_changes, image_changes, mistaken_images
from daemon.insight.mask_difference import BETTER, BOTH_WRONG, WORSE, mask_difference

NAMES = ("soil", "weed")


def measured(
    image: int, right: int, mistakes: tuple[tuple[int, int, int], ...] = ()
) -> MeasuredImage:
    """An image of 100 pixels of soil and 100 of weed; so many of the weed are found."""
    return MeasuredImage(
        image=image,
        group="",
        pixels=((100, 100, 200 - right), (right, 100, right)),
        mistakes=mistakes,
    )


def test_each_pixel_says_who_of_two_models_is_right() -> None:
    truth = np.array([[0, 0, 1, 1, 255]], np.uint8)
    before = np.array([[0, 1, 0, 0, 0]], np.uint8)
    after = np.array([[1, 0, 1, 0, 1]], np.uint8)

    assert mask_difference(truth, before, after).tolist() == [
        [WORSE, BETTER, BETTER, BOTH_WRONG, 0]
    ]


def test_the_image_that_lost_most_comes_first_and_new_images_are_left_out() -> None:
    before = [measured(number, 60) for number in range(3)]
    after = [measured(0, 60), measured(1, 90), measured(2, 20), measured(9, 5)]

    found = image_changes(before, after)

    assert [(one.image, one.before, one.after) for one in found] == [
        (2, 0.8, 0.6), (0, 0.8, 0.8), (1, 0.8, 0.95),
    ]  # fmt: skip


def test_a_class_that_changed_beyond_noise_says_so_and_few_images_say_nothing() -> None:
    before = [measured(number, 50 + number % 3) for number in range(12)]
    after = [measured(number, 70 + number % 4) for number in range(12)]

    soil, weed = class_changes(NAMES, before, after)
    few = class_changes(NAMES, before[:5], after[:5])

    assert (weed.name, weed.words.split(" ")[0]) == ("weed", "better")
    assert weed.interval[0] > 0.15
    assert soil.difference > 0
    assert [one.interval for one in few] == [None, None]
    assert class_changes(NAMES, [], after) == ()


def test_the_images_behind_a_cell_of_the_matrix_come_with_their_pixels() -> None:
    images = [
        measured(1, 60, ((1, 0, 40),)),
        measured(2, 90, ((1, 0, 10), (0, 1, 3))),
        measured(3, 100),
        measured(4, 20, ((1, 0, 80),)),
    ]

    found = mistaken_images(images, truth=1, predicted=0)

    assert [(one.image, one.pixels, one.share) for one in found] == [
        (4, 80, 0.8), (1, 40, 0.4), (2, 10, 0.1),
    ]  # fmt: skip
    assert [one.image for one in mistaken_images(images, 0, 1)] == [2]
