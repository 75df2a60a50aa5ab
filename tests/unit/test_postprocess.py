"""Specks and holes, by hand and by chance."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from daemon.domain import IGNORE, Mask
from daemon.rules.postprocess import postprocess_mask

quick = settings(max_examples=80, derandomize=True, deadline=None)
VALUES = st.sampled_from([0, 0, 0, 1, 1, 2, IGNORE])
MASKS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=VALUES)
SIZES = st.integers(0, 12)


def without_specks(mask: np.ndarray, min_region_px: int) -> np.ndarray:
    return postprocess_mask(mask, min_region_px=min_region_px, fill_holes_px=0)


def without_holes(mask: np.ndarray, fill_holes_px: int) -> np.ndarray:
    return postprocess_mask(mask, min_region_px=0, fill_holes_px=fill_holes_px)


def mask(*rows: str) -> Mask:
    """Digits are classes, "." is background, "x" is no label."""
    values = {".": 0, "x": IGNORE}
    return np.array([[values.get(c, c) for c in row] for row in rows]).astype(np.uint8)


def test_a_speck_becomes_what_surrounds_it() -> None:
    before = mask(".....1111", ".2...1211", ".....1111")
    after = mask(".....1111", ".....1111", ".....1111")

    assert np.array_equal(without_specks(before, 2), after)


def test_specks_that_touch_go_together() -> None:
    assert np.array_equal(without_specks(mask("....", ".12.", "...."), 2), np.zeros((3, 4)))


def test_neighbours_by_a_corner_are_two_regions() -> None:
    assert np.array_equal(without_specks(mask("1..", ".1.", "..."), 2), np.zeros((3, 3)))


def test_a_hole_is_filled_and_a_bay_is_not() -> None:
    before = mask("11111.", "1.11..", "111111", "1.1111")
    after = mask("11111.", "1111..", "111111", "1.1111")

    assert np.array_equal(without_holes(before, 4), after)


def test_of_two_equal_surroundings_the_lower_class_wins() -> None:
    before = mask("x222x", "22.11", "x111x")

    assert without_holes(before, 2)[1, 2] == 1


def test_a_picture_that_is_one_speck_is_background() -> None:
    assert without_specks(mask("12", "21"), 9).max() == 0
    assert without_specks(np.zeros((0, 3), np.uint8), 9).shape == (0, 3)


@quick
@given(MASKS, SIZES, SIZES)
def test_tidying_twice_is_tidying_once(before: Mask, specks: int, holes: int) -> None:
    once = postprocess_mask(before, min_region_px=specks, fill_holes_px=holes)

    assert np.array_equal(postprocess_mask(once, min_region_px=specks, fill_holes_px=holes), once)


@quick
@given(MASKS, SIZES, SIZES)
def test_a_region_that_is_large_enough_is_never_touched(
    before: Mask, specks: int, holes: int
) -> None:
    after = postprocess_mask(before, min_region_px=specks, fill_holes_px=holes)

    assert (after.dtype, after.shape) == (before.dtype, before.shape)
    for value in (0, 1, 2, IGNORE):
        least = {0: holes, IGNORE: 0}.get(value, specks)
        regions, count = ndimage.label(before == value)
        for number in range(1, count + 1):
            inside = regions == number
            if inside.sum() >= least:
                assert (after[inside] == value).all()


@quick
@given(MASKS, SIZES)
def test_no_speck_is_left(before: Mask, specks: int) -> None:
    after = postprocess_mask(before, min_region_px=specks, fill_holes_px=5)

    for value in (1, 2):
        regions, _ = ndimage.label(after == value)
        assert (np.bincount(regions.ravel())[1:] >= specks).all()


@quick
@given(MASKS)
def test_nothing_is_tidied_at_zero(before: Mask) -> None:
    assert np.array_equal(postprocess_mask(before, min_region_px=0, fill_holes_px=0), before)
