"""How a careful annotator corrects the regions of a prediction to the true mask."""

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
    """The regions to submit: together exactly `truth`, (H, W) class indices.

    shown: the regions of the prediction. One that is right stays as it is (origin "prediction"); a
    wrong one is redrawn under its id ("prediction-changed"); one of a class that the truth does not
    hold is deleted; a missing class is drawn ("manual").
    """
    shown_by_class = _first_of_each_class(shown)
    result = []
    for drawn in encode(truth, classes, control, {}):
        name = drawn["value"][BITMASK][0]
        result.append(
            _keep_or_redraw(shown_by_class.get(name), drawn, classes, control, truth.shape)
        )
    return result


def _first_of_each_class(shown: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Region by class name. A second region of a class is left out: the first is redrawn."""
    first: dict[str, Mapping[str, Any]] = {}
    for region in shown:
        for name in region.get("value", {}).get(BITMASK, [])[:1]:
            first.setdefault(name, region)
    return first


def _keep_or_redraw(
    shown: Mapping[str, Any] | None,
    drawn: Region,
    classes: ClassSet,
    control: Control,
    size: tuple[int, ...],
) -> Region:
    if shown is None:
        return {**drawn, "origin": "manual"}
    same = np.array_equal(
        _pixels(shown, classes, control, size), _pixels(drawn, classes, control, size)
    )
    if same:
        return {**shown, "origin": "prediction"}
    return {**drawn, "id": shown["id"], "origin": "prediction-changed"}


def _pixels(
    region: Mapping[str, Any], classes: ClassSet, control: Control, size: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    height_px, width_px = size
    decoded = decode([dict(region)], classes, control, (height_px, width_px), "the region shown")
    return np.asarray(decoded.mask != classes.unlabeled)
