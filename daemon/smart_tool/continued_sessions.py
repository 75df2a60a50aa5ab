"""Clicks with Auto-Accept on: each request holds the newest click only, since Label Studio accepts
the suggestion at once and forgets its clicks (measured on 1.23.2).

A click near an object that was answered within a minute goes on with that object, if the request
itself shows that the object was accepted and left as it was: the person's draft, or the annotation,
holds the region with the mask that was suggested. A draft is some five seconds late, so a quicker
click begins an object of its own, as does a click of somebody else, whose draft lacks the region.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.label_studio.ml_backend import MAX_POINTS, ClickedObject, Point, PredictRequest
from connectors.masks.region_pixels import region_pixels
from connectors.unreadable import UnreadableValue

GO_ON_S = 60.0  # after the last answer
NEAR = 1.5  # sizes of the object, from its middle; its size is the longer side of its box
MOST_TASKS = 100
Inside = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class AnsweredObject:
    """The object that a task's last answer suggested. region: its id. box_yxyx: the first row and
    column of its mask and those behind its last, pixels. pixels: the mask in its box."""

    clicked: ClickedObject
    region: str
    box_yxyx: tuple[int, int, int, int]
    pixels: Inside
    at_s: float


class ContinuedSessions:
    """Remembers the newest object of each task. Thread-safe."""

    def __init__(self) -> None:
        self._newest: OrderedDict[int, AnsweredObject] = OrderedDict()
        self._lock = threading.Lock()

    def remember(
        self, task: int, clicked: ClickedObject, region: str, inside: Inside, now_s: float
    ) -> None:
        """Note what a task's answer suggested. inside: (H, W), not empty."""
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        box = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
        pixels = inside[box[0] : box[2], box[1] : box[3]].copy()
        found = AnsweredObject(
            clicked=clicked, region=region, box_yxyx=box, pixels=pixels, at_s=now_s
        )
        with self._lock:
            self._newest[task] = found
            self._newest.move_to_end(task)
            while len(self._newest) > MOST_TASKS:
                self._newest.popitem(last=False)

    def continued(
        self,
        request: PredictRequest,
        clicked: ClickedObject,
        size: tuple[int, int],
        now_s: float,
    ) -> AnsweredObject | None:
        """The object that the one click of a request goes on with, with that click at its end; None
        where it begins one of its own. size: (height_px, width_px)."""
        with self._lock:
            last = self._newest.get(request.tasks[0])
        if last is None or now_s - last.at_s > GO_ON_S or len(clicked.entries) != 1:
            return None
        (entry,) = clicked.entries
        known = {one.id for one in last.clicked.entries}
        if not isinstance(entry, Point) or entry.id in known or clicked.label != last.clicked.label:
            return None
        shown = request.regions.get(last.region)
        if not _is_near(clicked, last, size) or not _is_unchanged(shown, last, size):
            return None
        entries = (*last.clicked.entries, entry)
        if len(entries) > MAX_POINTS:
            entries = (entries[0], *entries[1 - MAX_POINTS :])
        return replace(last, clicked=replace(last.clicked, entries=entries))


def _is_near(clicked: ClickedObject, last: AnsweredObject, size: tuple[int, int]) -> bool:
    (click,) = clicked.clicks(*size)
    top, left, bottom, right = last.box_yxyx
    away_px = math.hypot(click.x + 0.5 - (left + right) / 2, click.y + 0.5 - (top + bottom) / 2)
    return away_px <= NEAR * max(bottom - top, right - left)


def _is_unchanged(
    shown: Mapping[str, Any] | None, last: AnsweredObject, size: tuple[int, int]
) -> bool:
    """Whether the task holds the region with the mask that was suggested."""
    if shown is None or not isinstance(shown.get("value"), dict) or "type" not in shown:
        return False
    try:
        patch = region_pixels(shown, size)
    except UnreadableValue:
        return False
    whole, expected = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    height_px, width_px = patch.inside.shape
    whole[patch.top : patch.top + height_px, patch.left : patch.left + width_px] = patch.inside
    top, left, bottom, right = last.box_yxyx
    if bottom > size[0] or right > size[1]:
        return False
    expected[top:bottom, left:right] = last.pixels
    return bool(np.array_equal(whole, expected))
