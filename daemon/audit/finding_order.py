"""The findings of an audit in the order in which people should look at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from daemon.domain.label_findings import Finding, FindingType

FURTHER_PLACE = 0.5  # of the urgency of the place before in the same image
SAME_PLACE = 0.5  # intersection by union of two boxes
LARGE_PX, SIZE_WEIGHT = 65_536, 0.25  # in the order of places: larger places are equal
Box = tuple[int, int, int, int]


def size_weight(area: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """(N,): how much places of so many pixels (N,) count in their order, in (0, 1]."""
    found: npt.NDArray[np.float64] = np.minimum(np.maximum(area, 1) / LARGE_PX, 1.0) ** SIZE_WEIGHT
    return found


def in_order(findings: Iterable[Finding], most: int) -> tuple[Finding, ...]:
    """At most so many findings, the most urgent first.

    The score of each finding is its probability times its weight. Where a model and the labels of
    similar pictures doubt the same place, it is one finding, and both count as independent. Each
    further place of an image counts half of the one before: whoever opens it sees them all.
    """
    of_image: dict[int, list[Finding]] = defaultdict(list)
    ordered: list[Finding] = []
    for finding in findings:
        if finding.type is FindingType.RULE:  # of the whole image
            ordered.append(finding)
        else:
            of_image[finding.image_id].append(finding)
    for found in of_image.values():
        places = sorted(_places(found), key=_urgency)
        ordered += [
            replace(one, score=one.score * FURTHER_PLACE**rank) for rank, one in enumerate(places)
        ]
    return tuple(sorted(ordered, key=_urgency)[:most])


def _urgency(finding: Finding) -> tuple[float, int, Box]:
    return -finding.score, finding.image_id, finding.box_yxyx


def _places(findings: Sequence[Finding]) -> list[Finding]:
    """One finding of each place of an image. What the model says of it is kept, since it names a
    type and a probability that was measured."""
    found: list[Finding] = []
    for finding in sorted(findings, key=_urgency):
        row = next((row for row, one in enumerate(found) if _is_same(one, finding)), None)
        if row is None:
            found.append(finding)
        else:
            found[row] = _joined(found[row], finding)
    return found


def _joined(one: Finding, other: Finding) -> Finding:
    """Of one place; the model's finding first."""
    conflicts = [finding.type is FindingType.CONFLICT for finding in (one, other)]
    if all(conflicts) or not any(conflicts):
        return one  # the same source twice: the more suspicious of both
    first, second = (other, one) if conflicts[0] else (one, other)
    return replace(
        first,
        score=1 - (1 - one.score) * (1 - other.score),
        reason=f"{first.reason} {second.reason}",
        weak=one.weak and other.weak,
    )


def _is_same(one: Finding, other: Finding) -> bool:
    return _overlap(one.box_yxyx, other.box_yxyx) > SAME_PLACE


def _overlap(one: Box, other: Box) -> float:
    """Intersection by union of two boxes."""
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    common = max(height, 0) * max(width, 0)
    return common / (_area(one) + _area(other) - common)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
