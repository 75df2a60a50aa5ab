"""Two engines without a network: random walks on colour, with the model's view and without.

The prior says how big an object is before clicks do; held at full weight it would also overrule
them, so its weight falls when clicks change too little.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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

GAMMA = 0.02  # weight of the prior, against edges of at most 1
SURE_CLICKS = 3  # first clicks at which the prior keeps its weight
DECAY = 0.6  # of its weight, at a click that changed too little
LEAST_CHANGE = 0.02  # of the area of the object
SEED_AREA_PX = (2 * SEED_PX + 1) ** 2 + 3  # a click that changes no more was obeyed at itself only
BORDER_GAMMA = 0.01  # below it the border of the crop is background, as without a prior
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
        before = question.before
        size = (question.image.shape[0], question.image.shape[1])
        window = window_around(question.clicks, before, size)
        prior = _prior(question, window)
        weight = 1.0 if before is None else before.prior_weight
        gamma = 0.0 if prior is None else weight * self._gamma(question)
        found = walk_probability(
            WalkProblem(
                features=features_of(window.picture(question.image), self.features),
                seeds=_seeds(question.clicks, window, size, border=gamma < BORDER_GAMMA),
                prior=prior,
                gamma=gamma,
                start=_start(question, window),
            )
        )
        values = window.at_image_scale(found)
        whole = ObjectProbability(left=window.left, top=window.top, values=values)
        answer = answer_to(question, whole)
        if before is not None and len(question.clicks) > SURE_CLICKS and _stalled(before, answer):
            weight *= self.decay
        return dataclasses.replace(answer, prior_weight=weight)

    def _gamma(self, question: ClickQuestion) -> float:
        return self.gamma if question.initial is None else GAMMA


def colour_walk(features: WalkFeatures = WalkFeatures.PLANTS) -> PriorWalk:
    """The walk on colour alone: what works before there is any model."""
    return PriorWalk(features=features, gamma=0.0, name=COLOUR_WALK)


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


def _stalled(before: ObjectProbability, answer: ObjectProbability) -> bool:
    """Whether a click changed little of the object, or nothing beyond its own seed."""
    rows, columns = answer.values.shape
    old = placed(before, answer.left, answer.top, (rows, columns)) >= 0.5
    new = answer.values >= 0.5
    changed = np.count_nonzero(old != new)
    return changed <= max(SEED_AREA_PX, LEAST_CHANGE * np.count_nonzero(new))
