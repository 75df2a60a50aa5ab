"""COCO's run lengths: there and back, against the text that pycocotools writes, and broken ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from daemon.pixels import coco_rle

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(inside=MASKS)
def test_any_mask_comes_back_from_both_forms(inside: np.ndarray) -> None:
    runs = coco_rle.encode(inside)

    assert np.array_equal(coco_rle.decode(runs, inside.shape), inside)
    assert np.array_equal(coco_rle.decompress(coco_rle.compress(runs), inside.shape), inside)


def test_a_large_mask_comes_back() -> None:
    inside = np.random.default_rng(0).random((4096, 4096)) > 0.999
    inside[0, 0] = inside[-1, -1] = True

    text = coco_rle.compress(coco_rle.encode(inside))

    assert np.array_equal(coco_rle.decompress(text, inside.shape), inside)


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        # the example of the comments in pycocotools, and runs short enough to see
        ([6, 1, 40, 4, 5, 4, 5, 4, 21], "61X13mN000`0"),
        ([0, 16], "0`0"),
        ([16], "`0"),
    ],
)
def test_the_text_is_that_of_the_reference(runs: list[int], text: str) -> None:
    assert coco_rle.compress(runs) == text


@pytest.mark.parametrize(
    "text", ["", "`", "~~", "0", "é", "oooooooooooooooo0", "61X13mN000`0" * 9, "O0", "\x00"]
)
def test_a_broken_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"run|text"):
        coco_rle.decompress(text, (9, 10))


@given(text=st.text(alphabet=st.characters(min_codepoint=48, max_codepoint=111), max_size=60))
def test_no_text_does_anything_but_decode_or_be_refused(text: str) -> None:
    try:
        found = coco_rle.decompress(text, (9, 10))
    except ValueError:
        return
    assert found.shape == (9, 10)


@pytest.mark.parametrize("runs", [None, [90.0], [-1, 91], [2**80], [45], [True] * 90, "0"])
def test_broken_runs_are_refused(runs: object) -> None:
    with pytest.raises(ValueError, match="run"):
        coco_rle.decode(runs, (9, 10))
