"""What a reviewer is shown and what becomes of the answer; which labels deserve a second look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from daemon.audit.second_look import changed_pixels, review_outcome, review_regions
from daemon.domain import ClassSet, Mask
from daemon.domain.label_findings import Finding, FindingType
from daemon.domain.reviews import ReviewState
from daemon.rules.review_stop import is_not_worth_it, stop_rule
from daemon.stages.review_candidates import budget, by_suspicion

CLASSES = ClassSet(names=("soil", "crop", "weed"))
masks = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 16), st.integers(1, 16)),
    elements=st.integers(0, 2),
)


@st.composite
def places(draw: st.DrawFn, types: tuple[FindingType, ...] = tuple(FindingType)) -> Finding:
    """A place that may lie outside of the image, too."""
    top, left = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    names = st.sampled_from(["", *CLASSES.names])
    return Finding(
        image_id=draw(st.integers(1, 4)),
        type=draw(st.sampled_from(types)),
        labeled=draw(names),
        proposed=draw(names),
        box_yxyx=(top, left, top + draw(st.integers(1, 8)), left + draw(st.integers(1, 8))),
        area_px=1,
        score=draw(st.floats(0, 1)),
        expected_precision=None,
        reason="Why.",
        weak=draw(st.booleans()),
    )


@given(label=masks, found=st.lists(places(), max_size=3))
def test_the_reviewer_sees_the_label_and_nothing_else(label: Mask, found: list[Finding]) -> None:
    regions = review_regions(label, found, CLASSES)

    shown = np.zeros_like(label)
    for region in regions:
        assert not shown[region.pixels].any()  # disjoint: no order decides
        shown[region.pixels] = region.value
    assert np.array_equal(shown, label)
    assert review_outcome(label, shown, found, CLASSES, 2) is ReviewState.CONFIRMED
    words = " ".join(region.sentence for region in regions)
    assert not regions or all(place.reason in words for place in found) or len(found) > 1


@given(label=masks, seed=st.integers(0, 9), tolerance_px=st.integers(0, 3))
def test_no_pixel_that_stayed_counts_as_changed(label: Mask, seed: int, tolerance_px: int) -> None:
    after = np.random.default_rng(seed).permuted(label)

    changed = changed_pixels(label, after, tolerance_px)

    assert not changed[label == after].any()
    assert changed.sum() <= changed_pixels(label, after, 0).sum()


def one_square(value: int) -> tuple[Mask, Finding]:
    label = np.zeros((40, 40), np.uint8)
    label[10:22, 10:22] = value
    found = Finding(
        image_id=1,
        type=FindingType.SWAP,
        labeled="crop",
        proposed="weed",
        box_yxyx=(10, 10, 22, 22),
        area_px=144,
        score=1.0,
        expected_precision=0.7,
        reason="Labeled crop; the model sees weed here.",
    )
    return label, found


@pytest.mark.parametrize("shift", [1, 2])
def test_a_border_within_the_tolerance_confirms_a_label(shift: int) -> None:
    label, found = one_square(1)
    moved = np.roll(label, shift, axis=1)

    assert review_outcome(label, moved, [found], CLASSES, 2) is ReviewState.CONFIRMED


def test_a_change_as_proposed_corrects_and_another_one_does_not() -> None:
    label, found = one_square(1)

    weed, nothing = one_square(2)[0], np.zeros_like(label)

    assert review_outcome(label, weed, [found], CLASSES, 2) is ReviewState.CORRECTED
    assert review_outcome(label, nothing, [found], CLASSES, 2) is ReviewState.OTHER
    outside = replace(found, type=FindingType.OUTSIDE, proposed="soil")
    assert review_outcome(label, nothing, [outside], CLASSES, 2) is ReviewState.CORRECTED


@given(found=st.lists(places(), max_size=12))
def test_only_strong_findings_by_a_model_are_worth_a_review(found: list[Finding]) -> None:
    chosen = by_suspicion(found)

    sums = [sum(place.score for place in some) for some in chosen.values()]
    assert sums == sorted(sums, reverse=True)
    for image_id, some in chosen.items():
        assert 0 < len(some) <= 3
        assert all(place.image_id == image_id and not place.weak for place in some)
    borders = (FindingType.SHIFT, FindingType.UNLABELED_PART, FindingType.RULE)
    assert not by_suspicion([place for place in found if place.type in borders])


def test_reviews_stop_when_they_correct_too_little() -> None:
    corrected, confirmed = [ReviewState.CORRECTED], [ReviewState.CONFIRMED]

    assert is_not_worth_it(corrected * 3 + confirmed * 17)
    assert not is_not_worth_it(corrected * 4 + confirmed * 16)
    assert not is_not_worth_it(confirmed * 19)
    assert stop_rule(corrected * 3 + confirmed * 17).endswith("of the last 20, 3 did.")
    assert "20% of the last 20" in stop_rule(confirmed)
    assert stop_rule(confirmed).endswith("1 label had one so far.")
    assert [budget(share, 50) for share in (0.0, 0.001, 0.1)] == [0, 1, 5]
