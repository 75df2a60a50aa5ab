"""The majority of several labels of an image."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from daemon.domain import IGNORE, Mask
from daemon.rules.majority_label import majority_label

VALUES = st.sampled_from([0, 1, 2, IGNORE])
MASKS = st.integers(1, 5).flatmap(
    lambda people: st.lists(
        arrays(np.uint8, (3, 4), elements=VALUES), min_size=people, max_size=people
    )
)


def by_pixel(masks: list[Mask]) -> Mask:
    """The same, one pixel after the other."""
    found = np.full(masks[0].shape, IGNORE, np.uint8)
    for at in np.ndindex(found.shape):
        votes = Counter(int(mask[at]) for mask in masks if mask[at] != IGNORE).most_common()
        if votes and (len(votes) == 1 or votes[0][1] > votes[1][1]):
            found[at] = votes[0][0]
    return found


@given(MASKS)
def test_it_is_what_most_people_say_at_each_pixel(masks: list[Mask]) -> None:
    assert np.array_equal(majority_label(masks), by_pixel(masks))


@given(MASKS, st.randoms())
def test_the_order_of_the_people_does_not_matter(masks: list[Mask], random: object) -> None:
    turned = list(masks)
    random.shuffle(turned)  # type: ignore[attr-defined]

    assert np.array_equal(majority_label(turned), majority_label(masks))


@given(arrays(np.uint8, (3, 4), elements=VALUES), st.integers(1, 4))
def test_people_who_agree_change_nothing(mask: Mask, people: int) -> None:
    assert np.array_equal(majority_label([mask] * people), mask)


@given(MASKS)
def test_somebody_who_labels_nothing_changes_nothing(masks: list[Mask]) -> None:
    blank = np.full_like(masks[0], IGNORE)

    assert np.array_equal(majority_label([*masks, blank]), majority_label(masks))


@given(MASKS)
def test_no_class_appears_that_nobody_drew(masks: list[Mask]) -> None:
    drawn = {IGNORE} | {int(value) for mask in masks for value in np.unique(mask)}

    assert set(np.unique(majority_label(masks)).tolist()) <= drawn


def test_two_people_who_differ_leave_no_label_there() -> None:
    ada = np.array([[0, 1, 2, IGNORE]], np.uint8)
    ben = np.array([[0, 2, IGNORE, IGNORE]], np.uint8)

    assert majority_label([ada, ben]).tolist() == [[0, IGNORE, 2, IGNORE]]


def test_three_people_settle_it_unless_each_says_another_class() -> None:
    rows = ([1, 0, 1, 1], [1, 1, 2, 1], [2, 2, 0, 1])

    found = majority_label([np.array([row], np.uint8) for row in rows])

    assert found.tolist() == [[1, IGNORE, IGNORE, 1]]


def test_masks_of_two_sizes_have_no_majority() -> None:
    with pytest.raises(ValueError, match="masks of one size"):
        majority_label([np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8)])
    with pytest.raises(ValueError, match="no mask"):
        majority_label([])
