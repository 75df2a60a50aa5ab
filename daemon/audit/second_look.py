"""A second look at a label: how it is shown to the reviewer, and what the reviewer made of it.

What is shown is the author's label and nothing else, so a reviewer who submits it untouched
confirms it. The rest of each class is one region; a suspicious component is a region of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.audit.finding_pictures import place_mask
from daemon.domain import ClassSet, Mask
from daemon.domain.label_findings import Finding
from daemon.domain.reviews import ReviewRegion, ReviewState

UNCHANGED_SHARE = 0.1  # of a place: people who touch a region move a few of its pixels
PROPOSED_SHARE = 0.5  # of a place that has the proposed class afterwards
Pixels = npt.NDArray[np.bool_]


def review_regions(
    label: Mask, places: Sequence[Finding], classes: ClassSet
) -> tuple[ReviewRegion, ...]:
    """The label (H, W) as disjoint regions, the suspicious ones first; none where it cannot be
    drawn with these classes. Where nothing is labeled at a place, the sentence stands on a region
    of the proposed class, else on the first one. Pure."""
    drawn = [value for name in classes.drawn if (value := classes.index(name)) is not None]
    if not np.isin(label, [*drawn, classes.unlabeled]).all() or not np.isin(label, drawn).any():
        return ()
    own: list[ReviewRegion] = []
    elsewhere: dict[int | None, list[str]] = defaultdict(list)
    free = np.ones(label.shape, bool)
    for place in places:
        value = classes.index(place.labeled) if place.labeled else None
        pixels = None if value is None else _component(label, place, value) & free
        if value not in drawn or pixels is None or not pixels.any():
            elsewhere[classes.index(place.proposed)].append(_sentence_with_position(place))
            continue
        free &= ~pixels
        own.append(
            ReviewRegion(value=value, pixels=pixels, score=_score(place), sentence=place.reason)
        )
    rest = [(value, (label == value) & free) for value in drawn]
    merged = [ReviewRegion(value=value, pixels=pixels) for value, pixels in rest if pixels.any()]
    return tuple(_with_sentences([*own, *merged], elsewhere))


def review_outcome(
    before: Mask, after: Mask, places: Sequence[Finding], classes: ClassSet, tolerance_px: int
) -> ReviewState:
    """What a reviewer made of a label with these places. before, after: (H, W). Pure."""
    return outcome_of(place_outcomes(before, after, places, classes, tolerance_px))


def outcome_of(outcomes: Sequence[ReviewState]) -> ReviewState:
    """Of a review, by the outcomes of its places: corrected where one was changed as proposed, else
    other where one was changed, else confirmed. Pure."""
    for state in (ReviewState.CORRECTED, ReviewState.OTHER):
        if state in outcomes:
            return state
    return ReviewState.CONFIRMED


def place_outcomes(
    before: Mask, after: Mask, places: Sequence[Finding], classes: ClassSet, tolerance_px: int
) -> tuple[ReviewState, ...]:
    """What a reviewer made of each of these places, in their order. before, after: (H, W). Pure."""
    changed = changed_pixels(before, after, tolerance_px)
    return tuple(_place_outcome(changed, after, place, classes) for place in places)


def changed_pixels(before: Mask, after: Mask, tolerance_px: int) -> Pixels:
    """(H, W): pixels of another class, unless a border only moved by `tolerance_px` or less: then
    the class of each side is that near in the other mask. Pure."""
    changed: Pixels = before != after
    if not tolerance_px or not changed.any():
        return changed
    size = 2 * tolerance_px + 1
    was_near, is_near = np.zeros_like(changed), np.zeros_like(changed)
    for value in np.union1d(before[changed], after[changed]):
        was_near |= (after == value) & ndimage.maximum_filter(before == value, size)
        is_near |= (before == value) & ndimage.maximum_filter(after == value, size)
    return changed & ~(was_near & is_near)


def _place_outcome(changed: Pixels, after: Mask, place: Finding, classes: ClassSet) -> ReviewState:
    pixels = _in_image(place, after.shape)
    if not pixels.any() or changed[pixels].mean() <= UNCHANGED_SHARE:
        return ReviewState.CONFIRMED
    proposed = classes.index(place.proposed) if place.proposed else None
    if proposed is not None and (after[pixels] == proposed).mean() >= PROPOSED_SHARE:
        return ReviewState.CORRECTED
    return ReviewState.OTHER


def _in_image(place: Finding, shape: tuple[int, ...]) -> Pixels:
    """(H, W): the pixels of a place; what lies outside of the image is left out."""
    found = np.zeros(shape, bool)
    top, left, bottom, right = place.box_yxyx
    inside = found[top:bottom, left:right]
    inside[:] = place_mask(place)[: inside.shape[0], : inside.shape[1]]
    return found


def _component(label: Mask, place: Finding, value: int) -> Pixels:
    """The component of this class that has the most pixels of the place; empty without one."""
    components, _ = ndimage.label(label == value)
    touched = components[_in_image(place, label.shape)]
    counts = np.bincount(touched[touched > 0])
    if not counts.size:
        return np.zeros(label.shape, bool)
    found: Pixels = components == counts.argmax()
    return found


def _with_sentences(
    regions: list[ReviewRegion], elsewhere: dict[int | None, list[str]]
) -> list[ReviewRegion]:
    found = list(regions)
    for value, sentences in elsewhere.items():
        at = next((row for row, region in enumerate(found) if region.value == value), 0)
        joined = " ".join([found[at].sentence, *sentences]).strip()
        found[at] = ReviewRegion(
            value=found[at].value, pixels=found[at].pixels, score=found[at].score, sentence=joined
        )
    return found


def _sentence_with_position(place: Finding) -> str:
    top, left, bottom, right = place.box_yxyx
    return f"{place.reason} (Rows {top} to {bottom}, columns {left} to {right}.)"


def _score(place: Finding) -> float:
    known = place.score if place.expected_precision is None else place.expected_precision
    return min(max(float(known), 0.0), 1.0)
