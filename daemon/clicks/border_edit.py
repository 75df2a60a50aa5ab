"""Clicks near the border of the mask: such a click moves the border there, and nothing else.

What is wrong with a mask that is nearly right lies along its border, a pixel or two wide. An engine
that solves the object anew at each such click moves the border elsewhere too, by as much as it
corrects here, so that small objects never become better than a pixel all around. A click near the
border is therefore no question to an engine.

People click the middle of what is wrong. So the farther the click lies from the border, the farther
along the border the error goes on, and the deeper: REACH and STEEPNESS are the straight line that
parted wrong pixels from right ones best, in 474 simulated clicks on 30 soy objects of the pool, at
most 2.5 pixels deep. Deeper ones miss a part of the object, which an engine sees in the picture.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np

from daemon.clicks.click import Click, ClickQuestion, FloatMap, ObjectProbability
from daemon.clicks.click_answer import INSIDE, OUTSIDE, component_at
from daemon.clicks.click_window import BoolMap

REACH = 8.0  # pixels along the border, for each pixel that the click lies deeper than the first
STEEPNESS = 5.0  # pixels less of it, for each pixel that a place lies deeper than the first
LEAST_NEAR_PX, MOST_NEAR_PX = 1.5, 3.0  # how deep a click is near the border always, and at most
NEAR = ((5, 0.4), (10, 0.5), (math.inf, 1.0))  # before which click: in radii of the mask


def border_edit(question: ClickQuestion) -> ObjectProbability | None:
    """The answer to a click near the border of the mask before it; None for any other click.

    Pixels that lie nearer to an earlier click of the other sign stay, and so does that click.
    """
    before, last = question.before, question.clicks[-1]
    if before is None:
        return None
    inside = np.asarray(before.values >= 0.5, np.bool_)
    wrong = np.asarray(inside != last.positive, np.bool_)  # if the click were everywhere
    row, column = last.y - before.top, last.x - before.left
    if not (0 <= row < wrong.shape[0] and 0 <= column < wrong.shape[1]):
        return None
    if not wrong[row, column] or wrong.all():
        return None
    depth = _depth(wrong)
    if depth[row, column] > near_px(int(np.count_nonzero(inside)), len(question.clicks)):
        return None
    return _moved(before, question.clicks, depth)


def near_px(area: int, clicks: int) -> float:
    """How deep a click may lie to be near the border. area: pixels of the mask. clicks: so far."""
    share = next(share for before, share in NEAR if clicks < before)
    return min(MOST_NEAR_PX, max(LEAST_NEAR_PX, share * math.sqrt(area / math.pi)))


def _depth(wrong: BoolMap) -> FloatMap:
    """(rows, columns): distance of each pixel to the nearest one that is not wrong."""
    found = cv2.distanceTransform(wrong.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)


def _moved(
    before: ObjectProbability, clicks: Sequence[Click], depth: FloatMap
) -> ObjectProbability:
    """`before`, with pixels around the last click on its side. depth: 0 for pixels that are."""
    last = clicks[-1]
    row, column = last.y - before.top, last.x - before.left
    away = _distance(before, last)
    taken = (depth > 0) & (away < REACH * (depth[row, column] - 1) - STEEPNESS * (depth - 1))
    for click in clicks[:-1]:
        if click.positive != last.positive:
            taken &= away < _distance(before, click)
    taken[row, column] = True
    taken = component_at(taken, row, column)
    values = before.values.copy()
    values[taken] = INSIDE if last.positive else OUTSIDE
    return dataclasses.replace(before, values=values)


def _distance(crop: ObjectProbability, click: Click) -> FloatMap:
    """(rows, columns): from each pixel of the crop to the click."""
    rows, columns = crop.values.shape
    y, x = np.ogrid[:rows, :columns]
    return np.asarray(np.hypot(y - (click.y - crop.top), x - (click.x - crop.left)), np.float32)
