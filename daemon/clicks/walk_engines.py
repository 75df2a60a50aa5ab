"""Two engines without a network: random walks on colour, with the model's view and without.

The prior says how big an object is before clicks do; held at full weight it would also overrule
them, so its weight falls with each click. Figures below were chosen on soy images of the pool.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daemon.clicks.border_edit import border_edit
from daemon.clicks.click import Click, ClickQuestion, FloatMap, ObjectProbability
from daemon.clicks.click_answer import SEED_PX, answer_to, placed
from daemon.clicks.click_window import ClickWindow, window_around
from daemon.clicks.random_walk import (
    BACKGROUND,
    FREE,
    OBJECT,
    SeedMap,
    WalkProblem,
    walk_probability,
)
from daemon.clicks.walk_features import WalkFeatures, features_of

COLOUR_WALK, PRIOR_WALK = "colour_walk", "prior_walk"

GAMMA = 0.04  # weight of the prior at the first click, against edges of at most 1
DECAY = 0.5  # of that weight, from click to click
BORDER_GAMMA = 0.01  # below it the border of the crop is background, as without a prior
SHIFT_RATE = 0.5  # of the logits that a clicked place lacks
SHIFT_REACH, MOST_SHIFT = 3.0, 2.0  # logits
_REACH = (1 / (1 + math.exp(SHIFT_REACH)), 1 / (1 + math.exp(-SHIFT_REACH)))
_SURE = (0.1, 0.9)  # what an initial mask is worth as a prior, outside and inside


@dataclass(frozen=True, kw_only=True)
class PriorWalk:
    """The walk with a prior; without a prior map or with `gamma` 0 it is the ColourWalk."""

    features: WalkFeatures = WalkFeatures.PLANTS
    gamma: float = GAMMA
    decay: float = DECAY
    name: str = PRIOR_WALK

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        """The object that the clicks mean; see ClickEngine."""
        edited = border_edit(question)
        return self._walked(question) if edited is None else edited

    def _walked(self, question: ClickQuestion) -> ObjectProbability:
        before = question.before
        size = (question.image.shape[0], question.image.shape[1])
        window = window_around(question.clicks, before, size)
        prior = _prior(question, window)
        gamma = 0.0 if prior is None else self._gamma(question)
        found = walk_probability(
            WalkProblem(
                features=features_of(window.picture(question.image), self.features),
                seeds=_seeds(question.clicks, window, size, border=gamma < BORDER_GAMMA),
                prior=prior,
                gamma=gamma,
                start=_start(question, window),
            )
        )
        shift = 0.0 if before is None else shift_after(before, question.clicks[-1])
        values = window.at_image_scale(_shifted(found, shift))
        whole = ObjectProbability(left=window.left, top=window.top, values=values, shift=shift)
        return answer_to(question, whole)

    def _gamma(self, question: ClickQuestion) -> float:
        first = self.gamma if question.initial is None else GAMMA
        return first * self.decay ** (len(question.clicks) - 1)


def colour_walk(features: WalkFeatures = WalkFeatures.PLANTS) -> PriorWalk:
    """The walk on colour alone: what works before there is any model."""
    return PriorWalk(features=features, gamma=0.0, name=COLOUR_WALK)


def shift_after(before: ObjectProbability, last: Click) -> float:
    """The shift that a click asks for, in logits, within MOST_SHIFT.

    A click on a place that the answer before was not sure of (within SHIFT_REACH of 0.5) says that
    the border lies wrong there, and so probably all around the object: it is moved by a part of
    what that place lacks. A click on a sure place means another part of the object.
    """
    row, column = last.y - before.top, last.x - before.left
    if not (0 <= row < before.values.shape[0] and 0 <= column < before.values.shape[1]):
        return before.shift
    was = float(before.values[row, column])
    if not _REACH[0] < was < _REACH[1]:
        return before.shift
    moved = before.shift - SHIFT_RATE * math.log(was / (1 - was))
    return min(max(moved, -MOST_SHIFT), MOST_SHIFT)


def _shifted(probability: FloatMap, shift: float) -> FloatMap:
    odds = np.float32(math.exp(shift))
    return np.asarray(probability * odds / (probability * odds + 1 - probability), np.float32)


def _prior(question: ClickQuestion, window: ClickWindow) -> FloatMap | None:
    """(rows, columns): the initial mask stands in the place of the prior map."""
    if question.initial is not None:
        size = (window.height, window.width)
        inside = placed(question.initial, window.left, window.top, size) >= 0.5
        return window.reduced(np.where(inside, *_SURE[::-1]).astype(np.float32))
    return None if question.prior is None else window.prior(question.prior)


def _start(question: ClickQuestion, window: ClickWindow) -> FloatMap | None:
    if question.previous is None:
        return None
    size = (window.height, window.width)
    return window.reduced(placed(question.previous, window.left, window.top, size))


def _seeds(
    clicks: Sequence[Click], window: ClickWindow, size: tuple[int, int], *, border: bool
) -> SeedMap:
    """(rows, columns): what is known. border: the rim of the crop is background, but not where it
    is the rim of the image, which objects may cross."""
    seeds = np.full((window.rows, window.columns), FREE, np.int8)
    if border:
        inner = (
            window.top > 0,
            window.top + window.height < size[0],
            window.left > 0,
            window.left + window.width < size[1],
        )
        for free, edge in zip(inner, (seeds[0], seeds[-1], seeds[:, 0], seeds[:, -1]), strict=True):
            if free or not any(inner):  # a small image is all crop: something must be background
                edge[:] = BACKGROUND
    for click in clicks:
        cell = window.cell(click.x, click.y)
        if cell is not None:
            rows, columns = (slice(max(at - SEED_PX, 0), at + SEED_PX + 1) for at in cell)
            seeds[rows, columns] = OBJECT if click.positive else BACKGROUND
    return seeds
