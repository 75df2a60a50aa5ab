"""What holds of every answer: clicks are obeyed, far parts stay, and stray parts go.

Pure functions of an answer, the clicks and the answer before them.
"""

from __future__ import annotations

import dataclasses
import functools

import cv2
import numpy as np

from daemon.clicks.click import Click, ClickQuestion, FloatMap, ObjectProbability
from daemon.hrda.click_net.click_crops import Box, box_inside, box_of, union

SEED_PX = 1  # around a click that the answer must obey: 3 x 3 pixels
FREE_CLICKS = 2  # the first answers may change everywhere
INSIDE, OUTSIDE = np.float32(0.51), np.float32(0.49)
HALF = np.float32(0.5)
NOTHING = np.float32(1 / 510)  # what is less becomes 0 in 8 bits


def answer_to(question: ClickQuestion, found: ObjectProbability) -> ObjectProbability:
    """What the network found, as the answer to this question."""
    boxes = [_box(found), box_of((one.x, one.y) for one in question.clicks)]
    if question.previous is not None:
        boxes.append(_box(question.previous))
    window = functools.reduce(union, boxes)
    clicks = tuple(_moved(click, window) for click in question.clicks)
    whole = _within(window, found)
    if question.previous is not None and len(clicks) > FREE_CLICKS:
        whole = merged(whole, _within(window, question.previous), clicks[-1])
    obey(whole, clicks)
    keep_clicked(whole, clicks)
    return trimmed(whole, window)


def merged(new: FloatMap, old: FloatMap, click: Click) -> FloatMap:
    """The old answer, changed only in the connected part of the change that holds the last click
    or its neighbourhood (FocalClick, Chen et al., 2022, 2204.02574)."""
    changed = (new >= HALF) != (old >= HALF)
    _, parts = cv2.connectedComponents(changed.astype(np.uint8), connectivity=8)
    around = parts[_around(click)]
    taken = np.isin(parts, around[around > 0])
    same = ~changed  # where both agree on the side, the newer probability counts
    return np.where(taken | same, new, old)


def obey(values: FloatMap, clicks: tuple[Click, ...]) -> None:
    """Set the pixels around the clicks to their side, in place; the later click wins."""
    for click in clicks:
        part = values[_around(click)]
        if click.positive:
            np.maximum(part, INSIDE, out=part)
        else:
            np.minimum(part, OUTSIDE, out=part)


def keep_clicked(values: FloatMap, clicks: tuple[Click, ...]) -> None:
    """Put parts of the mask without a positive click outside, in place."""
    _, parts = cv2.connectedComponents((values >= HALF).astype(np.uint8), connectivity=8)
    kept = {int(parts[click.y, click.x]) for click in clicks if click.positive} - {0}
    stray = (parts > 0) & ~np.isin(parts, list(kept))
    values[stray] = np.minimum(values[stray], OUTSIDE)


def trimmed(values: FloatMap, window: Box) -> ObjectProbability:
    """The answer in this window of the image without what is nearly 0 around it; at least one
    pixel."""
    box = box_inside(values >= NOTHING) or Box(left=0, top=0, right=1, bottom=1)
    part = values[box.top : box.bottom, box.left : box.right]
    return ObjectProbability(
        left=window.left + box.left, top=window.top + box.top, values=np.ascontiguousarray(part)
    )


def _box(found: ObjectProbability) -> Box:
    height, width = found.values.shape
    return Box(left=found.left, top=found.top, right=found.left + width, bottom=found.top + height)


def _moved(click: Click, window: Box) -> Click:
    return dataclasses.replace(click, x=click.x - window.left, y=click.y - window.top)


def _within(window: Box, found: ObjectProbability) -> FloatMap:
    """The answer in a window of the image that holds it."""
    whole = np.zeros((window.bottom - window.top, window.right - window.left), np.float32)
    top, left = found.top - window.top, found.left - window.left
    height, width = found.values.shape
    whole[top : top + height, left : left + width] = found.values
    return whole


def _around(click: Click) -> tuple[slice, slice]:
    return (
        slice(max(0, click.y - SEED_PX), click.y + SEED_PX + 1),
        slice(max(0, click.x - SEED_PX), click.x + SEED_PX + 1),
    )
