"""How a careful annotator corrects the regions that the page shows, given the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.masks.regions import BITMASK, Control, decode, encode
from daemon.domain import ClassSet, Mask

Region = dict[str, Any]


def correct(
    shown: Sequence[Mapping[str, Any]], truth: Mask, classes: ClassSet, control: Control
) -> list[Region]:
    """The regions to submit: exactly `truth`, made out of those that are shown.

    A shown region that is right already stays as it is (origin "prediction"); a wrong one
    is redrawn under its id ("prediction-changed"); one of a class that is not there is deleted;
    a missing class is drawn ("manual").
    """
    seen = _first_of_each_class(shown)
    result = []
    for drawn in encode(truth, classes, control, {}):
        name = drawn["value"][BITMASK][0]
        result.append(_amend(seen.get(name), drawn, classes, control, truth.shape))
    return result


def _first_of_each_class(shown: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """A second region of a class is redundant: the first is redrawn to hold all of it."""
    found: dict[str, Mapping[str, Any]] = {}
    for region in shown:
        for name in region.get("value", {}).get(BITMASK, [])[:1]:
            found.setdefault(name, region)
    return found


def _amend(
    seen: Mapping[str, Any] | None,
    drawn: Region,
    classes: ClassSet,
    control: Control,
    size: tuple[int, ...],
) -> Region:
    if seen is None:
        return {**drawn, "origin": "manual"}
    same = np.array_equal(
        _pixels(seen, classes, control, size), _pixels(drawn, classes, control, size)
    )
    if same:
        return {**seen, "origin": "prediction"}
    return {**drawn, "id": seen["id"], "origin": "prediction-changed"}


def _pixels(
    region: Mapping[str, Any], classes: ClassSet, control: Control, size: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    height_px, width_px = size
    shown = decode([dict(region)], classes, control, (height_px, width_px), "the region shown")
    return np.asarray(shown.mask != classes.unlabeled)
