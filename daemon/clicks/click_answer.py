"""From a probability to the answer: clicks are obeyed, other components go, far parts stay.

Progressive merge as in FocalClick (CVPR 2022): of what a click changes, only the connected part
that holds the click counts, so that it never damages a part of the mask far from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from daemon.clicks.click import Click, ClickQuestion, FloatMap, ObjectProbability
from daemon.clicks.click_window import BoolMap

SEED_PX = 1  # around the pixel of a click that is on its side too
FREE_CLICKS = 2  # first clicks that may change everything
INSIDE, OUTSIDE = np.float32(0.6), np.float32(0.4)  # the least and most around a click
_DROPPED = np.float32(0.49)  # most of a component that holds no positive click


def answer_to(question: ClickQuestion, found: ObjectProbability) -> ObjectProbability:
    """What an engine found, as its answer: each click is obeyed, of two clicks within SEED_PX of
    each other the later one; then components and merge as this file says."""
    values = np.asarray(found.values, np.float32).clip(0, 1)
    _obey(values, question.clicks, found)
    inside = values >= 0.5
    dropped = inside & ~_kept(inside, question, found)
    values[dropped] = np.minimum(values[dropped], _DROPPED)
    answer = dataclasses.replace(found, values=values)
    if question.before is None or (
        question.initial is None and len(question.clicks) <= FREE_CLICKS
    ):
        return answer
    return merged(question.before, answer, question.clicks[-1])


def merged(before: ObjectProbability, after: ObjectProbability, last: Click) -> ObjectProbability:
    """`before`, with the change that holds the last click taken over from `after`."""
    left, top = min(before.left, after.left), min(before.top, after.top)
    right = max(one.left + one.values.shape[1] for one in (before, after))
    bottom = max(one.top + one.values.shape[0] for one in (before, after))
    size = (bottom - top, right - left)
    old, new = (placed(one, left, top, size) for one in (before, after))
    changed = (old >= 0.5) != (new >= 0.5)
    taken = component_at(changed, last.y - top, last.x - left)
    values = np.where(taken, new, old)
    return dataclasses.replace(after, left=left, top=top, values=values)


def placed(probability: ObjectProbability, left: int, top: int, size: tuple[int, int]) -> FloatMap:
    """The values in another crop of the image, 0 where there are none. size: (rows, columns)."""
    found = np.zeros(size, np.float32)
    rows, columns = probability.values.shape
    down, across = probability.top - top, probability.left - left
    y0, y1 = max(down, 0), min(down + rows, size[0])
    x0, x1 = max(across, 0), min(across + columns, size[1])
    if y0 < y1 and x0 < x1:
        found[y0:y1, x0:x1] = probability.values[y0 - down : y1 - down, x0 - across : x1 - across]
    return found


def mask_of(probability: ObjectProbability, size: tuple[int, int]) -> BoolMap:
    """(H, W): which pixels of an image of this size are the object."""
    return np.asarray(placed(probability, 0, 0, size) >= 0.5, np.bool_)


def component_at(inside: BoolMap, row: int, column: int) -> BoolMap:
    """The 8-connected component that holds a pixel; empty if that is not inside."""
    if not (0 <= row < inside.shape[0] and 0 <= column < inside.shape[1] and inside[row, column]):
        return np.zeros(inside.shape, np.bool_)
    labels = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)[1]
    return np.asarray(labels == labels[row, column], np.bool_)


def _obey(values: FloatMap, clicks: Sequence[Click], crop: ObjectProbability) -> None:
    """Set the pixels around each click to its side, in place, in the order of the clicks."""
    for click in clicks:
        row, column = click.y - crop.top, click.x - crop.left
        rows = slice(max(row - SEED_PX, 0), max(row + SEED_PX + 1, 0))
        columns = slice(max(column - SEED_PX, 0), max(column + SEED_PX + 1, 0))
        around = values[rows, columns]
        if click.positive:
            np.maximum(around, INSIDE, out=around)
        else:
            np.minimum(around, OUTSIDE, out=around)


def _kept(inside: BoolMap, question: ClickQuestion, crop: ObjectProbability) -> BoolMap:
    """The components that hold a positive click or a part of the initial mask."""
    labels = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)[1]
    wanted = {
        int(labels[click.y - crop.top, click.x - crop.left])
        for click in question.clicks
        if click.positive and _holds(crop, click)
    }
    if question.initial is not None:
        size = (inside.shape[0], inside.shape[1])
        initial = placed(question.initial, crop.left, crop.top, size) >= 0.5
        wanted |= set(np.unique(labels[initial]).tolist())
    return np.asarray(np.isin(labels, sorted(wanted - {0})), np.bool_)


def _holds(crop: ObjectProbability, click: Click) -> bool:
    rows, columns = crop.values.shape
    return 0 <= click.y - crop.top < rows and 0 <= click.x - crop.left < columns
