"""Clicks near the border of the mask: such a click moves the border there, and nothing else.

What is wrong with a mask that is nearly right lies along its border, a pixel or two wide. An engine
that solves the object anew at each such click moves the border elsewhere too, by as much as it
corrects here, so that small objects never become better than a pixel all around. A click near the
border is therefore no question to an engine.

People click inside of what is wrong. So the deeper a click lies in the wrong side, the farther the
error goes on along the border; and what looks more like the click's side than the clicked pixel
does is on that side too. The figures of the rule are those of a logistic regression that tells
wrong pixels from right ones around 498 simulated clicks on 30 soy objects of the pool, at most 3
pixels deep. A deeper click misses a part of the object, which an engine sees in the picture.
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
from daemon.clicks.colour_likeness import colour_likeness

FIRST_REACH = 1.6  # pixels around a click beside the border, where colours are alike
REACH = 4.3  # more of them, for each pixel that the click lies deeper
STEEPNESS = 2.0  # fewer of them, for each pixel that a place lies deeper than the first
LIKENESS = 0.63  # more of them, for each logit that a colour looks more like the click's side
MOST_BY_COLOUR_PX = 4.0  # more or fewer of them by colour, at most
MOST_BEYOND_PX = 2.0  # how much deeper than the click a place may lie
RING_PX = (1.5, 8.5)  # how far from the mask its surround begins and ends
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
    return _moved(before, question.clicks, depth, _likeness(question, before, inside))


def near_px(area: int, clicks: int) -> float:
    """How deep a click may lie to be near the border. area: pixels of the mask. clicks: so far."""
    share = next(share for before, share in NEAR if clicks < before)
    return min(MOST_NEAR_PX, max(LEAST_NEAR_PX, share * math.sqrt(area / math.pi)))


def _depth(wrong: BoolMap) -> FloatMap:
    """(rows, columns): distance of each pixel to the nearest one that is not wrong."""
    found = cv2.distanceTransform(wrong.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)


def _likeness(question: ClickQuestion, before: ObjectProbability, inside: BoolMap) -> FloatMap:
    """(rows, columns): how much the colours look like the last click's side, in logits."""
    rows, columns = inside.shape
    picture = question.image[before.top : before.top + rows, before.left : before.left + columns]
    away = _depth(~inside)
    surround = np.asarray((away > RING_PX[0]) & (away < RING_PX[1]), np.bool_)
    found = colour_likeness(picture, inside, surround)
    return found if question.clicks[-1].positive else -found


def _moved(
    before: ObjectProbability, clicks: Sequence[Click], depth: FloatMap, likeness: FloatMap
) -> ObjectProbability:
    """`before`, with pixels around the last click on its side. depth: 0 for pixels that are."""
    last = clicks[-1]
    row, column = last.y - before.top, last.x - before.left
    away, clicked = _distance(before, last), depth[row, column]
    reach = FIRST_REACH + REACH * (clicked - 1) - STEEPNESS * (depth - 1)
    by_colour = LIKENESS * (likeness - likeness[row, column])
    reach += by_colour.clip(-MOST_BY_COLOUR_PX, MOST_BY_COLOUR_PX)
    taken = (depth > 0) & (depth < clicked + MOST_BEYOND_PX) & (away < reach)
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
